//! A certificate that the server makes itself, for HTTPS without a name: browsers give camera and microphone to nothing else.
//! Kept, so that a browser that was told to trust it goes on doing so.

use super::certificates::CertificateError;
use rcgen::{CertificateParams, DnType, KeyPair};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const CERTIFICATE_FILE: &str = "own-certificate.pem";
const KEY_FILE: &str = "own-certificate.key";
/// Apple's systems refuse certificates for longer than 825 days, whoever made them.
const GOOD_FOR: Duration = Duration::from_secs(800 * 24 * 3600);
/// After so long, the next start of the server makes a new one.
const USED_FOR: Duration = Duration::from_secs(700 * 24 * 3600);

/// The files of certificate and key, made if they are not there or too old.
pub(super) fn in_folder(folder: &Path) -> Result<(PathBuf, PathBuf), CertificateError> {
    let files = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
    let failed = |reason: String| CertificateError::Own {
        folder: folder.to_owned(),
        reason,
    };
    let now = now();
    if is_fresh(&files.0, now) && files.1.is_file() {
        return Ok(files);
    }
    let (certificate, key) = make(now).map_err(|error| failed(error.to_string()))?;
    fs::create_dir_all(folder)
        .and_then(|()| write(&files.1, key.as_bytes(), 0o600))
        .and_then(|()| write(&files.0, certificate.as_bytes(), 0o644))
        .map_err(|error| failed(error.to_string()))?;
    Ok(files)
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: asked once, at the start of a server"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn is_fresh(certificate: &Path, now: SystemTime) -> bool {
    fs::metadata(certificate)
        .and_then(|file| file.modified())
        .is_ok_and(|made| now.duration_since(made).unwrap_or_default() < USED_FOR)
}

/// For every address and name of this machine. Both in PEM: certificate, key.
fn make(now: SystemTime) -> Result<(String, String), rcgen::Error> {
    let mut names = vec!["localhost".to_owned()];
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    names.extend(own.into_iter().map(|interface| interface.ip().to_string()));
    names.sort();
    names.dedup();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "A Parley server's own certificate");
    // A clock that is a little behind should not call it not yet valid.
    params.not_before = (now - Duration::from_secs(24 * 3600)).into();
    params.not_after = (now + GOOD_FOR).into();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Written aside, then put into place: a file is either absent or whole.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let aside = path.with_extension("new");
    // Of an attempt that was cut off.
    let _ = fs::remove_file(&aside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("deep/er");
        let (certificate, key) = in_folder(&deep).unwrap();
        let first = fs::read(&certificate).unwrap();
        assert_eq!(in_folder(&deep).unwrap(), (certificate.clone(), key.clone()));
        assert_eq!(fs::read(&certificate).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(
            fs::read_dir(&deep).unwrap().count(),
            2,
            "nothing is left beside them"
        );
    }

    #[test]
    fn an_old_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, _) = in_folder(folder.path()).unwrap();
        let first = fs::read(&certificate).unwrap();
        let file = fs::File::options().write(true).open(&certificate).unwrap();
        file.set_modified(now() - USED_FOR).unwrap();
        in_folder(folder.path()).unwrap();
        assert_ne!(fs::read(&certificate).unwrap(), first);
    }
}
