//! What kind of packet passes a cable: as much as it takes to tell media from the rest. Pure.

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether an IP packet has UDP in it.
pub(super) fn is_udp(packet: &[u8]) -> bool {
    transport(packet).is_some_and(|(protocol, _)| protocol == UDP)
}

/// Whether it is of a TCP connection of this port, at either end.
pub(super) fn is_tcp_of(packet: &[u8], port: u16) -> bool {
    let Some((TCP, [a, b, c, d, ..])) = transport(packet) else {
        return false;
    };
    [[*a, *b], [*c, *d]].contains(&port.to_be_bytes())
}

/// The protocol inside (RFC 791, RFC 8200; of IPv6 without extension headers), and what stands behind the IP header.
fn transport(packet: &[u8]) -> Option<(u8, &[u8])> {
    let first = *packet.first()?;
    let (protocol, header) = match first >> 4 {
        4 => (*packet.get(9)?, usize::from(first & 0xf) * 4),
        6 => (*packet.get(6)?, 40),
        _ => return None,
    };
    Some((protocol, packet.get(header..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(version: u8, protocol: u8, ports: [u16; 2]) -> Vec<u8> {
        let (header, place) = if version == 4 { (20, 9) } else { (40, 6) };
        let mut packet = vec![0; header];
        packet[0] = version << 4 | 5;
        packet[place] = protocol;
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.extend([0; 16]);
        packet
    }

    #[test]
    fn media_is_told_from_a_server_and_from_other_traffic() {
        for version in [4, 6] {
            assert!(is_udp(&packet(version, UDP, [7788, 5000])));
            assert!(!is_tcp_of(&packet(version, UDP, [7788, 5000]), 7788));
            assert!(!is_udp(&packet(version, TCP, [7788, 5000])));
            assert!(is_tcp_of(&packet(version, TCP, [7788, 5000]), 7788));
            assert!(is_tcp_of(&packet(version, TCP, [5000, 7788]), 7788));
            assert!(!is_tcp_of(&packet(version, TCP, [5000, 5001]), 7788));
        }
        for nonsense in [&[][..], &[0x45], &[0x60; 7], &[0; 60]] {
            assert!(!is_udp(nonsense) && !is_tcp_of(nonsense, 0));
        }
    }
}
