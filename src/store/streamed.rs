//! Rows one by one, by whoever lets others run in between.
//!
//! sqlx takes what its socket has without asking tokio for leave. Where the server is quicker than its reader, a loop over the
//! rows would not end its turn before the last of them; and where its thread is the one that watches sockets and timers, all
//! others of the runtime would hear of theirs no sooner.
//!
//! Deliberately absent: what is made of a row.

use futures::{TryStream, TryStreamExt as _};
use tokio::task::coop::consume_budget;

/// The next row; `None` after the last.
pub(super) async fn next<S: TryStream + Unpin>(rows: &mut S) -> Result<Option<S::Ok>, S::Error> {
    consume_budget().await;
    rows.try_next().await
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU64, Ordering::Relaxed},
    };

    use futures::stream;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn others_run_while_rows_are_there() {
        let turns = AtomicU64::new(0);
        let mut rows = stream::iter((0..10_000_u64).map(Ok::<_, Infallible>));
        let reading = async {
            let mut sum = 0;
            while let Some(row) = next(&mut rows).await.unwrap() {
                sum += row;
            }
            (sum, turns.load(Relaxed))
        };
        let other = async {
            loop {
                turns.fetch_add(1, Relaxed);
                yield_now().await;
            }
        };
        let (sum, turns) = tokio::select! {
            read = reading => read,
            () = other => unreachable!(),
        };
        assert_eq!(sum, 49_995_000);
        // tokio lets a task do 128 things.
        assert!(turns >= 70, "{turns}");
    }
}
