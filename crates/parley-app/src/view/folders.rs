//! Where files go that a person looks for afterwards.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The folders that the person chose; without one it is the system's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct FolderSettings {
    /// Where files go that come.
    pub received: Option<String>,
    /// Where recordings go.
    pub recordings: Option<String>,
}

/// Where they go now, chosen or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct FoldersView {
    /// Files that come.
    pub received: String,
    /// Recordings.
    pub recordings: String,
}
