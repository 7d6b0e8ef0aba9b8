//! `parley-server load`: what an SFU on this machine carries.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use parley_server::load::{LoadPlan, Video, run};
use std::io::Write as _;
use std::time::Duration;

/// Load an SFU in this process with made-up clients, over real sockets and with real encryption, and say what it costs
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// Rooms
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    rooms: u16,
    /// In each room: who sends sound and pictures
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=36))]
    publishers: u16,
    /// In each room: who sees and hears all of them
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1000))]
    subscribers: u16,
    /// In each room: who does both, as people in a call do
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=150))]
    participants: u16,
    /// What they send
    #[arg(long, value_enum, default_value = "720p-simulcast")]
    video: VideoArgument,
    /// How long it is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// Threads of the SFU
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum VideoArgument {
    #[value(name = "720p-simulcast")]
    Simulcast720p,
    #[value(name = "720p")]
    Single720p,
    #[value(name = "360p")]
    Single360p,
    #[value(name = "180p")]
    Single180p,
    None,
}

impl LoadArguments {
    /// Does it.
    ///
    /// # Errors
    /// What could not be started, or that it did not carry the load.
    pub(crate) fn run(&self) -> Result<()> {
        let plan = LoadPlan {
            rooms: self.rooms.into(),
            publishers: self.publishers.into(),
            subscribers: self.subscribers.into(),
            participants: self.participants.into(),
            video: match self.video {
                VideoArgument::Simulcast720p => Video::Simulcast720p,
                VideoArgument::Single720p => Video::Single720p,
                VideoArgument::Single360p => Video::Single360p,
                VideoArgument::Single180p => Video::Single180p,
                VideoArgument::None => Video::None,
            },
            time: Duration::from_secs(self.seconds.into()),
            threads: self.threads,
        };
        super::user::allow_many_files();
        let report = run(&plan)?;
        let mut case = format!("{}x{}x{}", self.rooms, self.publishers, self.subscribers);
        if self.participants > 0 {
            case = format!("{case}+{}", self.participants);
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", report.json(&case))?;
        } else {
            write!(out, "{report}")?;
        }
        if !report.is_good() {
            bail!("Not everybody was connected, or too much was lost.");
        }
        Ok(())
    }
}
