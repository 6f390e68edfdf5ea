//! Declared changes and flushes: written, withdrawn, listed, and handed to rounds.
//!
//! Deliberately absent: what they mean, which is `audit::declared`'s rule, and changing one.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{RecordedSpan, Store, StoreError, columns};
use crate::{
    audit::declared::{Change, Declaration, Declared, Kind, Progress, progress},
    names::DnsName,
};

/// Which declarations.
#[derive(Debug, Clone, Default)]
pub struct DeclarationFilter {
    /// Only this one.
    pub id: Option<Uuid>,
    /// Only those of one kind.
    pub kind: Option<Kind>,
    /// Only those that speak of one of these names; empty: of any.
    pub names: Vec<DnsName>,
    /// Those that were withdrawn, too.
    pub withdrawn: bool,
}

/// A declared change, and how far it has come. In JSON its own fields stand beside `progress`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowedChange {
    /// The change.
    #[serde(flatten)]
    pub declaration: Declaration,
    /// How far it has come.
    pub progress: Progress,
}

/// A declaration's row.
struct Row {
    declaration_id: Uuid,
    document: Json,
    declared_at: DateTime<Utc>,
    declared_by: String,
    via: String,
    withdrawn_at: Option<DateTime<Utc>>,
    withdrawn_by: Option<String>,
}

impl Row {
    fn read(self) -> Result<Declaration, StoreError> {
        Ok(Declaration {
            id: self.declaration_id,
            matter: columns::from_json("declaration", self.document)?,
            declared_at: self.declared_at,
            declared_by: self.declared_by,
            via: columns::variant_from_text("via", self.via)?,
            withdrawn_at: self.withdrawn_at,
            withdrawn_by: self.withdrawn_by,
        })
    }
}

impl Store {
    /// Writes a declaration. The same one again changes nothing: whoever lost the answer may repeat the call.
    pub async fn declare(&self, declaration: &Declaration) -> Result<(), StoreError> {
        let names: Vec<String> = declaration
            .matter
            .names()
            .iter()
            .map(ToString::to_string)
            .collect();
        sqlx::query!(
            "-- declare
            insert into declaration (declaration_id, kind, names, at, document, declared_at, declared_by, via)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict do nothing",
            declaration.id,
            declaration.matter.kind().as_str(),
            &names,
            declaration.matter.at(),
            columns::to_json(&declaration.matter)?,
            declaration.declared_at,
            columns::without_nul(&declaration.declared_by),
            columns::variant_to_text(&declaration.via)?
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Withdraws a declaration in somebody's name: it holds no more from `now` on. `false`: there is none of this kind with
    /// this id, or it is withdrawn already.
    pub async fn withdraw(
        &self,
        kind: Kind,
        id: Uuid,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "-- withdraw
            update declaration set withdrawn_at = $3, withdrawn_by = $4
            where declaration_id = $1 and kind = $2 and withdrawn_at is null",
            id,
            kind.as_str(),
            now,
            columns::without_nul(by)
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The declarations that rounds are judged with, as they stand at `now`.
    pub async fn declared(&self, now: DateTime<Utc>) -> Result<Declared, StoreError> {
        let standing = self.declarations(&DeclarationFilter::default()).await?;
        Ok(Declared::holding(standing, now))
    }

    /// The declarations that a filter lets through, in order of the instants they are about.
    pub async fn declarations(
        &self,
        filter: &DeclarationFilter,
    ) -> Result<Vec<Declaration>, StoreError> {
        let names = columns::texts(&filter.names);
        let rows = sqlx::query_as!(
            Row,
            "-- declarations
            select declaration_id, document, declared_at, declared_by, via, withdrawn_at, withdrawn_by
            from declaration
            where ($1::text is null or kind = $1) and (cardinality($2::text[]) = 0 or names && $2)
                and ($3 or withdrawn_at is null) and ($4::uuid is null or declaration_id = $4)
            order by at, declared_at, declaration_id",
            filter.kind.map(Kind::as_str),
            &names,
            filter.withdrawn,
            filter.id
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// The changes that a filter lets through, and how far each has come by `now`.
    pub async fn followed_changes(
        &self,
        filter: &DeclarationFilter,
        now: DateTime<Utc>,
    ) -> Result<Vec<FollowedChange>, StoreError> {
        let mut followed = Vec::new();
        for declaration in self.declarations(filter).await? {
            let Some(change) = declaration.change() else {
                continue;
            };
            let spans = self.spans_since_change(change).await?;
            let spans = spans.iter().map(|one| (&*one.vantage, &one.span));
            let progress = progress(change, spans, now);
            followed.push(FollowedChange {
                declaration,
                progress,
            });
        }
        Ok(followed)
    }

    /// Everything that was declared of these names, withdrawn or not, about any instant from `from` to `to`.
    pub async fn declared_of(
        &self,
        names: impl IntoIterator<Item = DnsName>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Declaration>, StoreError> {
        let filter = DeclarationFilter {
            names: names.into_iter().collect(),
            withdrawn: true,
            ..DeclarationFilter::default()
        };
        let mut found = if filter.names.is_empty() {
            Vec::new()
        } else {
            self.declarations(&filter).await?
        };
        found.retain(|one| one.matter.concerns(from, to));
        Ok(found)
    }

    /// What [`crate::audit::declared::progress`] is told from: every run of the change's questions that was seen, or may
    /// have been held, since it was due.
    pub async fn spans_since_change(
        &self,
        change: &Change,
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        let names = columns::texts(&change.names);
        let ids = sqlx::query_scalar!(
            "-- spans_since_change
            select span_id
            from span join series using (series_id) join question using (question_id)
            where question.name = any($1) and ($2::integer is null or rtype = $2)
                and (last_seen >= $3 or cached_until >= $3)",
            &names,
            change.rtype.map(|rtype| i32::from(rtype.0)),
            change.at
        )
        .fetch_all(&self.pool)
        .await?;
        self.read_spans(&ids).await
    }
}
