//! A camera without hardware: a FUSE file that answers V4L2's ioctls, `poll` and `mmap`, seen as `/dev/video0` by whoever
//! is started with it. The real system calls of the real capture code reach it; no kernel module, no preloaded library.
//!
//! `device` decides what V4L2 answers (no I/O), `picture` makes the pixels, `filesystem` drives both from FUSE. It runs in a
//! process of its own, the program `fake-camera`, so that a test that dies takes it along.

mod device;
mod filesystem;
mod picture;

pub use device::{Format, Mode};
pub use filesystem::run;

use super::programs::{Program, our};
use super::system;
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The parts of the pattern that hold nothing for machines to read: what two people's cameras see in pictures for people.
pub const SCENERY: [&str; 2] = [
    "crop=iw*0.74:ih*0.74:iw*0.24:ih*0.14",
    "hflip,crop=iw*0.6:ih*0.6:iw*0.2:ih*0.2",
];

/// Makes a `/dev` with this one camera: `$1` is an empty folder, `$2` the camera's file.
const OWN_DEV: &str = r#"
    real="$1" camera="$2"; shift 2
    mount --rbind /dev "$real" && mount -t tmpfs none /dev || exit 97
    for node in "$real"/*; do
        case "$node" in */video[0-9]*) ;; *) ln -s "$node" /dev/ ;; esac
    done
    touch /dev/video0 && mount --bind "$camera" /dev/video0 || exit 98
"#;

/// A plugged-in camera that shows the moving pattern. Gone when dropped.
#[derive(Debug)]
pub struct FakeCamera {
    program: Program,
    folder: TempDir,
}

impl FakeCamera {
    /// Plugs a camera in; `modes` as [`Mode::parse`] reads them, such as `640x360@30:YUYV`.
    ///
    /// # Errors
    /// When not root or without `/dev/fuse`.
    pub fn plug_in(name: &str, modes: &[&str]) -> Result<Self> {
        Self::plug_in_showing(name, modes, None)
    }

    /// The same; in MJPEG it shows this part of the pattern (an ffmpeg filter), such as [`SCENERY`].
    ///
    /// # Errors
    /// When not root or without `/dev/fuse`.
    pub fn plug_in_showing(name: &str, modes: &[&str], part: Option<&str>) -> Result<Self> {
        ensure!(
            system::is_root(),
            "a fake camera needs root for its mounts; run the tests as root (in a container, say)"
        );
        let folder = TempDir::with_prefix("parley-camera-")?;
        for part in ["camera", "dev"] {
            std::fs::create_dir(folder.path().join(part))?;
        }
        let mut command = our("fake-camera")?;
        command.arg(folder.path().join("camera")).arg(name).args(modes);
        let jpegs = modes
            .iter()
            .filter_map(|mode| Mode::parse(mode))
            .find(|mode| mode.format == Format::Mjpeg);
        if let Some(mode) = jpegs {
            let file = folder.path().join("pictures.mjpeg");
            picture::write_jpegs(&mode, part, &file)?;
            command.arg("--jpegs").arg(file);
        }
        let program = Program::start("fake-camera", &mut command)?;
        program
            .wait_for_line(Duration::from_secs(10), |line| line == "plugged in")
            .context("the camera did not come up (it needs /dev/fuse)")?;
        Ok(Self { program, folder })
    }

    /// The file that answers like a camera.
    #[must_use]
    pub fn device(&self) -> PathBuf {
        self.folder.path().join("camera").join("video")
    }

    /// `command`, in a world where this is the only camera, `/dev/video0`. Nothing changes outside: the other devices are
    /// linked into a `/dev` of its own.
    #[must_use]
    pub fn attach(&self, command: &Command) -> Command {
        let mut attached = Command::new("unshare");
        attached
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg(format!("{OWN_DEV} exec \"$@\""))
            .arg("attach")
            .arg(self.folder.path().join("dev"))
            .arg(self.device())
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => attached.env(key, value),
                None => attached.env_remove(key),
            };
        }
        attached
    }

    /// Does `work` on a thread in such a world: it sees this camera, and so do the threads it starts.
    ///
    /// # Errors
    /// When not root, or what `work` says.
    pub fn beside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        system::with_own_mounts(|| {
            let status = Command::new("sh")
                .args(["-c", OWN_DEV, "attach"])
                .arg(self.folder.path().join("dev"))
                .arg(self.device())
                .status()?;
            ensure!(status.success(), "no /dev with a camera in it: {status}");
            work()
        })
    }

    /// It gives no more pictures, without a word, until somebody starts it anew.
    ///
    /// # Errors
    /// When the camera's program died.
    pub fn stall(&self) -> Result<()> {
        self.program.say("stall")
    }

    /// Pulls the plug: every call answers "no such device" from now.
    ///
    /// # Errors
    /// When the camera's program died.
    pub fn unplug(&self) -> Result<()> {
        self.program.say("unplug")
    }

    /// Puts the plug back.
    ///
    /// # Errors
    /// When the camera's program died.
    pub fn replug(&self) -> Result<()> {
        self.program.say("plug")
    }
}

impl FakeCamera {
    /// Takes the node out of the `/dev` of a program that was started with [`FakeCamera::attach`], as the system does for a
    /// camera that is gone.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn take_out(&self, pid: u32) -> Result<()> {
        in_world_of(
            pid,
            "umount --lazy /dev/video0 2>/dev/null; rm -f /dev/video0",
            &[],
        )
    }

    /// Puts the node there again, at once and whole.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn put_in(&self, pid: u32) -> Result<()> {
        in_world_of(
            pid,
            "ln -s \"$1\" /dev/video0",
            &[&self.device().display().to_string()],
        )
    }
}

fn in_world_of(pid: u32, script: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new("nsenter")
        .args(["--mount", "--target", &pid.to_string(), "sh", "-c", script, "sh"])
        .args(arguments)
        .status()
        .context("is the package util-linux installed?")?;
    ensure!(status.success(), "{script}: {status}");
    Ok(())
}

impl Drop for FakeCamera {
    fn drop(&mut self) {
        // It ends with its input, and takes its mount along; a signal would leave that behind.
        self.program.close_input();
        let _ = self.program.wait(Duration::from_secs(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_attached_sees_one_camera_and_the_usual_devices() {
        let camera = FakeCamera::plug_in("Test Camera", &["640x360@30:YUYV"]).unwrap();
        let mut list = Command::new("sh");
        list.args([
            "-c",
            "ls /dev/video*; test -c /dev/null && echo null; ls -d /dev/shm",
        ]);
        let output = camera.attach(&list).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "/dev/video0\nnull\n/dev/shm\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn an_unplugged_camera_cannot_be_opened_until_it_is_back() {
        let camera = FakeCamera::plug_in("Test Camera", &["640x360@30:YUYV"]).unwrap();
        let opens = |wanted: bool| {
            (0..50).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                std::fs::File::open(camera.device()).is_ok() == wanted
            })
        };
        assert!(opens(true));
        camera.unplug().unwrap();
        assert!(opens(false));
        camera.replug().unwrap();
        assert!(opens(true));
    }
}
