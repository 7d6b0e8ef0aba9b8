//! The window's types in TypeScript, written from [`crate::view`] so that the two can never differ.
//!
//! `ui/src/lib/bindings.ts` is checked in; a test here fails when it is stale, and rewrites it when asked to
//! (`UPDATE_BINDINGS=1 cargo test -p parley-app bindings`). Nothing of this runs in the app.

use crate::view;
use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use ts_rs::{Config, TS, TypeVisitor};

const HEADER: &str = "\
// Written from crates/parley-app/src/view/ by `UPDATE_BINDINGS=1 cargo test -p parley-app bindings`. Do not edit.
";

/// Everything that crosses the border between shell and window, and all it is made of, as one TypeScript module.
#[must_use]
pub fn typescript() -> String {
    let mut types = Types::default();
    types.visit::<view::AppState>();
    types.visit::<view::AppCommand>();
    types.visit::<view::CommandError>();
    types.visit::<view::Levels>();
    types.visit::<view::TalkView>();
    types.visit::<view::StatsSample>();
    types.visit::<view::InspectionView>();
    types.visit::<view::NoticeTopic>();
    types.visit::<view::FrameBridgeInfo>();
    types.visit::<view::UpdateAsk>();
    let mut text = HEADER.to_owned();
    for declaration in types.declarations.values() {
        text.push('\n');
        text.push_str(declaration);
    }
    text
}

/// Walks from type to type along their fields; each named type is declared once, in the order of the names.
struct Types {
    config: Config,
    seen: HashSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl Default for Types {
    fn default() -> Self {
        Self {
            // Milliseconds and counters stay far below 2^53.
            config: Config::new().with_large_int("number"),
            seen: HashSet::new(),
            declarations: BTreeMap::new(),
        }
    }
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only types of our own have a place of declaration; strings, options and lists are looked through.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            self.declarations.insert(T::ident(&self.config), declaration);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_bindings_of_the_window_are_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/bindings.ts");
        let fresh = typescript();
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == fresh,
            "ui/src/lib/bindings.ts is stale: run UPDATE_BINDINGS=1 cargo test -p parley-app bindings"
        );
    }

    #[test]
    fn every_type_is_declared_that_is_used() {
        let text = typescript();
        for name in [
            "AppState",
            "CallView",
            "Problem",
            "DeviceKind",
            "VoiceSwitches",
            "PersonLevel",
        ] {
            assert_eq!(text.matches(&format!("export type {name} ")).count(), 1, "{name}");
        }
        assert!(!text.contains("bigint"), "the window's JSON knows no bigint");
    }
}
