//! The resolver that a text names: an id, or a preset over another transport, as in `quad9+tls`.
//!
//! Deliberately absent: a resolver of one's own over another transport by name. Which ports and names it has there,
//! only its owner can say.

use std::sync::Arc;

use super::{
    Config,
    error::{Complaint, suggestion},
    presets,
};
use crate::types::{Resolver, Transport};

/// The resolver of this name among the known ones, or made of a preset.
pub(super) fn named(known: &[Arc<Resolver>], text: &str) -> Result<Arc<Resolver>, Complaint> {
    let find = |id: &str| known.iter().find(|resolver| resolver.id == id).cloned();
    if let Some(resolver) = find(text) {
        return Ok(resolver);
    }
    let ids: Vec<&str> = known.iter().map(|resolver| resolver.id.as_str()).collect();
    let (id, word) = match text.split_once('+') {
        Some((id, word)) => (id, Some(word)),
        None => (text, None),
    };
    let Some(resolver) = find(id) else {
        let complaint = Complaint::new(format!("there is no resolver `{id}`"));
        return Err(complaint.hint(suggestion(id, &ids)));
    };
    let transport = transport(word.unwrap_or_default())?;
    if resolver.transport == transport {
        return Ok(resolver);
    }
    over(&resolver, transport).map(Arc::new)
}

fn over(resolver: &Resolver, transport: Transport) -> Result<Resolver, Complaint> {
    let id = &resolver.id;
    if !presets::is_preset(id) {
        let message =
            format!("only presets can be asked over another transport by name, and `{id}` is none");
        let hint = format!("write another [[resolver]] with `transport = \"{transport}\"`");
        return Err(Complaint::new(message).hint(hint));
    }
    presets::over(resolver, transport).ok_or_else(|| {
        let offered = presets::transports(id);
        let offered: Vec<&str> = offered.iter().map(|offered| offered.as_str()).collect();
        let message = format!("`{id}` is not known to offer {transport}");
        let hint = format!(
            "it offers {}; where you know better, write a [[resolver]]",
            offered.join(", ")
        );
        Complaint::new(message).hint(hint)
    })
}

/// Reads the word for a transport.
pub(super) fn transport(text: &str) -> Result<Transport, Complaint> {
    let mut all = Transport::ALL.into_iter();
    all.find(|transport| transport.as_str() == text)
        .ok_or_else(|| {
            let words = Transport::ALL.map(Transport::as_str);
            Complaint::new(format!("`{text}` is no transport")).hint(suggestion(text, &words))
        })
}

impl Config {
    /// The resolver of this id, or a preset over another transport: `quad9+tls`.
    ///
    /// # Errors
    ///
    /// Nothing has that name: what is wrong with it, in words.
    pub fn named(&self, text: &str) -> Result<Arc<Resolver>, String> {
        named(&self.resolvers, text).map_err(|complaint| match complaint.hint {
            Some(hint) => format!("{} ({hint})", complaint.message),
            None => complaint.message,
        })
    }
}
