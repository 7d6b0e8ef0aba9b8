//! Network namespaces: computers of their own as far as the network goes.

use super::system;
use anyhow::{Context as _, Result, ensure};
use std::process::{Command, Stdio};

/// A network namespace with nothing but loopback in it. Gone when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one; `name` is made unique by this process's id.
    ///
    /// # Errors
    /// When not root or without `ip`.
    pub fn create(name: &str) -> Result<Self> {
        ensure!(
            system::is_root(),
            "emulated networks need root; run the tests as root (in a container, say)"
        );
        let namespace = Self {
            name: format!("parley-{}-{name}", std::process::id()),
        };
        ip(&["netns", "add", &namespace.name]).context("cannot make a network namespace")?;
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The name that `ip netns` knows.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends what goes nowhere else to `gateway`. A browser that nobody gave a microphone takes only the addresses of the route to
    /// everywhere, and finds none where there is none.
    ///
    /// # Errors
    /// When no cable leads there.
    pub fn route_everything_to(&self, gateway: &str) -> Result<()> {
        ip(&["-n", &self.name, "route", "replace", "default", "via", gateway])
    }

    /// Sends what goes out with `address` through `gateway` behind `interface`, whatever the way for everything else is: as a system
    /// does that is on two networks at once.
    ///
    /// # Errors
    /// When no cable leads there, or the system has no rules of routing.
    pub fn route_by_source(&self, address: &str, gateway: &str, interface: &str) -> Result<()> {
        const TABLE: &str = "110";
        ip(&[
            "-n", &self.name, "route", "replace", "default", "via", gateway, "dev", interface, "table", TABLE,
        ])?;
        ip(&["-n", &self.name, "rule", "add", "from", address, "lookup", TABLE])
    }

    /// Takes an interface down, and its addresses off it: what the system does when a cable is pulled or a wireless network left.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn take_down(&self, interface: &str) -> Result<()> {
        ip(&["-n", &self.name, "link", "set", interface, "down"])?;
        ip(&["-n", &self.name, "addr", "flush", "dev", interface])
    }

    /// Brings an interface up with an address (and the length of its subnet).
    ///
    /// # Errors
    /// When there is none of that name, or it has the address already.
    pub fn bring_up(&self, interface: &str, address: &str) -> Result<()> {
        ip(&["-n", &self.name, "link", "set", interface, "up"])?;
        ip(&["-n", &self.name, "addr", "add", address, "dev", interface])
    }

    /// Gives it an address (and the length of its subnet) that is not loopback's, and that nobody else is reached by: for programs that use
    /// no loopback. What is sent there goes over loopback all the same.
    ///
    /// # Errors
    /// When it has one already.
    pub fn add_own_address(&self, address: &str) -> Result<()> {
        ip(&[
            "-n", &self.name, "link", "add", "own0", "type", "veth", "peer", "name", "own1",
        ])?;
        ip(&["-n", &self.name, "link", "set", "own1", "up"])?;
        self.bring_up("own0", address)
    }

    /// Lets no UDP out of it any more, but to itself: whoever waits for an answer waits in vain, as behind a firewall.
    ///
    /// # Errors
    /// When the system has no rules of routing.
    pub fn block_udp(&self) -> Result<()> {
        ip(&["-n", &self.name, "rule", "add", "ipproto", "udp", "blackhole"])
    }

    /// Does `work` inside, on this thread; sockets it opens stay there.
    ///
    /// # Errors
    /// When the namespace is gone, or what `work` says.
    pub fn inside<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        system::inside(&self.name, work)
    }

    /// `command`, to be run inside.
    #[must_use]
    pub fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside
            .args(["netns", "exec", &self.name])
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(key, value),
                None => inside.env_remove(key),
            };
        }
        inside
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("the program `ip` is missing (package iproute2)")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
