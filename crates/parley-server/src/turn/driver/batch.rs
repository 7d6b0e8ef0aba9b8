//! What is to be sent, gathered until everything that came was read. Packets from one socket to one destination become one
//! run, which leaves in one system call where the system cuts it up again (GSO).

use super::super::wire::Prefix;
use super::socket::Udp;
use quinn_udp::Transmit;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Longer packets go alone: a system refuses to cut what is larger than the interface takes, and 1280 bytes every one takes
/// (RFC 8200, section 5), of which 48 are headers.
const SEGMENT_BYTES_MAX: usize = 1232;
/// Of one run; the system's limit is 64 KiB with headers.
const RUN_BYTES_MAX: usize = 60_000;
/// Packets that wait. More than come by one look at all sockets; then they are sent in between.
const WAITING_MAX: usize = 2048;
/// Bytes that wait; then they are sent in between, too.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Runs whose memory is kept between two flushes: more are used by bursts only.
const RUNS_KEPT: usize = 256;
/// Where runs are looked for by their hash; what collides only makes a run of its own.
const TABLE: usize = 256;

/// Which of the thread's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The socket of this link.
    Link(usize),
    /// The socket of this relay.
    Relay(usize),
}

/// Packets of the same size (the last may be shorter) from one socket to one destination.
#[derive(Debug)]
struct Run {
    route: Route,
    to: SocketAddr,
    from: Option<IpAddr>,
    bytes: Vec<u8>,
    segment: usize,
    count: usize,
    /// The last one was shorter, or longer than may be cut.
    full: bool,
}

/// Everything that waits.
#[derive(Debug)]
pub(crate) struct Batch {
    runs: Vec<Run>,
    /// Runs in use; those after keep their memory.
    used: usize,
    waiting: usize,
    waiting_bytes: usize,
    table: Box<[usize; TABLE]>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            runs: Vec::new(),
            used: 0,
            waiting: 0,
            waiting_bytes: 0,
            table: Box::new([usize::MAX; TABLE]),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= WAITING_MAX || self.waiting_bytes >= WAITING_BYTES_MAX
    }

    /// Adds a packet. With a prefix, it is put around the payload.
    pub(crate) fn push(
        &mut self,
        route: Route,
        to: SocketAddr,
        from: Option<IpAddr>,
        prefix: Option<&Prefix>,
        payload: &[u8],
    ) {
        let (head, padding) = prefix.map_or((&[][..], 0), |prefix| (prefix.as_bytes(), prefix.padding()));
        let length = head.len() + payload.len() + padding;
        let slot = slot(route, to);
        let open = self
            .runs
            .get(self.table[slot])
            .filter(|_| self.table[slot] < self.used)
            .is_some_and(|run| run.takes(route, to, from, length));
        let at = if open {
            self.table[slot]
        } else {
            self.begin(route, to, from, length)
        };
        self.table[slot] = at;
        if let Some(run) = self.runs.get_mut(at) {
            run.bytes.extend_from_slice(head);
            run.bytes.extend_from_slice(payload);
            run.bytes
                .extend_from_slice([0; 3].get(..padding).unwrap_or_default());
            run.count += 1;
            run.full = length != run.segment || length == 0 || length > SEGMENT_BYTES_MAX;
            self.waiting += 1;
            self.waiting_bytes += length;
        }
    }

    fn begin(&mut self, route: Route, to: SocketAddr, from: Option<IpAddr>, segment: usize) -> usize {
        let at = self.used;
        self.used += 1;
        match self.runs.get_mut(at) {
            Some(run) => {
                run.bytes.clear();
                (run.route, run.to, run.from) = (route, to, from);
                (run.segment, run.count, run.full) = (segment, 0, false);
            }
            None => self.runs.push(Run {
                route,
                to,
                from,
                bytes: Vec::new(),
                segment,
                count: 0,
                full: false,
            }),
        }
        at
    }

    /// Sends all; returns how many packets the system did not take. UDP may lose them, so nothing is kept for later.
    pub(crate) fn flush<'a>(&mut self, socket: impl Fn(Route) -> Option<&'a Udp>) -> usize {
        let runs = self.runs.get(..self.used).unwrap_or_default();
        let lost = runs
            .iter()
            .map(|run| socket(run.route).map_or(run.count, |socket| run.send(socket)))
            .sum();
        self.used = 0;
        self.waiting = 0;
        self.waiting_bytes = 0;
        self.runs.truncate(RUNS_KEPT);
        lost
    }
}

impl Run {
    fn takes(&self, route: Route, to: SocketAddr, from: Option<IpAddr>, length: usize) -> bool {
        !self.full
            && self.route == route
            && self.to == to
            && self.from == from
            && length <= self.segment
            && length > 0
            && self.bytes.len() + length <= RUN_BYTES_MAX
    }

