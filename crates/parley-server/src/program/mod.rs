//! The program around the library: what it is told, what it says, and who it is on this machine.

pub(crate) mod arguments;
pub(crate) mod doctor;
pub(crate) mod invite;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod user;
pub(crate) mod words;
