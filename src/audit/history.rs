//! history

use crate::types::Span;

/// What one observation did to the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanChange {
    /// The span as it stands now.
    pub span: Span,
    /// Whether the observation opened it.
    pub opened: bool,
}
