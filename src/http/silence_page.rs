//! `/silence?incident=ID`: the page on which somebody keeps an incident quiet, where the links in messages lead.
//!
//! A form and nothing else: no script runs, and its own style is all that it may load. There is no log-in, as nowhere here;
//! what must not happen is that a page of somebody else's makes a silence through the browser of a person who can reach the
//! port. So what is sent must come from this page, by the browser's own word (`Origin`, `Sec-Fetch-Site`), at the address
//! that `http.url` has. Deliberately absent: changing a silence, and what a silence means (`audit::quiet`).

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::{Context, parameters::Parameters, problem::Problem, silences::NewSilence};
use crate::{
    audit::{
        incident::{Incident, Status},
        quiet::{Silence, matchers_of},
        short_id,
    },
    cli::report::escape,
    clock,
    types::Matchers,
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;color:#1d1c1d}\
    label{display:block;margin:1em 0 .2em;font-weight:600}input,select,textarea{font:inherit;width:100%;box-sizing:border-box;\
    padding:.4em}textarea{font-family:monospace}button{font:inherit;margin-top:1.2em;padding:.5em 1.2em}\
    .wrong{color:#a00;font-weight:600}code{overflow-wrap:anywhere}";

/// How long a silence may be made here, minutes, and what that is called.
const LENGTHS: [(i64, &str); 7] = [
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
    (1_440, "1 day"),
    (10_080, "1 week"),
];

/// What the form holds.
struct Filled {
    incident: Uuid,
    /// One matcher a line.
    matchers: String,
    minutes: i64,
    by: String,
    comment: String,
}

/// `GET /silence?incident=ID`: the incident, and the form.
pub(super) async fn form(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Response, Problem> {
    let id = given.take("incident", str::parse::<Uuid>)?;
    given.end("incident")?;
    let missing = || Problem::BadRequest("incident: which one? /silence?incident=ID".to_owned());
    let incident = find(&context, id.ok_or_else(missing)?).await?;
    let filled = Filled {
        incident: incident.id,
        matchers: matchers_of(&incident).join("\n"),
        minutes: 60,
        by: String::new(),
        comment: format!("incident {}", short_id(incident.id)),
    };
    Ok(page(StatusCode::OK, &form_page(&incident, &filled, None)))
}

/// `POST /silence`: makes it, or shows the form again with what is wrong.
pub(super) async fn make(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    refuse_others(&headers, &context.base_url)?;
    let filled = read(&body)?;
    let incident = find(&context, filled.incident).await?;
    let now = clock::now();
    let silence = match silence(&filled, now) {
        Ok(silence) => silence,
        Err(why) => {
            let again = form_page(&incident, &filled, Some(&why));
            return Ok(page(StatusCode::BAD_REQUEST, &again));
        }
    };
    context.store.add_silence(&silence).await?;
    Ok(page(StatusCode::CREATED, &made_page(&silence)))
}

async fn find(context: &Context, id: Uuid) -> Result<Incident, Problem> {
    let found = context.store.bare_incident(id).await?;
    found.ok_or_else(|| Problem::NotFound("there is no incident with this id".to_owned()))
}

/// Refuses what was not sent by this page, at the address that people know it by.
fn refuse_others(headers: &HeaderMap, base_url: &str) -> Result<(), Problem> {
    let own = Url::parse(base_url).map(|url| url.origin().ascii_serialization());
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = text("origin").is_some_and(|origin| own.is_ok_and(|own| own == origin));
    let by_own = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    if is_own && by_own {
        return Ok(());
    }
    let why =
        format!("this form is taken from {base_url} only; set http.url to the address you use");
    Err(Problem::Forbidden(why))
}

fn read(body: &[u8]) -> Result<Filled, Problem> {
    let mut fields: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    let mut take = |name: &str| {
        let missing = || Problem::BadRequest(format!("the form has no `{name}`"));
        fields.remove(name).ok_or_else(missing)
    };
    let wrong = |name: &str| Problem::BadRequest(format!("`{name}` is not what the form offers"));
    let minutes = take("minutes")?.parse().ok();
    let minutes = minutes.filter(|minutes| LENGTHS.iter().any(|(known, _)| known == minutes));
    Ok(Filled {
        incident: take("incident")?.parse().map_err(|_| wrong("incident"))?,
        matchers: take("matchers")?.replace('\r', ""),
        minutes: minutes.ok_or_else(|| wrong("minutes"))?,
        by: take("by")?,
        comment: take("comment")?,
    })
}

fn silence(filled: &Filled, now: DateTime<Utc>) -> Result<Silence, String> {
    let lines = filled.matchers.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty()).map(str::to_owned);
    let matchers = Matchers::try_from(lines.collect::<Vec<String>>());
    let by = filled.by.trim();
    let asked = NewSilence {
        matchers: matchers.map_err(|why| why.to_string())?,
        starts_at: None,
        ends_at: now + TimeDelta::minutes(filled.minutes),
        by: (!by.is_empty()).then(|| by.to_owned()),
        comment: filled.comment.trim().to_owned(),
    };
    asked.made(now).map_err(|why| why.to_string())
}

fn form_page(incident: &Incident, filled: &Filled, wrong: Option<&str>) -> String {
    let mut page = format!("<h1>Silence incident {}</h1>\n", short_id(incident.id));
    let state = format!(
        "{} · {} · {} · {}",
        incident.status.as_str(),
        incident.severity,
        incident.verdict,
        incident.key.subject
    );
    let _ = write!(
        page,
        "<p>{}</p>\n<p>{}</p>\n",
        escape(&state),
        escape(&incident.reason)
    );
    if incident.status == Status::Resolved {
        page += "<p class=\"wrong\">It is over: there is nothing left to silence.</p>\n";
    }
    if let Some(why) = wrong {
        let _ = writeln!(page, "<p class=\"wrong\">{}</p>", escape(why));
    }
    let options = LENGTHS.iter().fold(String::new(), |text, (minutes, name)| {
        let chosen = if *minutes == filled.minutes {
            " selected"
        } else {
            ""
        };
        format!("{text}<option value=\"{minutes}\"{chosen}>{name}</option>")
    });
    let matchers: Vec<_> = filled.matchers.lines().map(escape).collect();
    let _ = write!(
        page,
        "<form method=\"post\" action=\"\">\n<input type=\"hidden\" name=\"incident\" value=\"{}\">\n\
         <label for=\"matchers\">Which incidents: all of these must hold</label>\n\
         <textarea id=\"matchers\" name=\"matchers\" rows=\"6\" required>\n{}</textarea>\n\
         <label for=\"minutes\">For how long</label>\n<select id=\"minutes\" name=\"minutes\">{options}</select>\n\
         <label for=\"by\">Who you are</label>\n<input id=\"by\" name=\"by\" autocomplete=\"name\" value=\"{}\">\n\
         <label for=\"comment\">Why</label>\n<input id=\"comment\" name=\"comment\" required value=\"{}\">\n\
         <button>Silence</button>\n</form>\n",
        filled.incident,
        matchers.join("\n"),
        escape(&filled.by),
        escape(&filled.comment),
    );
    page
}

fn made_page(silence: &Silence) -> String {
    let texts = silence.matchers.texts();
    let matchers = texts.iter().fold(String::new(), |text, matcher| {
        format!("{text}<li><code>{}</code></li>", escape(matcher))
    });
    format!(
        "<h1>Silenced until {}</h1>\n<ul>{matchers}</ul>\n<p>By {}: {}</p>\n\
         <p>What is still open then is told once. To end it before: <code>dns-auditor silence expire {}</code></p>\n",
        silence.ends_at.format("%Y-%m-%d %H:%M UTC"),
        escape(&silence.made_by),
        escape(&silence.comment),
        short_id(silence.id)
    )
}

/// A whole page that loads nothing, runs nothing, and stands in no frame.
fn page(status: StatusCode, body: &str) -> Response {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    });
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>dns-auditor: silence</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        // Without the page's own origin the browser would not say whose form it is.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}
