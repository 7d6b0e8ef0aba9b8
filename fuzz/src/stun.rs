//! Datagrams on the STUN port.

use parley_server::stun::{Answer, answer};
use std::net::SocketAddr;

/// No answer is larger than documented, and answers go to requests only (so that two servers never talk to each other).
pub(crate) fn stun(data: &[u8]) {
    let sources = [
        SocketAddr::from(([192, 0, 2, 1], 1)),
        SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 65535)),
    ];
    for source in sources {
        check(data, source);
        // The same bytes as attributes of a request that is fine otherwise.
        let attributes = &data[..data.len().min(512) / 4 * 4];
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request[2..4].copy_from_slice(&(attributes.len() as u16).to_be_bytes());
        request.extend_from_slice(b"transaction!");
        request.extend_from_slice(attributes);
        check(&request, source);
    }
}

fn check(datagram: &[u8], source: SocketAddr) {
    if let Answer::Success(response) | Answer::UnknownAttribute(response) = answer(datagram, source) {
        assert!(response.len() <= 52, "an answer of {} bytes", response.len());
        assert_eq!(response[4..20], datagram[4..20], "another transaction");
        assert_eq!(answer(&response, source), Answer::Junk, "an answer is answered");
    }
}
