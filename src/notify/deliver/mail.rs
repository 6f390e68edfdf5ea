//! One message handed to a mail server over SMTP.
//!
//! The server's host is resolved as a webhook's is, and the connection goes to the checked address; the certificate must
//! still be the host's. Deliberately absent: what the mail says, and mail servers of recipients.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::{Host, Url};
use uuid::Uuid;

use super::outcome::{Delivery, one_line};
use crate::{config::Email, notify::mail::Mail};

/// Where mail is handed over unless the address says so: 465 where it is encrypted from the start (RFC 8314 section 3.3),
/// else 587 (RFC 6409).
const PORTS: [u16; 2] = [465, 587];

/// The host of the mail server's address.
pub(super) fn host(email: &Email) -> Result<(Url, Host), String> {
    let url = Url::parse(email.url.expose_str().trim())
        .map_err(|error| format!("the channel's URL is not valid: {error}"))?;
    // Of schemes that it does not know the parser leaves the host as it is written.
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    let host = host.ok_or("the channel's URL has no host")?;
    Ok((url, host))
}

/// Hands over one mail at the server's `address`.
pub(super) async fn send(
    email: &Email,
    (url, host): (&Url, &Host),
    address: IpAddr,
    mail: &Mail,
    id: Uuid,
    now: DateTime<Utc>,
    patience: Duration,
) -> Delivery {
    let message = match written(email, mail, id, now) {
        Ok(message) => message,
        Err(why) => return Delivery::Dead { why },
    };
    let transport = match transport(email, url, host, address, patience) {
        Ok(transport) => transport,
        Err(why) => return Delivery::retry(why),
    };
    match tokio::time::timeout(patience, transport.send(message)).await {
        Err(_) => Delivery::retry(format!(
            "no reply within {}",
            humantime::format_duration(patience)
        )),
        Ok(Ok(reply)) => Delivery::Delivered {
            answer: said(reply.code().to_string(), reply.message()),
        },
        Ok(Err(error)) => {
            let why = one_line(&super::chain(&error));
            // A refusal for good (5yz, RFC 5321 section 4.2.1) is of this mail; of the log-in it passes once it is mended.
            let of_login = error
                .status()
                .is_some_and(|code| matches!(code.to_string().as_str(), "530" | "534" | "535"));
            if error.is_permanent() && !of_login {
                Delivery::Dead { why }
            } else {
                Delivery::retry(why)
            }
        }
    }
}

fn said<'a>(code: String, lines: impl Iterator<Item = &'a str>) -> String {
    let text = one_line(&lines.collect::<Vec<_>>().join(" "));
    if text.is_empty() {
        return code;
    }
    format!("{code} {text}")
}

fn transport(
    email: &Email,
    url: &Url,
    host: &Host,
    address: IpAddr,
    patience: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let parameters = || {
        TlsParameters::new_rustls(host.to_string())
            .map_err(|error| format!("no TLS: {}", super::chain(&error)))
    };
    let from_the_start = url.scheme() == "smtps";
    let tls = match (from_the_start, email.plaintext) {
        (true, _) => Tls::Wrapper(parameters()?),
        (false, false) => Tls::Required(parameters()?),
        (false, true) => Tls::None,
    };
    let usual = PORTS[usize::from(!from_the_start)];
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
        .port(url.port().unwrap_or(usual))
        .timeout(Some(patience))
        .tls(tls);
    if let Some(password) = url.password() {
        let plain = |text: &str| {
            percent_decoded(text).ok_or_else(|| "the channel's URL holds a bad escape".to_owned())
        };
        builder = builder.credentials(Credentials::new(plain(url.username())?, plain(password)?));
    }
    Ok(builder.build())
}

/// A user's name or password as it is meant: in an address some characters must be escaped.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        plain.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(plain).ok()
}

fn written(email: &Email, mail: &Mail, id: Uuid, now: DateTime<Utc>) -> Result<Message, String> {
    let mailbox = |text: &str| {
        let parsed = text.parse::<Mailbox>();
        parsed.map_err(|error| format!("`{text}` is no mail address: {error}"))
    };
    let mut builder = Message::builder()
        .from(mailbox(&email.from)?)
        .subject(&mail.subject)
        .date(now.into())
        .message_id(Some(format!("<{id}@dns-auditor.invalid>")))
        .header(header::ContentType::TEXT_PLAIN);
    for recipient in &email.to {
        builder = builder.to(mailbox(recipient)?);
    }
    if let Some(thread) = &mail.thread {
        // Mail programs gather by it what belongs together, whether or not they have seen the first.
        builder = builder.references(format!("<{thread}@dns-auditor.invalid>"));
    }
    builder
        .body(mail.text.clone())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_an_address_are_undone() {
        assert_eq!(
            percent_decoded("p%40ss%2Fw%C3%B6rd").as_deref(),
            Some("p@ss/wörd")
        );
        assert_eq!(percent_decoded("plain").as_deref(), Some("plain"));
        assert_eq!(percent_decoded("50%"), None);
        assert_eq!(percent_decoded("%zz"), None);
    }
}
