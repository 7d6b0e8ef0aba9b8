//! Bridges to streams made up here: sockets on loopback, so real time, with bounds that hold on a busy machine.

use super::*;
use crate::ice::{HostPort, IceServer};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(10);

/// An Allocate request (RFC 8656, 7.1), as far as anybody here looks at it.
const ALLOCATE: [u8; 20] = [
    0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];
/// Three bytes on a channel.
const CHANNEL: [u8; 7] = [0x40, 0, 0, 3, 7, 8, 9];

/// A port that a bridge leads to, and the library's socket before it.
struct World {
    listener: TcpListener,
    bridge: Bridge,
    library: UdpSocket,
    better: watch::Sender<Better>,
}

async fn world() -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = HostPort::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
    let IceServer::Turn(server) =
        IceServer::read(&format!("turn:{at}?transport=tcp"), Some("ada"), Some("x")).unwrap()
    else {
        panic!("no relay");
    };
    let plan = BridgePlan {
        server,
        tls: None,
        proxy: None,
        before: 0,
    };
    let (better, known) = watch::channel(Better::Unknown);
    let bridge = Bridge::open("127.0.0.1".parse().unwrap(), plan, known)
        .await
        .unwrap();
    let library = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    library.connect(bridge.address()).await.unwrap();
    World {
        listener,
        bridge,
        library,
        better,
    }
}

impl World {
    async fn accept(&self) -> TcpStream {
        timeout(LONG, self.listener.accept()).await.unwrap().unwrap().0
    }

    async fn received(&self) -> Vec<u8> {
        let mut datagram = vec![0; 2048];
        let bytes = timeout(LONG, self.library.recv(&mut datagram))
            .await
            .unwrap()
            .unwrap();
        datagram.truncate(bytes);
        datagram
    }

    async fn becomes(&self, state: BridgeState) {
        let mut told = self.bridge.state();
        timeout(LONG, told.wait_for(|now| *now == state))
            .await
            .unwrap()
            .unwrap();
    }
}

async fn read(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    timeout(LONG, stream.read_exact(&mut read))
        .await
        .unwrap()
        .unwrap();
    read
}

#[tokio::test]
async fn datagrams_go_into_the_stream_and_come_back_as_they_were() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    let mut stream = world.accept().await;
    assert_eq!(read(&mut stream, 20).await, ALLOCATE);
    world.library.send(&CHANNEL).await.unwrap();
    assert_eq!(read(&mut stream, 8).await, [&CHANNEL[..], &[0]].concat());
    // In two pieces, with the next frame at the end of the second.
    stream
        .write_all(&[&CHANNEL[..], &[0], &ALLOCATE[..5]].concat())
        .await
        .unwrap();
    assert_eq!(world.received().await, CHANNEL);
    stream.write_all(&ALLOCATE[5..]).await.unwrap();
    assert_eq!(world.received().await, ALLOCATE);
}

#[tokio::test]
async fn only_one_of_the_librarys_sockets_is_served() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    let mut stream = world.accept().await;
    read(&mut stream, 20).await;
    world.better.send_replace(Better::Found);
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    other.send_to(&ALLOCATE, world.bridge.address()).await.unwrap();
    world.library.send(b"neither STUN nor ChannelData").await.unwrap();
    world.library.send(&CHANNEL).await.unwrap();
    assert_eq!(read(&mut stream, 8).await[..7], CHANNEL, "nothing came before it");
    assert_eq!(world.bridge.counters().refused.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn no_stream_is_opened_while_something_better_is_there() {
    let world = world().await;
    world.better.send_replace(Better::UdpAnswers);
    world.library.send(&ALLOCATE).await.unwrap();
    let early = timeout(Duration::from_millis(500), world.listener.accept()).await;
    assert!(early.is_err(), "UDP answers, so there is time");
    world.better.send_replace(Better::Found);
    let late = timeout(Duration::from_secs(2), world.listener.accept()).await;
    assert!(late.is_err(), "the call stands without it");
    world.better.send_replace(Better::Unknown);
    let unasked = timeout(Duration::from_millis(500), world.listener.accept()).await;
    assert!(
        unasked.is_err(),
        "what was asked for before is not waited for any more"
    );
    world.library.send(&ALLOCATE).await.unwrap();
    world.accept().await;
}

#[tokio::test]
async fn a_library_that_restarts_with_another_socket_gets_another_stream() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    let mut stream = world.accept().await;
    read(&mut stream, 20).await;
    let mut success = ALLOCATE;
    success[..2].copy_from_slice(&[0x01, 0x03]);
    stream.write_all(&success).await.unwrap();
    assert_eq!(world.received().await, success);
    let restarted = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    restarted.connect(world.bridge.address()).await.unwrap();
    restarted.send(&CHANNEL).await.unwrap();
    restarted.send(&ALLOCATE).await.unwrap();
    let mut second = world.accept().await;
    assert_eq!(read(&mut second, 20).await, ALLOCATE, "not what came before it");
    second.write_all(&success).await.unwrap();
    let mut datagram = [0; 100];
    let bytes = timeout(LONG, restarted.recv(&mut datagram))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(datagram[..bytes], success);
    assert_eq!(world.bridge.counters().failures.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_until_there_is_an_allocation() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    drop(world.accept().await);
    let mut again = world.accept().await;
    assert_eq!(read(&mut again, 20).await, ALLOCATE, "asked again by itself");
    let mut success = ALLOCATE;
    success[..2].copy_from_slice(&[0x01, 0x03]);
    again.write_all(&success).await.unwrap();
    assert_eq!(world.received().await, success);
    world.becomes(BridgeState::Open).await;
    drop(again);
    world.becomes(BridgeState::Ended).await;
    let third = timeout(Duration::from_millis(500), world.listener.accept()).await;
    assert!(
        third.is_err(),
        "the allocation is gone, and the library would not know"
    );
    assert_eq!(world.bridge.counters().failures.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_a_slow_stream_cannot_take_is_dropped_and_counted() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    let _never_read = world.accept().await;
    world.becomes(BridgeState::Open).await;
    let mut picture = vec![0x40, 0, 4, 0];
    picture.resize(4 + 1024, 1);
    let dropped = async {
        while world.bridge.counters().queue_full.load(Ordering::Relaxed) == 0 {
            for _ in 0..50 {
                let _ = world.library.send(&picture).await;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, dropped).await.expect("nothing waits for ever");
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_left() {
    let world = world().await;
    world.library.send(&ALLOCATE).await.unwrap();
    let mut stream = world.accept().await;
    stream.write_all(b"\xff\xff not TURN").await.unwrap();
    // It comes back, for what is behind a port may change.
    world.accept().await;
    assert!(world.bridge.counters().failures.load(Ordering::Relaxed) >= 1);
}
