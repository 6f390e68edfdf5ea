//! `backtest`: what a changed configuration would have fired on the stored history.
//!
//! Deliberately absent: judging, and any change of the history.

mod report;

use super::{CliError, EXIT_OK, EXIT_UNKNOWN, history, output::Output, window::RoundsArgs};
use crate::{
    config::Config,
    evaluator,
    replay::backtest::{BacktestQuery, backtest},
};

pub(super) async fn run(
    args: &RoundsArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.ends()?;
    let told = history::read(config, output, async |store| {
        let calibrations = store.calibrations(&config.vantage, to).await?;
        let config = config.calibrated(&calibrations, to);
        let groups = config.groups.iter();
        let query = BacktestQuery {
            vantage: config.vantage.clone(),
            from,
            to,
            groups: groups
                .map(|group| (group.name.clone(), evaluator::setting(group)))
                .collect(),
        };
        backtest(store, &query).await
    });
    let told = told.await?;
    output.list(&told, report::table, report::listing)?;
    Ok(if told.rounds > 0 {
        EXIT_OK
    } else {
        EXIT_UNKNOWN
    })
}
