//! Who reads the views: what is said of them, the rights of a reader, and the queries of the document.

use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::views::{history, rows, url};
use crate::{
    cli::program::{finish, program},
    postgres::{execute, fresh_database},
    rounds::Watched,
};

const DOCUMENT: &str = include_str!("../../../docs/sql.md");

/// What `db grants` prints for this role.
async fn grants(owner: &str, role: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut program = program(directory.path());
    program.args(["db", "grants", "--role", role]);
    program.env("DATABASE_URL", owner);
    let ran = finish(program).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout
}

/// A reader of the views, made as the command says; returns the URL to connect with.
pub(crate) async fn reader(watched: &Watched, role: &str) -> String {
    let owner = url(watched);
    execute(&owner, grants(&owner, role).await).await;
    owner.replace("//postgres@", &format!("//{role}@"))
}

#[tokio::test]
async fn every_view_and_every_column_of_one_says_what_it_is() {
    let url = fresh_database().await;
    let views = "from pg_class as view where relnamespace = 'public'::regnamespace and relkind = 'v' and relname like 'v\\_%'";
    let all = rows(&url, &format!("select relname {views}"))
        .await
        .unwrap();
    assert_eq!(all.len(), 12, "{all:?}");
    for view in &all {
        let name = view["relname"].as_str().unwrap();
        assert!(
            DOCUMENT.contains(&format!("`{name}`")),
            "{name} is not in docs/sql.md"
        );
    }
    let silent = format!(
        "select relname, attname {} and attnum > 0 and col_description(attrelid, attnum) is null",
        views.replace(
            "as view",
            "as view join pg_attribute on attrelid = view.oid"
        )
    );
    assert_eq!(rows(&url, &silent).await.unwrap(), [Json::Null; 0]);
    let silent = format!("select relname {views} and obj_description(view.oid) is null");
    assert_eq!(rows(&url, &silent).await.unwrap(), [Json::Null; 0]);
}

#[tokio::test]
async fn a_reader_reads_the_views_and_nothing_else() {
    let watched = history().await;
    let role = "a \"reader\" of views";
    let owner = url(&watched);
    let first = grants(&owner, role).await;
    let (create, rest) = first.split_once('\n').unwrap();
    assert!(create.starts_with("create role"), "{first}");
    execute(&owner, first.clone()).await;
    // It is there now; the rest is granted again.
    let again = grants(&owner, role).await;
    assert_eq!(again, rest);
    execute(&owner, again).await;
    let rights = format!(
        "select relname, has_table_privilege('{role}', oid, 'select') as reads,
            has_table_privilege('{role}', oid, 'insert, update, delete, truncate, references, trigger') as writes
        from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')"
    );
    let rights = rows(&owner, &rights).await.unwrap();
    assert!(rights.len() > 30, "{rights:#?}");
    for right in rights {
        let is_view = right["relname"].as_str().unwrap().starts_with("v_");
        assert_eq!(
            (&right["reads"], &right["writes"]),
            (&json!(is_view), &json!(false)),
            "{right}"
        );
    }
    // No function lends it the rights of its owner.
    let lending =
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef";
    assert_eq!(rows(&owner, lending).await.unwrap(), [Json::Null; 0]);

    let reader = reader(&watched, "plain_reader").await;
    assert_eq!(
        rows(&reader, "select * from v_incident")
            .await
            .unwrap()
            .len(),
        2
    );
    let refused = async |statement: &str| {
        let mut connection = PgConnection::connect(&reader).await.unwrap();
        let ran = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await;
        let error = ran.unwrap_err();
        error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned()
    };
    assert_eq!(refused("select * from observation").await, "42501");
    assert_eq!(
        refused("delete from v_silence").await,
        "42501",
        "it could be updated through"
    );
    assert_eq!(
        refused("create table t (a integer)").await,
        "25006",
        "it only reads"
    );
    let first = "begin read write; ";
    for (statement, code) in [
        ("create table public.t (a integer)", "42501"),
        ("delete from v_silence", "42501"),
    ] {
        assert_eq!(
            refused(&format!("{first}{statement}")).await,
            code,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn every_query_of_the_document_answers_a_reader() {
    let watched = history().await;
    let reader = reader(&watched, "reader_of_the_document").await;
    let queries: Vec<_> = DOCUMENT.split("```sql\n").skip(1).collect();
    assert!(queries.len() >= 9, "{}", queries.len());
    for query in queries {
        let query = query.split("```").next().unwrap();
        let found = rows(&reader, query)
            .await
            .unwrap_or_else(|error| panic!("{error} in {query}"));
        assert!(!found.is_empty(), "no row for {query}");
    }
}
