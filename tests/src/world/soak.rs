//! Two hours of a server's life in some minutes: a thousand people come and leave over a cable that loses packets, the server is
//! started again now and then, some people stay in their rooms all the time, and a real call goes on beside all of it.
//!
//! Afterwards nobody is stuck in a room they left, nobody lost the room they stayed in, and memory is where it was.

use crate::harness::cable::{Cable, CableSpec};
use crate::harness::cli::{Cli, Wish};
use crate::harness::namespaces::Namespace;
use crate::harness::participant::Participant;
use crate::harness::programs::our;
use crate::harness::server::RealServer;
use crate::harness::system;
use crate::measure::cost::pss_mb;
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const SERVER: &str = "10.97.9.1:7788";
const CABLE: &str = "delay=5,loss=2";
/// People who come and leave in each life of the server. In the long one memory is looked at twice.
const LIVES: [usize; 4] = [100, 100, 700, 100];
/// Of the long life, after how many the first look is: by then tables and the allocator have found their size.
const WARM: usize = 300;
/// What the server may have grown between the looks: a kilobyte for each who came and left would show.
const GROWTH_MB_MAX: f64 = 1.0;
/// What an endpoint of the real call may have grown from its first minute to its end.
const ENDPOINT_GROWTH_MB_MAX: f64 = 6.0;
/// Pairs who stay all the time.
const STAYING: usize = 10;
/// Pairs who come and leave at the same time.
const AT_ONCE: usize = 10;
/// How long the server may take to notice that somebody is gone: it keeps a lost one's place for a minute.
const SETTLE: Duration = Duration::from_secs(75);
/// How long the real call may be: it is ended by hand, so to speak, long before.
const CALL_SECONDS: u32 = 600;
const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "soak";

#[test]
#[ignore = "rare: a thousand joins and leaves, three restarts and a call beside them, some minutes"]
fn a_thousand_come_and_leave_and_nothing_is_left_behind_nor_lost() -> Result<()> {
    let (here, there) = (Namespace::create("soak-a")?, Namespace::create("soak-b")?);
    let spec: CableSpec = CABLE.parse()?;
    let _cable = Cable::connect(&here, &there, "10.97.9", &spec)?;
    let data = tempfile::tempdir()?;
    let server = serve(&here, data.path())?;
    let call = RealCall::begin(server.url(), &here, &there)?;
    // Its sockets are those of the thread, so all of it is on this one.
    there.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(live(server, &here, data.path()))
    })?;
    call.end()
}

fn serve(network: &Namespace, data: &Path) -> Result<RealServer> {
    let mut command = our("parley-server")?;
    command
        .args(["--listen", SERVER, "--stun", "10.97.9.1:0", "--data-dir"])
        .arg(data)
        .env("PARLEY_SERVER_DRAIN_SECONDS", "0")
        .env("PARLEY_SERVER_METRICS_TOKEN", TOKEN)
        .env("RUST_LOG", "info,stun_types=off");
    RealServer::start_as(network.enter(&command))
}

/// All lives of the server, the first of which has begun.
async fn live(first: RealServer, network: &Namespace, data: &Path) -> Result<()> {
    let at: SocketAddr = SERVER.parse()?;
    let (go, going) = watch::channel(false);
    let mut staying = JoinSet::new();
    for _ in 0..STAYING {
        staying.spawn(stay(at, going.clone()));
    }
    let mut server = first;
    for (life, people) in LIVES.into_iter().enumerate() {
        if life > 0 {
            drop(server);
            server = serve(network, data)?;
        }
        if people > 2 * WARM {
            come_and_leave(at, WARM).await?;
            let warm = pss_mb(server.pid(), &[])?;
            come_and_leave(at, people - WARM).await?;
            let grown = pss_mb(server.pid(), &[])? - warm;
            eprintln!(
                "{} people later: {grown:.2} MB more than {warm:.1}",
                people - WARM
            );
            ensure!(grown < GROWTH_MB_MAX, "the server grew by {grown:.2} MB");
        } else {
            come_and_leave(at, people).await?;
        }
        // Those who stay, and the two of the real call.
        settle(at, STAYING + 1, 2 * STAYING + 2)
            .await
            .with_context(|| format!("life {life} of the server"))?;
        eprintln!("life {life}: {people} came and left, nobody is stuck and nobody lost");
    }
    let _ = go.send(true);
    let mut pairs = 0;
    while let Some(came_back) = timeout(PATIENCE, staying.join_next()).await? {
        let came_back = came_back??;
        let restarts = u32::try_from(LIVES.len() - 1)?;
        // A cable that loses packets may cost a connection more.
        ensure!(
            came_back.iter().all(|times| *times >= restarts),
            "came back {came_back:?} times"
        );
        pairs += 1;
    }
    ensure!(pairs == STAYING, "{pairs} of {STAYING} pairs stayed");
    settle(at, 1, 2).await
}

