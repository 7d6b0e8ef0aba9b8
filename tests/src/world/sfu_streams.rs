//! Our own client at the real SFU over a stream (ICE over TCP), where no datagram of the server's is heard of: over loopback, with a few
//! lines in place of the server's front.

use super::sfu_peers::World;
use anyhow::Result;
use parley_call::port::ConnectionPhase;
use parley_call::sfu_port::SfuCommand;
use parley_server::sfu::driver::SfuDriver;
use parley_server::sfu::framing::{Frame, next_frame};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Lets streams in once their first packet is there, as the front does.
async fn front(listener: TcpListener, sfu: Arc<SfuDriver>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(let_in(stream, Arc::clone(&sfu)));
    }
}

async fn let_in(mut stream: TcpStream, sfu: Arc<SfuDriver>) -> Result<()> {
    let mut begun = Vec::new();
    while next_frame(&begun) == Frame::Partial {
        begun.push(stream.read_u8().await?);
    }
    Ok(sfu.adopt(stream.into_std()?, begun)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_no_datagram_reaches_comes_by_a_stream_and_comes_again_when_ice_begins_anew() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut world = World::with_streams_at(&[listener.local_addr()?], 3)?;
    let front = tokio::spawn(front(listener, Arc::clone(&world.sfu)));
    world.people[0].by_stream = true;
    let took = world.connect().await?;
    eprintln!("three connected to the SFU, one by a stream, after {took:?}");
    let hear = |world: &World, before: &[usize]| {
        let mut people = world.people.iter().zip(before);
        people.all(|(one, before)| one.heard() >= before + 50)
    };
    world
        .until("all hear all", |world| hear(world, &[0, 0, 0]))
        .await?;
    world
        .until("it is told by which way", |world| {
            let is_told = |at: usize| world.people[at].handle.stats.borrow().pair.is_some();
            (0..3).all(is_told)
        })
        .await?;
    let by_tcp = |world: &World| -> Vec<bool> {
        let people = world.people.iter();
        people.map(|one| one.handle.stats.borrow().over_tcp).collect()
    };
    assert_eq!(
        by_tcp(&world),
        [true, false, false],
        "datagrams are taken where they pass"
    );
    let counts = world.sfu.counts();
    assert_eq!((counts.streams, counts.streams_dropped), (1, 0), "{counts:?}");

    // ICE begins anew: another stream, and everybody goes on hearing everybody.
    world.people[0].phases.clear();
    let again = SfuCommand::MakeOffer { ice_restart: true };
    world.people[0].command(again).await;
    world
        .until("another stream is there", |world| {
            world.sfu.counts().streams_taken >= 2
        })
        .await?;
    let before: Vec<usize> = world.people.iter().map(super::sfu_peers::Person::heard).collect();
    world
        .until("all hear all again", |world| hear(world, &before))
        .await?;
    let failed = |(_, phase): &(u32, ConnectionPhase)| *phase == ConnectionPhase::Failed;
    assert!(
        !world.people[0].phases.iter().any(failed),
        "{:?}",
        world.people[0].phases
    );
    assert!(world.people.iter().all(|one| one.failures.is_empty()));
    let counts = world.sfu.counts();
    assert_eq!((counts.streams_broken, counts.connections), (0, 3), "{counts:?}");
    front.abort();
    Ok(())
}
