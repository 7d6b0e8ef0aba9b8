//! Which processor runs what: what is measured has one for itself where there are two, and whoever gives it work has the others.

use super::system;
use anyhow::Result;
use std::process::Command;

/// The processors of this machine, shared out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    measured: Option<usize>,
    load: Vec<usize>,
}

impl Cores {
    /// Shares out the processors that this process may use: the last one is for what is measured.
    #[must_use]
    pub fn share() -> Self {
        Self::of(&system::processors())
    }

    fn of(all: &[usize]) -> Self {
        match all.split_last() {
            Some((last, others)) if !others.is_empty() => Self {
                measured: Some(*last),
                load: others.to_vec(),
            },
            // Nothing to share.
            _ => Self {
                measured: None,
                load: Vec::new(),
            },
        }
    }

    /// How many there are for whoever gives the work.
    #[must_use]
    pub fn for_load(&self) -> usize {
        self.load.len().max(1)
    }

    /// `command`, to be run on the processor of what is measured; where there is but one, it shares that.
    #[must_use]
    pub fn alone(&self, command: Command) -> Command {
        let Some(core) = self.measured else {
            return command;
        };
        let mut pinned = Command::new("taskset");
        pinned
            .args(["--cpu-list", &core.to_string()])
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => pinned.env(key, value),
                None => pinned.env_remove(key),
            };
        }
        pinned
    }

    /// The same, ahead of everything else that runs there: what others do on this machine is not counted as its delay. Where the kernel
    /// does not let it go ahead, it does not.
    #[must_use]
    pub fn alone_and_first(&self, command: Command) -> Command {
        let chrt = |words: &[&std::ffi::OsStr]| {
            let mut first = Command::new("chrt");
            first.args(["--fifo", "1"]).args(words);
            first
        };
        let may = chrt(&["true".as_ref()]).output();
        let mut pinned = self.alone(command);
        if may.is_ok_and(|outcome| outcome.status.success()) {
            let words: Vec<_> = std::iter::once(pinned.get_program())
                .chain(pinned.get_args())
                .collect();
            let mut first = chrt(&words);
            for (key, value) in pinned.get_envs() {
                match value {
                    Some(value) => first.env(key, value),
                    None => first.env_remove(key),
                };
            }
            pinned = first;
        }
        pinned
    }

    /// Keeps this thread, and those that it starts from now on, off that processor.
    ///
    /// # Errors
    /// When the kernel says no.
    pub fn stay_off(&self) -> Result<()> {
        match self.measured {
            Some(_) => system::run_only_on(&self.load),
            None => Ok(()),
        }
    }

    /// What a reader of figures has to know about it, if anything.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        self.measured.is_none().then(|| {
            "there is but one processor: what is measured shares it with who gives it work".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_has_the_last_processor_where_there_are_two() {
        let shared = Cores::of(&[0, 1, 5]);
        assert_eq!((shared.measured, shared.for_load()), (Some(5), 2));
        let mut command = Command::new("server");
        command.arg("--fast").env("KEY", "value");
        let pinned = shared.alone(command);
        assert_eq!(pinned.get_program(), "taskset");
        let arguments: Vec<_> = pinned.get_args().collect();
        assert_eq!(arguments, ["--cpu-list", "5", "server", "--fast"]);
        assert_eq!(pinned.get_envs().count(), 1);
        assert_eq!(shared.note(), None);
    }

    #[test]
    fn one_processor_is_not_shared_out() {
        for all in [&[][..], &[3]] {
            let only = Cores::of(all);
            assert_eq!(only.alone(Command::new("server")).get_program(), "server");
            assert!(only.stay_off().is_ok() && only.note().is_some());
        }
    }

    #[test]
    fn a_thread_stays_where_it_is_put() {
        let before = system::processors();
        assert!(!before.is_empty());
        let kept = std::thread::spawn({
            let first = before[..1].to_vec();
            move || {
                system::run_only_on(&first).unwrap();
                system::processors()
            }
        });
        assert_eq!(kept.join().unwrap(), before[..1]);
        assert_eq!(system::processors(), before, "this thread is where it was");
    }
}