/// Two who stay in one room, and at the end still see each other. How often each came back.
async fn stay(at: SocketAddr, mut going: watch::Receiver<bool>) -> Result<[u32; 2]> {
    let mut ada = Participant::enter(at, None, "Ada").await?;
    let mut ben = Participant::enter(at, Some(ada.room()), "Ben").await?;
    let mut going_too = going.clone();
    let (of_ada, of_ben) = tokio::join!(ada.stay(&mut going), ben.stay(&mut going_too));
    let came_back = [of_ada?, of_ben?];
    ada.until_it_sees(1).await?;
    ben.until_it_sees(1).await?;
    let ids = (ada.sees(), ben.sees());
    ensure!(ids == (vec![ben.id()], vec![ada.id()]), "each sees the other");
    ben.leave().await?;
    ada.until_it_sees(0).await?;
    ada.leave().await?;
    Ok(came_back)
}

/// So many people, in pairs: each meets another in a new room, and both leave.
async fn come_and_leave(at: SocketAddr, people: usize) -> Result<()> {
    let mut pairs = JoinSet::new();
    for _ in 0..people / 2 {
        if pairs.len() == AT_ONCE
            && let Some(done) = pairs.join_next().await
        {
            done??;
        }
        pairs.spawn(meet(at));
    }
    while let Some(done) = pairs.join_next().await {
        done??;
    }
    Ok(())
}

async fn meet(at: SocketAddr) -> Result<()> {
    let met = async {
        let mut ada = Participant::enter(at, None, "Ada").await?;
        let ben = Participant::enter(at, Some(ada.room()), "Ben").await?;
        ada.until_it_sees(1).await?;
        ensure!(ben.sees() == [ada.id()], "Ben sees Ada");
        ben.leave().await?;
        ada.until_it_sees(0).await.context("who left is gone at once")?;
        ada.leave().await
    };
    timeout(PATIENCE, met).await.context("two did not meet")?
}

/// Waits until there are exactly so many rooms and people.
async fn settle(at: SocketAddr, rooms: usize, people: usize) -> Result<()> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let there = numbers(at).await?;
        if there == (rooms, people, 0) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "rooms, people and those waiting are {there:?}, and not {:?}",
            (rooms, people, 0)
        );
        sleep(Duration::from_millis(500)).await;
    }
}

/// Rooms, people in them, people who wait before them, as the server itself counts.
async fn numbers(at: SocketAddr) -> Result<(usize, usize, usize)> {
    let answered = async {
        let mut stream = TcpStream::connect(at).await?;
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(PATIENCE, answered).await??;
    let number = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|value| value.trim().parse().ok());
        value.with_context(|| format!("{name}is not in {answer}"))
    };
    Ok((
        number("parley_rooms ")?,
        number("parley_participants ")?,
        number("parley_waiting ")?,
    ))
}

/// Two endpoints with picture and sound, one on each side of the cable.
struct RealCall {
    host: Cli,
    guest: Cli,
    first_mb: [f64; 2],
}

impl RealCall {
    fn begin(server: &str, here: &Namespace, there: &Namespace) -> Result<Self> {
        let wish = Wish {
            seconds: CALL_SECONDS,
            video: "pattern:320x180".into(),
            ..Wish::default()
        };
        let host = Cli::host(Some(server), &wish, Some(here))?;
        let guest = Cli::join(&host.link()?, &wish, Some(there))?;
        // Until encoders and buffers have found their size.
        std::thread::sleep(Duration::from_secs(20));
        let first_mb = [pss_mb(host.pid(), &[])?, pss_mb(guest.pid(), &[])?];
        Ok(Self {
            host,
            guest,
            first_mb,
        })
    }

    /// Whether it went on all the time, with memory where it was.
    fn end(self) -> Result<()> {
        let last_mb = [pss_mb(self.host.pid(), &[])?, pss_mb(self.guest.pid(), &[])?];
        eprintln!("the call's endpoints: {:?} MB, then {last_mb:?}", self.first_mb);
        for (first, last) in self.first_mb.iter().zip(last_mb) {
            ensure!(
                last - first < ENDPOINT_GROWTH_MB_MAX,
                "an endpoint grew from {first:.1} to {last:.1} MB"
            );
        }
        ensure!(
            self.host.succeeded().is_none() && self.guest.succeeded().is_none(),
            "the call ended by itself"
        );
        system::terminate(self.guest.pid());
        for endpoint in [&self.host, &self.guest] {
            let figures = endpoint.good_figures(PATIENCE)?;
            ensure!(figures.get("fps_shown")? > 10.0, "{:?}", figures.values);
        }
        Ok(())
    }
}
