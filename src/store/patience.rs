//! Repeating a call while the database is away: for a bounded time, each attempt bounded as well.
//!
//! Deliberately absent: which calls may be repeated. Each says so itself.

use std::time::{Duration, Instant};

use super::StoreError;

/// How long one attempt may take, whatever patience is left: a database that is slow is not away. But a server that is frozen, or behind a broken network, never says that it is gone.
const ATTEMPT: Duration = Duration::from_secs(30);

/// The pause after the first failed attempt, and the longest after later ones.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Calls until the database takes it, refuses it for good, or `limit` is over. The call hears whether it was made before:
/// its first answer may be what was lost.
pub async fn insist<T, Called>(
    limit: Duration,
    call: impl FnMut(bool) -> Called,
) -> Result<T, StoreError>
where
    Called: Future<Output = Result<T, StoreError>>,
{
    insist_by(ATTEMPT, limit, call).await
}

async fn insist_by<T, Called>(
    attempt: Duration,
    limit: Duration,
    mut call: impl FnMut(bool) -> Called,
) -> Result<T, StoreError>
where
    Called: Future<Output = Result<T, StoreError>>,
{
    let until = Instant::now() + limit;
    let (mut again, mut pause) = (false, PAUSES[0]);
    loop {
        let answer = match tokio::time::timeout(attempt, call(again)).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::Silent(attempt)),
        };
        match answer {
            Err(error) if error.is_transient() && Instant::now() + pause < until => {
                // Told by whoever gives up; a database that comes back in time is nobody's worry.
                tracing::debug!(%error, "the database is away; trying again");
            }
            answer => return answer,
        }
        again = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> StoreError {
        StoreError::Silent(Duration::ZERO)
    }

    #[tokio::test]
    async fn a_call_is_repeated_until_it_succeeds_and_knows_that_it_is_a_repetition() {
        let mut calls = Vec::new();
        let answer = insist(Duration::from_mins(1), |again| {
            calls.push(again);
            let answer = if calls.len() < 3 { Err(away()) } else { Ok(7) };
            std::future::ready(answer)
        });
        assert_eq!(answer.await.unwrap(), 7);
        assert_eq!(calls, [false, true, true]);
    }

    #[tokio::test]
    async fn patience_ends_and_what_is_refused_for_good_is_not_repeated() {
        let limit = Duration::from_millis(300);
        let began = Instant::now();
        let answer = insist_by::<(), _>(limit, limit, |_| std::future::pending()).await;
        assert!(matches!(answer, Err(StoreError::Silent(_))));
        let answer = insist::<(), _>(limit, |_| std::future::ready(Err(away()))).await;
        assert!(matches!(answer, Err(StoreError::Silent(_))));
        assert!(began.elapsed() < limit * 3, "{:?}", began.elapsed());
        let mut calls = 0;
        let answer = insist::<(), _>(limit, |_| {
            calls += 1;
            std::future::ready(Err(StoreError::RoundNotRunning(1)))
        });
        assert!(matches!(answer.await, Err(StoreError::RoundNotRunning(1))));
        assert_eq!(calls, 1);
    }
}
