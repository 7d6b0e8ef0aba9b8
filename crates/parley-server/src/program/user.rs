//! Who the program is on this machine: root only until the ports are bound, and with as many open files as it may have.

use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// Becomes another user for good, who from then on owns what is kept in `data_dir`. Call it once the ports are bound.
///
/// # Errors
/// There is no such user, this one may not become another, or the right to come back was kept.
#[cfg(target_os = "linux")]
pub(crate) fn become_user(name: &str, data_dir: &Path) -> Result<()> {
    use nix::unistd::{Uid, User, initgroups, setgid, setuid};
    let user = User::from_name(name)
        .with_context(|| format!("The user {name} cannot be looked up."))?
        .with_context(|| {
            format!("There is no user {name}. Make one (useradd --system {name}), or change `user`.")
        })?;
    if Uid::effective() == user.uid {
        return Ok(());
    }
    if !Uid::effective().is_root() {
        bail!("Only root can become {name}. Start the server as root or as {name}, or take `user` out.");
    }
    if user.uid.is_root() {
        bail!("`user` is to be somebody else than root.");
    }
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    give(data_dir, uid, gid).with_context(|| {
        format!(
            "What is kept in {} cannot be given to {name}.",
            data_dir.display()
        )
    })?;
    let c_name = std::ffi::CString::new(name).context("a name with a zero byte")?;
    // In this order: whoever is no longer root cannot change groups. The C library does it for all threads.
    let became = initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid));
    became.with_context(|| format!("The server cannot become {name}."))?;
    if setuid(Uid::from_raw(0)).is_ok() {
        bail!("The server became {name}, but could still become root again: it stops.");
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn become_user(name: &str, _: &Path) -> Result<()> {
    bail!("The server can become {name} on Linux only. Take `user` out, and start it as that user.")
}

/// The folder, the files in it, and those of its folder `acme`. Links are not followed, and a file with a second name stays whose it
/// is: whoever the folder was given to before may have linked somebody else's file into it.
#[cfg(target_os = "linux")]
fn give(folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    lchown(folder, Some(uid), Some(gid))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        // Of the entry itself, like the kind.
        if kind.is_file() && entry.metadata()?.nlink() == 1 {
            lchown(entry.path(), Some(uid), Some(gid))?;
        } else if kind.is_dir() && entry.file_name() == "acme" {
            give(&entry.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// Every connection and every relay is an open file, and the usual limit is made for programs with few.
pub(crate) fn allow_many_files() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let raised = getrlimit(Resource::RLIMIT_NOFILE)
            .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard.min(1 << 20), hard));
        if let Err(error) = raised {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
