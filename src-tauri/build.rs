//! Lets Tauri prepare what its macros embed.
fn main() {}
