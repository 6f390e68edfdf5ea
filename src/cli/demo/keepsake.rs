//! `demo --report FILE`: the postmortem of the day, which stays when the rest is gone.
//!
//! Deliberately absent: what it says, which is `report`'s.

use std::{path::PathBuf, str::FromStr};

use crate::{
    cli::{CliError, report::Form},
    demo::{DemoError, Stage, story::Story},
    replay::postmortem::{PostmortemQuery, Subject, postmortem},
};

/// The TTL of the what-if.
const TTL: u32 = 300;

/// Where to, and in which form: as the file's name ends.
#[derive(Debug, Clone)]
pub(super) struct Keepsake {
    path: PathBuf,
    /// `None`: JSON.
    form: Option<Form>,
}

impl FromStr for Keepsake {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let form = match ending {
            Some("html") => Some(Form::Html),
            Some("md") => Some(Form::Markdown),
            Some("json") => None,
            _ => return Err("its name says the form: .html, .md or .json"),
        };
        Ok(Self { path, form })
    }
}

impl Keepsake {
    /// Writes the postmortem of the whole day.
    pub(super) async fn write(&self, story: Story, stage: &Stage) -> Result<(), CliError> {
        let query = PostmortemQuery {
            subject: Subject::Window {
                from: story.begins(),
                to: story.ends(),
                names: Vec::new(),
            },
            ttl: TTL,
        };
        let made = Box::pin(postmortem(stage.store(), &query, stage.resolvers()));
        let Some(made) = made.await? else {
            return Ok(());
        };
        let text = match self.form {
            Some(form) => form.page(&made),
            None => serde_json::to_string_pretty(&made).map_err(std::io::Error::from)?,
        };
        let written = std::fs::write(&self.path, text);
        written.map_err(|source| {
            let doing = "writing the report";
            CliError::from(DemoError::System { doing, source })
        })
    }
}
