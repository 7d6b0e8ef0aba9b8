//! Driving a real window from outside: the part of the W3C WebDriver protocol that the tests need, over plain HTTP.
//!
//! Takes no pictures: `GET screenshot` hangs in WebKitGTK's driver; [`super::xvfb::Screen`] takes them.

use super::system;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The key under which the protocol hides an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How often a page is asked for something that will come.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Where a driver listens.
#[derive(Debug)]
pub struct Place {
    /// On loopback.
    pub port: u16,
    /// Whose loopback, if not the machine's own: a network namespace.
    pub network: Option<String>,
}

impl Place {
    /// Does `work` where its loopback is; a socket that is opened there stays there.
    ///
    /// # Errors
    /// What `work` says.
    pub fn inside<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.network {
            Some(network) => system::inside(network, work),
            None => work(),
        }
    }
}

/// One window under control. The session, and the window with it, ends when dropped.
#[derive(Debug)]
pub struct Session {
    agent: ureq::Agent,
    place: Place,
    url: String,
}

impl Session {
    /// Asks the driver at `place` to start `binary`.
    ///
    /// # Errors
    /// When the driver does not answer or the window does not come.
    pub fn start(place: Place, binary: &str, arguments: &[String]) -> Result<Self> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(40)))
            .http_status_as_error(false)
            .build()
            .into();
        let wish = json!({"capabilities": {"alwaysMatch": {
            "webkitgtk:browserOptions": {"binary": binary, "args": arguments}
        }}});
        let root = format!("http://127.0.0.1:{}", place.port);
        let answer = place.inside(|| ask(&agent, "POST", &format!("{root}/session"), Some(wish)))?;
        let id = answer["sessionId"]
            .as_str()
            .context("the driver gave no session")?;
        let session = Self {
            url: format!("{root}/session/{id}"),
            agent,
            place,
        };
        session.call(
            "POST",
            "/timeouts",
            Some(json!({"script": 20_000, "implicit": 0})),
        )?;
        Ok(session)
    }

    /// Runs JavaScript in the page; its `return` comes back.
    ///
    /// # Errors
    /// When it throws or the window is gone.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.call(
            "POST",
            "/execute/sync",
            Some(json!({"script": script, "args": []})),
        )
        .with_context(|| format!("in the page: {script}"))
    }

    /// Waits until JavaScript returns something true-ish, and gives it.
    ///
    /// # Errors
    /// When the time is over.
    pub fn wait_for(&self, limit: Duration, script: &str) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.run(script)?;
            let nothing = matches!(&answer, Value::Null | Value::Bool(false))
                || answer.as_f64() == Some(0.0)
                || answer.as_str() == Some("");
            if !nothing {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                bail!(
                    "not within {limit:?}: {script}\nthe page shows: {}",
                    self.text().unwrap_or_default()
                );
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Clicks what `css` finds, as a mouse would.
    ///
    /// # Errors
    /// When it does not appear within some seconds, or cannot be clicked.
    pub fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css)?;
        self.call("POST", &format!("/element/{element}/click"), Some(json!({})))
            .map(drop)
    }

    /// Types into what `css` finds.
    ///
    /// # Errors
    /// When it does not appear within some seconds, or takes no text.
    pub fn type_into(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css)?;
        self.call("POST", &format!("/element/{element}/clear"), Some(json!({})))?;
        self.call(
            "POST",
            &format!("/element/{element}/value"),
            Some(json!({"text": text})),
        )
        .map(drop)
    }

    /// Makes the window fill this many pixels from the screen's top left corner on.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let place = json!({"x": 0, "y": 0, "width": width, "height": height});
        self.call("POST", "/window/rect", Some(place)).map(drop)
    }

    /// Clicks into what `css` finds and presses Control and V.
    ///
    /// # Errors
    /// When it does not appear within some seconds, or takes no keys.
    pub fn paste_into(&self, css: &str) -> Result<()> {
        let element = self.find(css)?;
        self.call("POST", &format!("/element/{element}/click"), Some(json!({})))?;
        // The protocol's own characters for Control, and for letting go of it.
        let keys = json!({"text": "\u{E009}v\u{E000}"});
        self.call("POST", &format!("/element/{element}/value"), Some(keys))
            .map(drop)
    }

    /// All words that are to be read now.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText")?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    fn find(&self, css: &str) -> Result<String> {
        self.wait_for(
            Duration::from_secs(15),
            &format!(
                "const e = document.querySelector({}); return !!e && !e.disabled",
                json!(css)
            ),
        )?;
        let answer = self.call(
            "POST",
            "/element",
            Some(json!({"using": "css selector", "value": css})),
        )?;
        let id = answer[ELEMENT]
            .as_str()
            .with_context(|| format!("nothing is {css}"))?;
        Ok(id.to_owned())
    }

    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        self.place.inside(|| ask(&self.agent, method, &url, body))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.call("DELETE", "", None);
    }
}

fn ask(agent: &ureq::Agent, method: &str, url: &str, body: Option<Value>) -> Result<Value> {
    let response = match (method, body) {
        ("POST", Some(body)) => agent.post(url).send_json(body),
        ("DELETE", _) => agent.delete(url).call(),
        _ => agent.get(url).call(),
    };
    let mut response = response.with_context(|| format!("the driver does not answer at {url}"))?;
    let answer: Value = response
        .body_mut()
        .read_json()
        .context("the driver speaks no JSON")?;
    let value = answer["value"].clone();
    match value["error"].as_str() {
        Some(error) => bail!("{error}: {}", value["message"].as_str().unwrap_or_default()),
        None => Ok(value),
    }
}
