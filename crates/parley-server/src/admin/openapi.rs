//! The description of the admin API (OpenAPI 3.1), written by hand beside this; tests hold it against the routes.

use serde_json::Value;
use std::sync::LazyLock;

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("openapi.json")).unwrap_or_default());

/// As it is served.
pub(super) fn description() -> &'static Value {
    &DESCRIPTION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_in_the_description_leads_somewhere() {
        fn walk(value: &Value, root: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(path) = map.get("$ref").and_then(Value::as_str) {
                        let pointer = path.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{path}");
                    }
                    map.values().for_each(|value| walk(value, root));
                }
                Value::Array(all) => all.iter().for_each(|value| walk(value, root)),
                _ => {}
            }
        }
        assert_eq!(description()["openapi"], "3.1.0");
        walk(description(), description());
    }
}
