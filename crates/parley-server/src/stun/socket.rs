//! The UDP socket of STUN. A driver.

use super::{Answer, answer};
use crate::counters::Tally;
use crate::limit::SourceLimit;
use crate::time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

/// Sources remembered at once.
const SOURCES_MAX: usize = 16_384;
/// Requests one source may send at once, and per second in the long run. A household of many calls stays far below.
const BURST: u32 = 100;
const PER_S: u32 = 20;
/// After a failed read.
const ERROR_PAUSE: Duration = Duration::from_millis(5);
/// No request is longer; what is cut off here is junk anyway.
const BUFFER_BYTES: usize = 1500;

/// Answers until the task is ended.
pub(crate) async fn serve(socket: UdpSocket, clock: Clock, tally: Arc<Tally>) {
    let mut limit = SourceLimit::new(SOURCES_MAX, BURST, PER_S);
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        // An error here is an ICMP message about an earlier answer; should it be worse, do not spin on it.
        let Ok((length, source)) = socket.recv_from(&mut buffer).await else {
            tally.stun_junk.add();
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        let response = match answer(&buffer[..length], source) {
            Answer::Junk => {
                tally.stun_junk.add();
                continue;
            }
            _ if !limit.take(clock.now(), source.ip()) => {
                tally.stun_rate_limited.add();
                continue;
            }
            Answer::Success(response) => {
                tally.stun_answered.add();
                response
            }
            Answer::UnknownAttribute(response) => {
                tally.stun_unknown_attribute.add();
                response
            }
        };
        tally.stun_sources_forgotten.is(limit.forgotten());
        // A full socket buffer loses an answer; whoever asked asks again (RFC 8489, section 6.2.1). Never wait here.
        let _ = socket.try_send_to(&response, source);
    }
}
