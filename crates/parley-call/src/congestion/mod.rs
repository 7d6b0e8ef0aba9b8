//! How much may be sent: our own congestion control, sans-IO and without a dependency.
//!
//! [`Estimator`] takes what became of each packet and gives a rate, and probes to be sent. Beside it, one noun a file:
//!
//! | file | what | after |
//! |---|---|---|
//! | [`packet`] | one packet and its fate | draft-holmer-rmcat-transport-wide-cc-extensions-01, RFC 8888 |
//! | [`history`] | what was sent and not yet settled, joined with the reports | the same |
//! | [`groups`] | packets that left together, and the gaps between them | draft-ietf-rmcat-gcc-02, 5.2 and 5.3 |
//! | [`trendline`] | whether the way gets longer, with an adaptive threshold | the same, 5.4; Carlucci et al., MMSys 2016 |
//! | [`standing`] | how long the queue is | RFC 8289; Copa, NSDI 2018 |
//! | [`acknowledged`] | what arrives | draft-ietf-rmcat-gcc-02, 5.5 |
//! | [`aimd`] | the rate by delay, with the link's capacity | the same, 5.5 |
//! | [`loss`] | the rate by loss, which tells a bad link from too much | the second loss-based estimator of libwebrtc |
//! | [`neighbour`] | the rate beside a flow that fills the queue | Copa; RFC 8312, 4.2 |
//! | [`idle`] | whether there is less to send than may be | application-limited region of libwebrtc |
//! | [`probe`] | a few packets faster, to find what else there is | packet trains; clusters of libwebrtc |
//! | [`silence`] | what may be sent while reports stay away | RFC 8083 |
//! | [`lately`] | the rate before a change of the way looked like a queue | |
//! | [`reported`] | the rate by receiver reports, where there is nothing better | RFC 3550; draft-ietf-rmcat-gcc-02, 6 |
//! | [`estimator`] | all of it together | |
//!
//! Deliberately not: congestion windows, ECN, and any knowledge of the library that sends the packets (`peer::estimate`).

mod acknowledged;
mod aimd;
mod estimator;
mod groups;
mod history;
mod idle;
mod lately;
mod loss;
mod neighbour;
mod packet;
mod probe;
mod reported;
mod silence;
mod standing;
#[cfg(test)]
mod tests;
mod trendline;

pub(crate) use estimator::{Estimator, Limits};
pub(crate) use probe::ProbeCluster;
pub(crate) use reported::Reception;
