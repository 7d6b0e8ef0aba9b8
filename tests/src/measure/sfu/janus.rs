//! Janus (Debian's package) with its video room: how it is set up, and how people get into a room over its HTTP API.

use super::{CONNECT_MAX, Case, HERE, Sfu, Visit, serve};
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use crate::harness::programs::Program;
use anyhow::{Context as _, Result, bail, ensure};
use parley_server::load::Crowd;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PORT: u16 = 8088;
const START_PATIENCE: Duration = Duration::from_secs(20);
/// From a publisher's connection on our side until Janus has noticed it too.
const KNOWN_AFTER: Duration = Duration::from_millis(500);
/// Events of somebody else that may come before the one that is waited for.
const EVENTS_MAX: usize = 1_000;

/// The other one. Stopped when dropped.
pub(super) struct Janus {
    program: Program,
    /// Rooms so far.
    rooms: Cell<u64>,
}

impl Janus {
    /// From the system's package, with one thread for all media, as ours has, and nothing but the video room.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(super) fn start(folder: &Path, cores: &Cores, world: &Namespace) -> Result<Self> {
        let configuration = folder.join("janus");
        std::fs::create_dir_all(&configuration)?;
        for (name, text) in configuration_files(&configuration) {
            std::fs::write(configuration.join(name), text)?;
        }
        let mut command = Command::new("janus");
        command.arg("-F").arg(&configuration);
        let program = Program::start("janus", &mut world.enter(&cores.alone_and_first(command)))?;
        let janus = Self {
            program,
            rooms: Cell::new(0),
        };
        janus
            .until_it_answers(world)
            .context("is Janus installed (the package janus)?")?;
        Ok(janus)
    }

    fn until_it_answers(&self, world: &Namespace) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let tried = world.inside(|| post("", &json!({"janus": "ping", "transaction": "0"})));
            match tried {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline || self.program.try_wait().is_some() => {
                    let said = self.program.lines().join("\n");
                    return Err(error.context(format!("janus did not come up:\n{said}")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Sfu for Janus {
    fn who(&self) -> &'static str {
        "janus"
    }

    fn pid(&self) -> u32 {
        self.program.pid()
    }

    fn fill<'a>(&'a self, crowd: &mut Crowd, case: Case) -> Result<Box<dyn Visit + 'a>> {
        let room = self.rooms.get() + 1;
        self.rooms.set(room);
        let session = Session::open()?;
        let handle = session.attach()?;
        session.ask(
            handle,
            &json!({
                "request": "create", "room": room, "publishers": 1,
                "videocodec": "h264", "h264_profile": "42e01f", "audiocodec": "opus",
            }),
            None,
        )?;
        let client = crowd.client(0).context("nobody publishes")?;
        let (sdp, _) = client.offer();
        let join = json!({"request": "joinandconfigure", "ptype": "publisher", "room": room, "id": 1});
        let offer = json!({"type": "offer", "sdp": sdp});
        session.ask(handle, &join, Some(&offer))?;
        let answer = session.description(handle)?;
        ensure!(client.answer(&answer), "the answer is not understood: {answer}");
        until_it_is_known(crowd)?;
        for at in 1..=case.listeners {
            let handle = session.attach()?;
            let streams = json!([{"feed": 1}]);
            let join = json!({"request": "join", "ptype": "subscriber", "room": room, "streams": streams});
            session.ask(handle, &join, None)?;
            let offer = session.description(handle)?;
            let client = crowd.client(at).context("somebody without a client")?;
            let answer = client.accept(&offer).context("the offer is not understood")?;
            let answer = json!({"type": "answer", "sdp": answer});
            session.ask(handle, &json!({"request": "start"}), Some(&answer))?;
            crowd.turn(Instant::now())?;
        }
        Ok(Box::new(session))
    }
}

/// Nobody can ask for a feed whose connection does not stand yet, for Janus as well.
fn until_it_is_known(crowd: &mut Crowd) -> Result<()> {
    let deadline = Instant::now() + CONNECT_MAX;
    while !crowd.client(0).is_some_and(|publisher| publisher.is_connected()) {
        ensure!(Instant::now() < deadline, "the publisher does not get through");
        crowd.turn(deadline)?;
    }
    serve(crowd, KNOWN_AFTER)
}

/// One session of the API, with everybody's handles.
struct Session {
    id: u64,
}

impl Visit for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // What is not ended ends by itself after a minute.
        let _ = post(
            &format!("/{}", self.id),
            &json!({"janus": "destroy", "transaction": "0"}),
        );
    }
}

