//! A newer Parley: whether there is one, and what the person may do about it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is known of a newer Parley.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct UpdateView {
    /// How it stands.
    pub state: UpdateState,
    /// The newer version, once one is known.
    pub version: Option<String>,
    /// The person does not want to hear of this version now.
    pub put_off: bool,
}

/// How it stands with a newer Parley.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// Nobody looked yet.
    #[default]
    Unknown,
    /// The system's package manager brings newer ones.
    Packaged,
    /// This build looks for none: they are on the page where it came from.
    ByHand,
    /// Being looked for.
    Looking,
    /// This is the newest.
    Newest,
    /// There is a newer one, to be had when the person wants it.
    Ready,
    /// It is being fetched.
    Fetching,
    /// It is being put in place; Parley starts again after that.
    Installing,
    /// It is in place, and starts once the call that began meanwhile is over.
    InPlace,
    /// Nothing could be asked or fetched.
    Unreachable,
    /// What came was not signed by those who make Parley, so it was thrown away.
    Refused,
    /// It could not be put in place.
    Failed,
}

/// What a window may ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum UpdateAsk {
    /// Look now.
    Look,
    /// Fetch the newer one, put it in place, start again.
    Install,
    /// Not now.
    Later,
}
