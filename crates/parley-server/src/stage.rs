//! How far a server is from its end.

/// Told to all tasks of a server, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Everything.
    Serving,
    /// No new calls; those that are there go on.
    Draining,
    /// Nothing any more.
    Stopping,
}