impl Session {
    fn open() -> Result<Self> {
        let made = post("", &json!({"janus": "create", "transaction": "0"}))?;
        let id = made["data"]["id"].as_u64().context("no session")?;
        Ok(Self { id })
    }

    fn attach(&self) -> Result<u64> {
        let ask = json!({"janus": "attach", "plugin": "janus.plugin.videoroom", "transaction": "0"});
        let made = post(&format!("/{}", self.id), &ask)?;
        made["data"]["id"].as_u64().context("no handle")
    }

    fn ask(&self, handle: u64, body: &Value, description: Option<&Value>) -> Result<()> {
        let mut message = json!({"janus": "message", "transaction": "0", "body": body});
        if let Some(description) = description {
            message["jsep"] = description.clone();
        }
        let answer = post(&format!("/{}/{handle}", self.id), &message)?;
        refused(&answer)
    }

    /// Waits for a description for that handle.
    fn description(&self, handle: u64) -> Result<String> {
        for _ in 0..EVENTS_MAX {
            let url = format!("http://{HERE}:{PORT}/janus/{}?maxev=1", self.id);
            let event: Value = ureq::get(&url).call()?.body_mut().read_json()?;
            if event["sender"].as_u64() != Some(handle) {
                continue;
            }
            refused(&event)?;
            if let Some(sdp) = event["jsep"]["sdp"].as_str() {
                return Ok(sdp.to_owned());
            }
        }
        bail!("janus describes nothing")
    }
}

fn post(path: &str, body: &Value) -> Result<Value> {
    let url = format!("http://{HERE}:{PORT}/janus{path}");
    let answer: Value = ureq::post(&url).send_json(body)?.body_mut().read_json()?;
    ensure!(answer["janus"] != "error", "janus refuses {body}: {answer}");
    Ok(answer)
}

/// Its plugin says no within an answer that is none.
fn refused(answer: &Value) -> Result<()> {
    let error = &answer["plugindata"]["data"]["error"];
    ensure!(error.is_null(), "janus refuses: {answer}");
    Ok(())
}

fn configuration_files(folder: &Path) -> [(&'static str, String); 3] {
    /// Of the package's plugins those that are of no use here; they take no time, but ports.
    const PLUGINS: &str = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,\
         libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,\
         libjanus_videocall.so,libjanus_voicemail.so";
    const TRANSPORTS: &str = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,\
         libjanus_websockets.so";
    let core = format!(
        "general: {{ configs_folder = {:?}\n debug_level = 2\n event_loops = 1 }}\n\
         media: {{ }}\nnat: {{ }}\n\
         plugins: {{ disable = {PLUGINS:?} }}\n\
         transports: {{ disable = {TRANSPORTS:?} }}\n\
         events: {{ broadcast = false }}\n",
        folder.display().to_string(),
    );
    let http = format!(
        "general: {{ json = \"compact\"\n http = true\n port = {PORT}\n ip = \"{HERE}\"\n https = false }}\n\
         admin: {{ admin_http = false }}\n"
    );
    [
        ("janus.jcfg", core),
        ("janus.transport.http.jcfg", http),
        ("janus.plugin.videoroom.jcfg", "general: { }\n".to_owned()),
    ]
}
