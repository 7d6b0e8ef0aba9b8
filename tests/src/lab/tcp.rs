//! A TCP flow that takes what it can get, beside a call: the system's own TCP, from one network into the other.

use crate::harness::namespaces::Namespace;
use anyhow::{Context as _, Result};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A connection must stand within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often both ends look whether it is over.
const LOOK: Duration = Duration::from_millis(200);

/// A flow under way. Over when dropped.
#[derive(Debug)]
pub struct Flow {
    over: Arc<AtomicBool>,
    ends: Vec<JoinHandle<()>>,
}

impl Flow {
    /// Begins one from a network into another one, to an address there.
    ///
    /// # Errors
    /// When it does not come to stand.
    pub fn begin(from: &Namespace, to: &Namespace, address: SocketAddr) -> Result<Self> {
        let listener = to.inside(|| Ok(TcpListener::bind(address)?))?;
        let source = from
            .inside(|| Ok(TcpStream::connect_timeout(&address, PATIENCE)?))
            .context("the flow beside the call does not come to stand")?;
        let (sink, _) = listener.accept()?;
        source.set_write_timeout(Some(LOOK))?;
        sink.set_read_timeout(Some(LOOK))?;
        let over = Arc::new(AtomicBool::new(false));
        let (writes, reads) = (Arc::clone(&over), Arc::clone(&over));
        let mut flow = Self {
            over,
            ends: Vec::new(),
        };
        flow.ends.push(spawn(move || write_all(source, &writes))?);
        flow.ends.push(spawn(move || read_all(sink, &reads))?);
        Ok(flow)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for end in self.ends.drain(..) {
            // One that panicked has told so.
            let _ = end.join();
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("tcp flow".into())
        .spawn(work)
        .context("no thread for the flow")
}

fn write_all(mut source: impl Write, over: &AtomicBool) {
    let piece = [0x55; 16_384];
    while !over.load(Ordering::Relaxed) && goes_on(source.write(&piece)) {}
}

fn read_all(mut sink: impl Read, over: &AtomicBool) {
    let mut piece = [0; 65_536];
    while !over.load(Ordering::Relaxed) && goes_on(sink.read(&mut piece)) {}
}

/// Whether to go on: a time limit is only a look around.
fn goes_on(moved: std::io::Result<usize>) -> bool {
    match moved {
        Ok(bytes) => bytes > 0,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::cable::{Cable, Extras, log};

    #[test]
    fn a_flow_takes_what_the_cable_gives() {
        let (a, b) = (
            Namespace::create("flow-a").unwrap(),
            Namespace::create("flow-b").unwrap(),
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passed");
        let extras = Extras {
            log: Some(&file),
            spared_port: None,
        };
        let spec = "rate=4m,delay=5".parse().unwrap();
        let cable = Cable::connect_with(&a, &b, "10.98.3", [&spec, &spec], &extras).unwrap();
        let flow = Flow::begin(&a, &b, "10.98.3.2:5001".parse().unwrap()).unwrap();
        std::thread::sleep(Duration::from_secs(3));
        drop(flow);
        cable.unplug().unwrap();
        let passed = log::read(&file).unwrap();
        let bytes =
            |direction: usize| -> u64 { passed.iter().map(|moment| moment.other_bytes[direction]).sum() };
        let mbit_s = bytes(0) as f64 * 8.0 / 3e6;
        assert!((2.0..4.6).contains(&mbit_s), "{mbit_s} Mbit/s");
        assert!(bytes(1) < bytes(0) / 4, "only what confirms comes back");
    }
}
