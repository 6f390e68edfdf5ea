//! Plays a scenario: its stage is set, then round follows round.
//!
//! Deliberately absent: expectations.

use super::{
    file::{File, Said},
    outcome::Record,
    stage::{Act, Stage},
};

/// Everything that is said in a scenario. An error begins with the number of its line.
pub(super) fn play(file: &File) -> Result<Vec<Said>, String> {
    let mut stage = Stage::new();
    for line in file.script.iter().filter(|line| !line.is_remark()) {
        let told = stage.tell(line);
        told.map_err(|error| format!("{}: {error}", line.number))?;
    }
    run(stage.finish())
}

fn run(stage: Stage) -> Result<Vec<Said>, String> {
    let Stage {
        world,
        mut scene,
        rounds,
        acts,
        ..
    } = stage;
    let (mut now, until, period) = rounds.ok_or("1: `rounds` is missing")?;
    let mut acts = acts.into_iter().peekable();
    let (mut record, mut is_away) = (Record::default(), false);
    while now <= until {
        while let Some((_, act)) = acts.next_if(|(at, _)| *at <= now) {
            match act {
                Act::Stop => is_away = true,
                Act::Restart => (scene, is_away) = (scene.restarted(), false),
                Act::Policy(policy) => scene.policy = *policy,
                Act::Zone(zone) => scene.zones.insert(zone),
            }
        }
        if !is_away {
            let round = scene.round(now, &|source, question, at| {
                world.answer(source, question, at)
            });
            record.see(now, &round);
        }
        now += period;
    }
    Ok(record.said)
}
