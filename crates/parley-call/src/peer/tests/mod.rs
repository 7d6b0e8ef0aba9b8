//! Whole peers in one process, connected over loopback.
