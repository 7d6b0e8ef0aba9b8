//! Where a scenario happens: two networks, the cable between them, and a server. The server is beside the side that sends, and to
//! its packets nothing happens but the delay: the lab is about media, and a server is rarely behind the same bad line.

use super::scenario::Scenario;
use super::score::TCP_AFTER_S;
use super::tcp::Flow;
use crate::harness::cable::log::{self, Moment};
use crate::harness::cable::{Cable, Counters, Extras};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const SUBNET: &str = "10.97.40";
const HERE: Ipv4Addr = Ipv4Addr::new(10, 97, 40, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 97, 40, 2);
const SERVER_PORT: u16 = 7788;
const FLOW_PORT: u16 = 5001;

/// The place. All of it is gone when dropped.
#[derive(Debug)]
pub struct Place {
    // Dropped from top to bottom.
    server: RealServer,
    cable: Cable,
    /// The network of the side that sends.
    pub sends: Namespace,
    /// The network of the side that sees and hears.
    pub watches: Namespace,
    folder: TempDir,
}

impl Place {
    /// Makes it, with the cable as it is at first.
    ///
    /// # Errors
    /// When not root, or a tool is missing.
    pub fn make(scenario: &Scenario) -> Result<Self> {
        let folder = TempDir::with_prefix("parley-lab-")?;
        let (sends, watches) = (Namespace::create("lab-sends")?, Namespace::create("lab-watches")?);
        let first = scenario.steps.first().context("a scenario without a cable")?;
        let [forth, back] = first.cable()?;
        let log = folder.path().join("cable.log");
        let extras = Extras {
            log: Some(&log),
            spared_port: Some(SERVER_PORT),
        };
        let cable = Cable::connect_with(&sends, &watches, SUBNET, [&forth, &back], &extras)?;
        // A browser takes only the addresses of the way to everywhere, for a side without a microphone.
        sends.route_everything_to(&THERE.to_string())?;
        watches.route_everything_to(&HERE.to_string())?;
        let address = SocketAddr::from((HERE, SERVER_PORT));
        let data = folder.path().join("server");
        std::fs::create_dir_all(&data)?;
        let server = RealServer::start_at(address, &data, Some(&sends))?;
        Ok(Self {
            server,
            cable,
            sends,
            watches,
            folder,
        })
    }

    /// The server's address, as people write it.
    #[must_use]
    pub fn server(&self) -> &str {
        self.server.url()
    }

    /// A folder of that name, for what one end writes down.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Lets the scenario happen from now on, for so many seconds. Gives the moment of each step, in microseconds since the
    /// UNIX epoch; the first is now.
    ///
    /// # Errors
    /// When the cable is gone, or the flow beside does not come to stand.
    pub fn happen(&self, scenario: &Scenario, seconds: u32) -> Result<Vec<u64>> {
        let began = Instant::now();
        let wait_until = |at_s: u32| {
            let at = began + Duration::from_secs(at_s.into());
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
        };
        let mut steps_us = vec![wall_us()];
        let mut flow = None;
        if scenario.tcp {
            wait_until(TCP_AFTER_S);
            let address = SocketAddr::from((THERE, FLOW_PORT));
            flow = Some(Flow::begin(&self.sends, &self.watches, address)?);
        }
        for step in scenario.steps.iter().skip(1) {
            let [forth, back] = step.cable()?;
            wait_until(step.at_s);
            self.cable.change_each([&forth, &back])?;
            steps_us.push(wall_us());
        }
        wait_until(seconds);
        drop(flow);
        Ok(steps_us)
    }

    /// Unplugs the cable: what passed, and what became of it on the way forth. The folder stays as long as what is given back.
    ///
    /// # Errors
    /// When the cable had died before.
    pub fn leave(self) -> Result<(Vec<Moment>, Counters, TempDir)> {
        drop(self.server);
        let (forth, _) = self.cable.unplug()?;
        let moments = log::read(&self.folder.path().join("cable.log"))?;
        Ok((moments, forth, self.folder))
    }
}

/// Now: microseconds since the UNIX epoch.
#[must_use]
pub fn wall_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