    /// Returns how many packets were not sent.
    fn send(&self, socket: &Udp) -> usize {
        if self.count == 1 {
            return usize::from(self.send_part(socket, &self.bytes, None).is_err());
        }
        let mut lost = 0;
        let mut rest = &self.bytes[..];
        while !rest.is_empty() {
            let part = (socket.segments_max().max(1) * self.segment).min(rest.len());
            let (now, later) = rest.split_at(part);
            if self.send_part(socket, now, Some(self.segment)).is_err() {
                // Where cutting up is not possible after all, one by one.
                lost += now
                    .chunks(self.segment)
                    .filter(|packet| self.send_part(socket, packet, None).is_err())
                    .count();
            }
            rest = later;
        }
        lost
    }

    fn send_part(&self, socket: &Udp, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        socket.send(&Transmit {
            destination: self.to,
            ecn: None,
            contents,
            segment_size,
            src_ip: self.from,
        })
    }
}

fn slot(route: Route, to: SocketAddr) -> usize {
    let socket = match route {
        Route::Link(at) => at,
        Route::Relay(at) => at.wrapping_mul(31).wrapping_add(7),
    };
    socket.wrapping_mul(131).wrapping_add(usize::from(to.port())) % TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs as (destination port, packet sizes).
    fn runs(batch: &Batch) -> Vec<(u16, Vec<usize>)> {
        batch.runs[..batch.used]
            .iter()
            .map(|run| {
                (
                    run.to.port(),
                    run.bytes.chunks(run.segment.max(1)).map(<[u8]>::len).collect(),
                )
            })
            .collect()
    }

    fn pushed(packets: &[(u16, usize)]) -> Vec<(u16, Vec<usize>)> {
        let mut batch = Batch::new();
        for round in 0..2 {
            batch.flush(|_| None);
            for (port, length) in packets {
                let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), *port);
                batch.push(Route::Link(0), to, None, None, &vec![round; *length]);
            }
        }
        runs(&batch)
    }

    use std::net::Ipv4Addr;

    #[test]
    fn packets_of_one_size_to_one_place_leave_together() {
        assert_eq!(
            pushed(&[(1, 100), (2, 100), (1, 100), (2, 100)]),
            [(1, vec![100, 100]), (2, vec![100, 100])]
        );
        assert_eq!(
            pushed(&[(1, 100), (1, 60), (1, 60)]),
            [(1, vec![100, 60]), (1, vec![60])],
            "a shorter one is the last"
        );
        assert_eq!(pushed(&[(1, 60), (1, 100)]), [(1, vec![60]), (1, vec![100])]);
    }

    #[test]
    fn what_is_too_large_to_be_cut_up_or_nothing_at_all_goes_alone() {
        assert_eq!(
            pushed(&[(1, 1400), (1, 1400)]),
            [(1, vec![1400]), (1, vec![1400])]
        );
        assert_eq!(pushed(&[(1, 0), (1, 0)]), [(1, vec![]), (1, vec![])]);
        assert_eq!(pushed(&[(1, 10), (1, 0)]), [(1, vec![10]), (1, vec![])]);
    }

    #[test]
    fn a_run_is_no_longer_than_the_system_takes() {
        let mut batch = Batch::new();
        let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1);
        for _ in 0..100 {
            batch.push(Route::Relay(3), to, None, None, &[0; 1200]);
        }
        assert!(
            runs(&batch)
                .iter()
                .all(|(_, sizes)| sizes.iter().sum::<usize>() <= RUN_BYTES_MAX)
        );
        assert_eq!(
            batch.flush(|_| None),
            100,
            "without its socket every packet is lost"
        );
        assert_eq!(batch.used, 0);
    }

    #[test]
    fn what_waits_and_the_memory_for_it_are_bounded() {
        let fill = |batch: &mut Batch, length| {
            let packet = vec![0; length];
            (1..=u16::MAX)
                .take_while(|port| {
                    let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), *port);
                    batch.push(Route::Link(0), to, None, None, &packet);
                    !batch.is_full()
                })
                .count()
                + 1
        };
        let mut batch = Batch::new();
        assert_eq!(fill(&mut batch, 100), WAITING_MAX);
        batch.flush(|_| None);
        assert!(!batch.is_full());
        assert!(batch.runs.len() <= RUNS_KEPT);
        assert_eq!(fill(&mut batch, 65_000), WAITING_BYTES_MAX.div_ceil(65_000));
    }

    #[test]
    fn the_prefix_and_the_padding_are_put_around() {
        let mut batch = Batch::new();
        let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1);
        batch.push(
            Route::Link(0),
            to,
            None,
            Some(&Prefix::channel(0x4001, 5, true)),
            b"hello",
        );
        assert_eq!(batch.runs[0].bytes, b"\x40\x01\x00\x05hello\0\0\0");
    }
}
