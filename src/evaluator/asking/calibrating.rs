//! Puts the questions of a calibration: the canary zone's own servers first, then a resolver's addresses, wave by wave.
//!
//! Deliberately absent: what the replies mean, which is [`crate::audit::calibration`]'s.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Ask, Asker, resolver_options};
use crate::{
    audit::calibration::{
        Again, Calibration, Expiry, Measured, ServeStale,
        canary::{Canary, NotServed, Served},
        expiry,
        plan::{self, Probe},
        read_again,
    },
    clock,
    names::{DnsName, NameError},
    probe::WalkError,
    types::{Flags, Observation, QueryOptions, Resolver, Source},
};

/// How long one attempt is waited for. A resolver that finds no authority takes its time to say so.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// The same while the zone's servers are stopped: some give a stale answer only after they have given up.
const LONG_PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

/// Why a canary zone cannot be measured with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// Nobody told where the zone is.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// None of its servers answered.
    #[error("no server of `{0}` answers: is it delegated, and are its servers running?")]
    Silent(DnsName),
    /// It does not hold what it must.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// Its names are too long.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Asker {
    /// What the canary zone's own servers say of its names, asked about names that nobody asked before.
    ///
    /// # Errors
    ///
    /// The zone is not found, its servers are silent, or it holds something else.
    pub async fn served(&self, canary: &Canary) -> Result<Served, CanaryError> {
        let zone = self
            .delegations
            .zone_of(canary.origin(), clock::now())
            .await?;
        let token = token();
        let mut refused = CanaryError::Silent(canary.origin().clone());
        for server in &zone.servers {
            match self.served_by(&server.source(), canary, &token).await {
                Ok(served) => return Ok(served),
                Err(CanaryError::Silent(_)) => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    async fn served_by(
        &self,
        server: &Source,
        canary: &Canary,
        token: &str,
    ) -> Result<Served, CanaryError> {
        let how = Ask {
            max_qps: Some(self.authority_qps),
            ..Ask::default()
        };
        let ask = async |kind| {
            let question = canary.question(token, Probe::new(kind, 0))?;
            let reply = self.prober.ask(server, &question, &how).await;
            if reply.flags.has(Flags::AA) {
                Ok(reply)
            } else {
                Err(CanaryError::Silent(canary.origin().clone()))
            }
        };
        let [long, fading, short, zero, absent] = Served::PROBES;
        let replies = [
            ask(long).await?,
            ask(fading).await?,
            ask(short).await?,
            ask(zero).await?,
            ask(absent).await?,
        ];
        Ok(Served::read(&replies)?)
    }

    /// Measures every address of a resolver, all at once: 70 questions each, within its budget, in about 15 seconds.
    ///
    /// # Errors
    ///
    /// The zone's names are too long.
    pub async fn calibrate(
        &self,
        canary: &Canary,
        served: &Served,
        resolver: &Resolver,
    ) -> Result<Vec<Calibration>, CanaryError> {
        let measure = async |source: Source| {
            let token = token();
            let how = how(resolver, PATIENCE, 2);
            let replies = self
                .put(&source, canary, &token, plan::waves(), how)
                .await?;
            let zone = canary.origin().clone();
            Ok(Calibration::of(
                source,
                zone,
                token,
                served,
                &replies,
                clock::now(),
            ))
        };
        let measured = join_all(resolver.sources().map(measure)).await;
        measured.into_iter().collect()
    }

    /// Asks an address again for what it was asked in an earlier run, while the zone's servers are stopped; waits until its
    /// TTLs have ended. Gives what that says of stale answers, and when.
    ///
    /// # Errors
    ///
    /// The zone's names are too long.
    pub async fn calibrate_stale(
        &self,
        resolver: &Resolver,
        earlier: &Calibration,
    ) -> Result<(Measured<ServeStale>, DateTime<Utc>), CanaryError> {
        let now = clock::now();
        match expiry(earlier, now) {
            Expiry::At(at) => sleep((at - now).to_std().unwrap_or_default()).await,
            Expiry::Never(why) => return Ok((why, now)),
        }
        let canary = Canary::new(earlier.zone.clone())?;
        let how = how(resolver, LONG_PATIENCE, 1);
        let put = async |token: &str, waves| {
            self.put(&earlier.source, &canary, token, waves, how.clone())
                .await
        };
        let new = put(&token(), plan::never_asked()).await?;
        let expired = put(&earlier.token, plan::expired()).await?;
        let again = Again {
            earlier,
            new: &new,
            expired: &expired,
            now: clock::now(),
        };
        Ok((read_again(again), again.now))
    }

    /// Puts waves of questions to one address. A wave begins when the one before has been answered, and not too early.
    async fn put(
        &self,
        source: &Source,
        canary: &Canary,
        token: &str,
        waves: Vec<Vec<Probe>>,
        how: Arc<Ask>,
    ) -> Result<Vec<(Probe, Observation)>, NameError> {
        let mut replies = Vec::new();
        for wave in waves {
            let next = Instant::now() + plan::APART;
            let mut batch = self.prober.batch();
            let mut asked = Vec::with_capacity(wave.len());
            for probe in wave {
                let question = canary.question(token, probe)?;
                asked.push((question.clone(), probe));
                batch.push(source.clone(), question, how.clone()).await;
            }
            while let Some(reply) = batch.next().await {
                let of_reply = |(question, _): &&(_, _)| *question == reply.question;
                let probe = asked.iter().find(of_reply).map(|(_, probe)| *probe);
                replies.extend(probe.map(|probe| (probe, reply)));
            }
            sleep_until(next).await;
        }
        Ok(replies)
    }
}

fn how(resolver: &Resolver, timeout: std::time::Duration, attempts: u8) -> Arc<Ask> {
    Arc::new(Ask {
        timeout,
        attempts,
        max_qps: Some(resolver.max_qps),
        options: resolver_options(resolver, QueryOptions::default()),
        endpoint: resolver.endpoint.clone(),
        fresh: false,
    })
}

/// What the names of one run begin with: nobody has asked for them before.
fn token() -> String {
    format!("c{:012x}", rand::random::<u64>() >> 16)
}
