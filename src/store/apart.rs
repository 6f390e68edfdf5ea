//! Parts of a question that are asked at the same time, each in a task of its own: reading rows takes a processor.
//!
//! Deliberately absent: how many connections there are. A part that finds none free waits for one.

use tokio_util::task::AbortOnDropHandle;

use super::StoreError;

/// A part that is being asked. It ends with whoever waits for it.
pub(super) struct Apart<T>(AbortOnDropHandle<Result<T, StoreError>>);

impl<T: Send + 'static> Apart<T> {
    /// Begins at once.
    pub(super) fn begin(
        part: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Self {
        Self(AbortOnDropHandle::new(tokio::spawn(part)))
    }

    /// What came of it.
    pub(super) async fn ended(self) -> Result<T, StoreError> {
        let ended = self.0.await;
        ended.map_err(|error| StoreError::unreadable("part of a question", error))?
    }
}
