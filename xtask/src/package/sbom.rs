//! The bill of materials: CycloneDX 1.6 as JSON (cyclonedx.org/docs/1.6/json), for those who look for known faults in what
//! they install.

use super::inventory::Part;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The whole document.
pub(super) fn cyclone_dx(parts: &BTreeSet<Part>) -> Result<String> {
    let components: Vec<Value> = parts.iter().map(component).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "parley", "version": env!("CARGO_PKG_VERSION") } },
        "components": components,
    });
    serde_json::to_string_pretty(&document).context("no JSON")
}

fn component(part: &Part) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": part.purl(),
        "name": part.name,
        "version": part.version,
        "purl": part.purl(),
    });
    if let Some(licence) = &part.licence {
        // Crates from before SPDX expressions wrote "MIT/Apache-2.0".
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::inventory::Source;

    #[test]
    fn a_part_becomes_a_component_that_tools_understand() {
        let part = Part {
            name: "rand".into(),
            version: "0.10.0".into(),
            licence: Some("MIT/Apache-2.0".into()),
            source: Source::Cargo,
            folder: "/r".into(),
        };
        let document: Value = serde_json::from_str(&cyclone_dx(&BTreeSet::from([part])).unwrap()).unwrap();
        let component = &document["components"][0];
        assert_eq!(component["purl"], "pkg:cargo/rand@0.10.0");
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }
}
