//! The `dns-auditor` program: reads the command line and hands it on.

use std::process::ExitCode;

use dns_auditor::cli;

fn main() -> ExitCode {
    let cli = cli::parse();
    cli::start_logging(&cli);
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            ExitCode::from(3)
        }
    }
}
