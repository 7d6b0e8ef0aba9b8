//! The library's runtime: tokio, with socket buffers that hold a burst, with word of when a task of it has ended, with
//! a timer that knows of relays ([`Rounds`]), and with streams only where the [`Guard`] lets it.
//!
//! The kernel's default of some 200 KiB drops packets when a key frame comes while this machine is busy. And the library
//! tells nobody when its own task stops (an I/O error, or a panic in it), which would leave a call that looks alive.

use super::flights::Flights;
use super::rounds::{Rounds, Wait};
use super::tcp::dial::dial;
use super::tcp::guard::Guard;
use super::tcp::listener::{Closed, Listener};
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

/// Bytes of a media socket's buffer, each way. The kernel may give less.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

tokio::task_local! {
    /// Set in tasks of the library. Who waits for room in a data channel asks for a timer too, from a task of ours.
    static OF_THE_LIBRARY: ();
}

/// Tasks of one connection that still run.
#[derive(Debug, Default)]
pub(super) struct LiveTasks {
    count: AtomicUsize,
    ended: Notify,
}

impl LiveTasks {
    /// How many run.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Returns once a task that was started has ended.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// Lives in a task of the library; its end, even by a panic, is counted.
struct TaskLife(Arc<LiveTasks>);

impl Drop for TaskLife {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_one();
    }
}

/// Tokio with large socket buffers.
#[derive(Debug)]
pub(super) struct PeerRuntime {
    tokio: TokioRuntime,
    tasks: Arc<LiveTasks>,
    rounds: Arc<Rounds>,
    tcp: Option<Arc<Guard>>,
}

impl PeerRuntime {
    /// A runtime for one connection, and its tasks. Without a guard there are no streams.
    pub(super) fn new(rounds: Arc<Rounds>, tcp: Option<Arc<Guard>>) -> (Self, Arc<LiveTasks>) {
        let tasks = Arc::new(LiveTasks::default());
        let runtime = Self {
            tokio: TokioRuntime,
            tasks: Arc::clone(&tasks),
            rounds,
            tcp,
        };
        (runtime, tasks)
    }
}

impl Runtime for PeerRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.tasks.count.fetch_add(1, Ordering::AcqRel);
        let life = TaskLife(Arc::clone(&self.tasks));
        self.tokio.spawn(Box::pin(OF_THE_LIBRARY.scope((), async move {
            let _life = life;
            future.await;
        })))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let options = SockRef::from(&socket);
        for set in [
            options.set_recv_buffer_size(SOCKET_BUFFER_BYTES),
            options.set_send_buffer_size(SOCKET_BUFFER_BYTES),
        ] {
            if let Err(error) = set {
                tracing::debug!(%error, "a socket buffer stays at the system's default");
            }
        }
        let socket = self.tokio.wrap_udp_socket(socket)?;
        Ok(Arc::new(Flights::new(socket)))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        let guard = self.tcp.clone().ok_or(io::ErrorKind::PermissionDenied)?;
        if !guard.takes() {
            return Ok(Arc::new(Closed::in_place_of(&listener)?));
        }
        Ok(Arc::new(Listener::new(listener, guard)?))
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        let guard = self.tcp.clone();
        Box::pin(async move { dial(guard.ok_or(io::ErrorKind::PermissionDenied)?, remote).await })
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        match in_brackets(host) {
            Some(host) => Box::pin(async move { self.tokio.resolve_host(&host).await }),
            None => self.tokio.resolve_host(host),
        }
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        if OF_THE_LIBRARY.try_with(|()| ()).is_err() {
            return self.tokio.sleep(duration);
        }
        match Rounds::wait(&self.rounds, duration) {
            Wait::Round(round) => Box::pin(round),
            Wait::For(duration) => self.tokio.sleep(duration),
        }
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.tokio.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tokio.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.tokio.yield_now()
    }

    fn name(&self) -> &'static str {
        "parley"
    }
}

/// The library writes the IPv6 address of a relay before its port without brackets, and then finds no such host.
fn in_brackets(host: &str) -> Option<String> {
    let (address, port) = host.rsplit_once(':')?;
    let address: Ipv6Addr = address.parse().ok()?;
    Some(format!("[{address}]:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn media_sockets_get_more_than_the_default_buffer() {
        let (runtime, _) = PeerRuntime::new(Rounds::new(false), None);
        let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let default = SockRef::from(&plain).recv_buffer_size().unwrap();
        let shared = plain.try_clone().unwrap();
        let _wrapped = runtime.wrap_udp_socket(plain).unwrap();
        let given = SockRef::from(&shared).recv_buffer_size().unwrap();
        assert!(given > default, "{given} after {default}");
    }

    #[tokio::test]
    async fn a_relay_at_an_ipv6_address_is_found() {
        let (runtime, _) = PeerRuntime::new(Rounds::new(false), None);
        for (host, expect) in [
            ("::1:3478", "[::1]:3478"),
            ("[::1]:3478", "[::1]:3478"),
            ("127.0.0.1:3478", "127.0.0.1:3478"),
        ] {
            let found = runtime.resolve_host(host).await.unwrap();
            assert_eq!(found, [expect.parse::<SocketAddr>().unwrap()], "{host}");
        }
    }

    #[tokio::test]
    async fn the_librarys_loop_makes_its_rounds_where_there_are_relays_and_others_wait_as_they_ask() {
        const HOUR: Duration = Duration::from_secs(3_600);
        let (runtime, tasks) = PeerRuntime::new(Rounds::new(true), None);
        let runtime = Arc::new(runtime);
        let looping = Arc::clone(&runtime);
        runtime.spawn(Box::pin(async move {
            looping.sleep(HOUR).await;
            looping.sleep(HOUR).await;
        }));
        tokio::time::timeout(Duration::from_secs(5), tasks.ended())
            .await
            .expect("two rounds and no sleep");
        let others = tokio::time::timeout(Duration::from_millis(100), runtime.sleep(HOUR)).await;
        assert!(others.is_err());
    }

    #[tokio::test]
    async fn without_a_guard_nothing_is_connected_to_or_listened_on() {
        let (runtime, _) = PeerRuntime::new(Rounds::new(false), None);
        let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = there.local_addr().unwrap();
        assert!(runtime.connect_tcp(at).await.is_err());
        assert!(runtime.wrap_tcp_listener(there).is_err());
    }

    #[tokio::test]
    async fn a_connection_to_a_server_leaves_no_port_open() {
        let guard = Guard::outward(&["127.0.0.1:0".parse().unwrap()], &[], Arc::default());
        let (runtime, _) = PeerRuntime::new(Rounds::new(false), Some(guard));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let wrapped = runtime.wrap_tcp_listener(listener).unwrap();
        assert_eq!(wrapped.local_addr().unwrap(), at);
        assert!(std::net::TcpStream::connect(at).is_err());
        let waiting = tokio::time::timeout(Duration::from_millis(50), wrapped.accept()).await;
        assert!(waiting.is_err(), "nobody ever comes");
    }

    #[tokio::test]
    async fn the_end_of_a_task_is_told_even_after_a_panic() {
        let (runtime, tasks) = PeerRuntime::new(Rounds::new(false), None);
        runtime.spawn(Box::pin(async { panic!("as a faulty library would") }));
        assert_eq!(tasks.count(), 1);
        tokio::time::timeout(Duration::from_secs(5), tasks.ended())
            .await
            .unwrap();
        assert_eq!(tasks.count(), 0);
    }
}
