//! Whether a value is exactly what a JSON Schema says: as much of it as `openapi.json` uses.
//!
//! Stricter than the standard in one thing: a field that stands in no schema is an error.

use chrono::DateTime;
use serde_json::Value as Json;

/// Every way in which `value` is not what the named schema of `document` says.
pub(crate) fn differences(document: &Json, schema: &str, value: &Json) -> Vec<String> {
    let schema = serde_json::json!({ "$ref": format!("#/components/schemas/{schema}") });
    let mut found = Vec::new();
    check(document, &schema, value, "", &mut found);
    found
}

fn check(document: &Json, schema: &Json, value: &Json, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        let target = document.pointer(pointer);
        let target = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        return check(document, target, value, at, found);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Json| {
            let mut inside = Vec::new();
            check(document, choice, value, at, &mut inside);
            inside.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            found.push(format!("{at}: {value} is not exactly one of {choices:?}"));
        }
        return;
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        found.push(format!("{at}: {value} is none of {values:?}"));
    }
    if !has_type(&schema["type"], value) {
        found.push(format!("{at}: {value} is not of type {}", schema["type"]));
    }
    match value {
        Json::String(text) => check_format(schema["format"].as_str(), text, at, found),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(
                    document,
                    &schema["items"],
                    item,
                    &format!("{at}/{index}"),
                    found,
                );
            }
        }
        Json::Object(_) => check_fields(document, schema, value, at, found),
        _ => {}
    }
}

fn check_fields(document: &Json, schema: &Json, value: &Json, at: &str, found: &mut Vec<String>) {
    let fields = value.as_object().unwrap();
    for required in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            found.push(format!("{at}: no {required}"));
        }
    }
    for (name, field) in fields {
        let at = format!("{at}/{name}");
        let known = schema["properties"].get(name);
        let any = Some(&schema["additionalProperties"]).filter(|any| any.is_object());
        match known.or(any) {
            Some(schema) => check(document, schema, field, &at, found),
            None => found.push(format!("{at}: stands in no schema")),
        }
    }
}

fn check_format(format: Option<&str>, text: &str, at: &str, found: &mut Vec<String>) {
    let fits = match format {
        Some("date-time") => DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z'),
        Some("uuid") => text.parse::<uuid::Uuid>().is_ok(),
        Some(other) => panic!("{at}: unknown format {other}"),
        None => true,
    };
    if !fits {
        found.push(format!("{at}: {text} is not a {format:?}"));
    }
}

fn has_type(types: &Json, value: &Json) -> bool {
    match types {
        Json::Null => true,
        Json::String(one) => is_a(one, value),
        Json::Array(any) => any.iter().any(|one| is_a(one.as_str().unwrap(), value)),
        other => panic!("{other} is no type"),
    }
}

fn is_a(name: &str, value: &Json) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}
