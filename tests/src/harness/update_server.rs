//! Where a made-up newer Parley can be had: a manifest and what it leads to, signed with a key of the test, on loopback.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::KeyPair;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Nobody who asks here takes longer.
const ASKING_MAX: Duration = Duration::from_secs(5);

/// What is offered.
#[derive(Debug, Clone)]
pub struct Offered {
    /// As the manifest says.
    pub version: String,
    /// See [`signature`].
    pub signature: String,
    /// The newer Parley.
    pub bytes: Vec<u8>,
}

/// The server. Answers until the process ends.
#[derive(Debug)]
pub struct UpdateServer {
    address: SocketAddr,
    offered: Arc<Mutex<Offered>>,
    fetched: Arc<AtomicUsize>,
}

impl UpdateServer {
    /// Begins to offer something.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(offered: Offered) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let offered = Arc::new(Mutex::new(offered));
        let fetched = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&offered), Arc::clone(&fetched));
        std::thread::Builder::new()
            .name("update server".into())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let offered = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    match answer(stream, address, &offered) {
                        Ok(fetched) => drop(count.fetch_add(usize::from(fetched), Ordering::Relaxed)),
                        Err(error) => eprintln!("update server: {error:#}"),
                    }
                }
            })?;
        Ok(Self {
            address,
            offered,
            fetched,
        })
    }

    /// How often the newer Parley itself was fetched.
    #[must_use]
    pub fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Offers something else from now on.
    pub fn offer(&self, offered: Offered) {
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = offered;
    }

    /// What an app is configured with that asks here and trusts this key.
    ///
    /// # Errors
    /// When the key cannot be written down.
    pub fn configuration(&self, trusted: &KeyPair) -> Result<Value> {
        let key = trusted.pk.to_box().context("the public key")?.to_string();
        Ok(json!({
            "pubkey": STANDARD.encode(key),
            "endpoints": [format!("http://{}/latest.json", self.address)],
            "requireSignedVersion": true
        }))
    }
}

/// A signature as Tauri's bundler writes it, for bytes that are said to be this version.
///
/// # Errors
/// When it cannot be made.
pub fn signature(key: &KeyPair, version: &str, bytes: &[u8]) -> Result<String> {
    let comment = format!("timestamp:1\tfile:Parley.AppImage\tversion:{version}");
    let signed = minisign::sign(None, &key.sk, Cursor::new(bytes), Some(&comment), None)?;
    Ok(STANDARD.encode(signed.into_string()))
}

/// Answers one question; tells whether it was for the newer Parley itself.
fn answer(mut stream: TcpStream, address: SocketAddr, offered: &Offered) -> Result<bool> {
    stream.set_read_timeout(Some(ASKING_MAX))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let asked = lines.next().context("nothing was asked")??;
    // The rest of the head, up to the empty line.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let fetches = asked.starts_with("GET /Parley.AppImage ");
    let (status, body) = if asked.starts_with("GET /latest.json ") {
        let url = format!("http://{address}/Parley.AppImage");
        let newer = json!({ "url": url, "signature": offered.signature });
        let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let manifest = json!({ "version": offered.version, "platforms": { system: newer } });
        ("200 OK", manifest.to_string().into_bytes())
    } else if fetches {
        ("200 OK", offered.bytes.clone())
    } else {
        ("404 Not Found", Vec::new())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    Ok(fetches)
}
