//! Whether a server answers over UDP: one STUN question, asked a few times. A driver.

use crate::ice::HostPort;
use crate::stun;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{sleep, timeout};

/// When it is asked again, counted from the last time (RFC 8489, 6.2.1, begins with 500 ms; somebody waits here).
const AGAIN: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_500),
];
/// A name that is not known by then is not.
const NAME_MAX: Duration = Duration::from_secs(3);

/// The address by which this machine is seen by a server, which it then answers.
pub(crate) async fn answers(server: &HostPort) -> Option<SocketAddr> {
    let found = timeout(NAME_MAX, lookup_host((server.host(), server.port())))
        .await
        .ok()?
        .ok()?;
    for address in found.take(2) {
        let Ok(socket) = socket_to(address).await else {
            continue;
        };
        if let Some(mapped) = ask(&socket, address).await {
            return Some(mapped);
        }
    }
    None
}

/// Any port of this machine that packets to `address` can leave from.
pub(crate) async fn socket_to(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any).await
}

/// Asks over a socket; gives how it is seen, if an answer comes.
pub(crate) async fn ask(socket: &UdpSocket, server: SocketAddr) -> Option<SocketAddr> {
    let transaction = rand::random();
    let request = stun::request(transaction);
    repeated(socket, server, &request, |answer| {
        stun::mapped_address(answer, transaction)
    })
    .await
}

/// Whether a server gives the answer that is looked for.
pub(crate) async fn exchange(server: &HostPort, request: &[u8], is_answer: impl Fn(&[u8]) -> bool) -> bool {
    let found = timeout(NAME_MAX, lookup_host((server.host(), server.port()))).await;
    let Ok(Ok(found)) = found else {
        return false;
    };
    for address in found.take(2) {
        if let Ok(socket) = socket_to(address).await
            && repeated(&socket, address, request, |answer| {
                is_answer(answer).then_some(())
            })
            .await
            .is_some()
        {
            return true;
        }
    }
    false
}

/// Says a request a few times, until something is made of an answer of the same server.
async fn repeated<Answer>(
    socket: &UdpSocket,
    server: SocketAddr,
    request: &[u8],
    read: impl Fn(&[u8]) -> Option<Answer>,
) -> Option<Answer> {
    let listening = async {
        let mut datagram = [0; 1500];
        loop {
            // An error is word of a packet that did not arrive; another may.
            let Ok((bytes, from)) = socket.recv_from(&mut datagram).await else {
                sleep(AGAIN[0]).await;
                continue;
            };
            if from == server
                && let Some(answer) = read(&datagram[..bytes])
            {
                return answer;
            }
        }
    };
    let asking = async {
        for wait in AGAIN {
            if let Err(error) = socket.send_to(request, server).await {
                tracing::debug!(%error, %server, "a server cannot be asked");
            }
            sleep(wait).await;
        }
    };
    tokio::select! {
        answer = listening => Some(answer),
        () = asking => None,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a server made up for it")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_answers_the_second_time_is_heard() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        tokio::spawn(async move {
            let mut datagram = [0; 100];
            server.recv_from(&mut datagram).await.unwrap();
            let (_, from) = server.recv_from(&mut datagram).await.unwrap();
            let mut answer = datagram[..20].to_vec();
            answer[0] = 1;
            answer[3] = 12;
            answer.extend([0, 1, 0, 8, 0, 1, 0x12, 0x34, 192, 0, 2, 9]);
            server.send_to(&answer, from).await.unwrap();
        });
        let seen = answers(&HostPort::new("127.0.0.1", at.port()).unwrap()).await;
        assert_eq!(seen, Some("192.0.2.9:4660".parse().unwrap()));
    }

    #[tokio::test]
    async fn who_says_nothing_or_something_else_does_not_answer() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        tokio::spawn(async move {
            let mut datagram = [0; 100];
            loop {
                let (bytes, from) = server.recv_from(&mut datagram).await.unwrap();
                server.send_to(&datagram[..bytes], from).await.unwrap();
            }
        });
        let server = HostPort::new("127.0.0.1", at.port()).unwrap();
        let asked = answers(&server);
        assert_eq!(timeout(Duration::from_secs(10), asked).await.unwrap(), None);
    }
}
