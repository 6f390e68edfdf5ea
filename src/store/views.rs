//! The views that people read, and who else may.
//!
//! What they are stands in the migration that makes them, and in `docs/sql.md`. Deliberately absent: granting anything. The
//! owner of the database does that, with the SQL that is made here.

use serde::Serialize;

use super::{Store, StoreError};

/// How long a statement of a reader may take.
const READERS_PATIENCE: &str = "1min";

/// The SQL that makes a role a reader of the views, and of nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grants {
    /// The role.
    pub role: String,
    /// Every view.
    pub views: Vec<String>,
    /// Statements without semicolons, in order.
    pub sql: Vec<String>,
}

impl Store {
    /// What the owner of the database runs for a role to read every view. A role that is there is not made again.
    pub async fn grants_for(&self, role: &str) -> Result<Grants, StoreError> {
        let found = sqlx::query!(
            r#"-- grants_for
            select quote_ident($1) as "role!", quote_ident(current_database()) as "database!",
                quote_ident(current_schema()) as "schema!",
                exists (select from pg_roles where rolname = $1) as "exists!",
                array(
                    select viewname::text from pg_views where schemaname = current_schema() and viewname like 'v\_%' order by 1
                ) as "views!""#,
            role
        )
        .fetch_one(&self.pool)
        .await?;
        let (database, name) = (&found.database, &found.role);
        let views: Vec<_> = found
            .views
            .iter()
            .map(|view| format!("{}.{view}", found.schema))
            .collect();
        let setting = |what| format!("alter role {name} in database {database} set {what}");
        let making = (!found.exists).then(|| format!("create role {name} login"));
        let granting = [
            format!("grant connect on database {database} to {name}"),
            format!("grant usage on schema {} to {name}", found.schema),
            format!("grant select on {} to {name}", views.join(", ")),
            setting("default_transaction_read_only = on".to_owned()),
            setting(format!("statement_timeout = '{READERS_PATIENCE}'")),
        ];
        Ok(Grants {
            role: role.to_owned(),
            views: found.views,
            sql: making.into_iter().chain(granting).collect(),
        })
    }
}
