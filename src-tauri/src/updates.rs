//! A newer Parley: does what `parley_app::desktop::Updates` decides, through Tauri's updater, which fetches and checks the
//! signature. Nothing is decided here.

use parley_app::desktop::{UpdateDeed, UpdateNews, UpdateWay, Updates};
use parley_app::engine::EngineHandle;
use parley_app::view::{AppCommand, UpdateAsk};
use parley_desktop::looks;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tauri::async_runtime::JoinHandle;
use tauri::plugin::TauriPlugin;
use tauri::utils::platform::bundle_type;
use tauri::{AppHandle, Context, Manager as _, Wry};
use tauri_plugin_updater::{Builder, Config, Error, Update, UpdaterExt as _};
use tokio::sync::mpsc;

/// The plugin's name in the configuration; builds that look for updates have a key there.
const PLUGIN: &str = "updater";
/// What windows ask and nobody looked at yet; more than that is left out.
const ASKS_MAX: usize = 8;
/// How long an answer may take, ...
const LOOK_MAX: Duration = Duration::from_secs(30);
/// ... and the whole of a newer Parley.
const FETCH_MAX: Duration = Duration::from_secs(30 * 60);

/// Where windows ask.
pub(crate) struct UpdateAsks(mpsc::Sender<UpdateAsk>);

impl UpdateAsks {
    pub(crate) async fn ask(&self, ask: UpdateAsk) {
        // The task that hears it ends with the app.
        let _ = self.0.send(ask).await;
    }
}

/// What fetches and checks; nothing where this build does not know whose signature to trust.
pub(crate) fn plugin(context: &mut Context) -> Option<TauriPlugin<Wry, Config>> {
    let plugins = &mut context.config_mut().plugins.0;
    #[cfg(debug_assertions)]
    if let Some(tried) = crate::surroundings::tried_updates() {
        plugins.insert(PLUGIN.to_owned(), tried);
    }
    let key = plugins.get(PLUGIN)?.get("pubkey")?.as_str()?;
    (!key.is_empty()).then(|| Builder::new().build())
}

/// Begins to look for updates.
pub(crate) fn settle(app: &AppHandle, engine: &EngineHandle, folder: &Path, configured: bool) {
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    app.manage(UpdateAsks(asks));
    let bundle = bundle_type().map(|bundle| bundle.to_string());
    let way = UpdateWay::of(configured, bundle.as_deref(), in_appimage(app));
    let driver = Driver {
        app: app.clone(),
        engine: engine.clone(),
        folder: folder.to_owned(),
        doing: None,
        fetched: None,
    };
    drop(tauri::async_runtime::spawn(driver.follow(way, asked)));
}

/// Whether this runs out of an AppImage, which can be replaced by another.
#[cfg(target_os = "linux")]
fn in_appimage(app: &AppHandle) -> bool {
    app.env().appimage.is_some()
}

/// They are Linux's.
#[cfg(not(target_os = "linux"))]
const fn in_appimage(_: &AppHandle) -> bool {
    false
}

/// A newer Parley whose signature fits.
struct Fetched {
    update: Update,
    bytes: Vec<u8>,
}

/// What a piece of work came back with.
struct Outcome {
    news: UpdateNews,
    fetched: Option<Fetched>,
}

struct Driver {
    app: AppHandle,
    engine: EngineHandle,
    folder: PathBuf,
    /// The one piece of work that is on.
    doing: Option<JoinHandle<Outcome>>,
    fetched: Option<Fetched>,
}

impl Driver {
    async fn follow(mut self, way: UpdateWay, mut asked: mpsc::Receiver<UpdateAsk>) {
        let mut updates = Updates::new(way, looks::last(&self.folder), now_ms());
        let mut states = self.engine.state();
        loop {
            let state = states.borrow_and_update().clone();
            self.do_all(updates.follow(&state, now_ms())).await;
            let due = updates.due_in(now_ms());
            let deeds = tokio::select! {
                changed = states.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                Some(ask) = asked.recv() => updates.ask(ask, now_ms()),
                outcome = finished(&mut self.doing) => {
                    self.fetched = outcome.fetched;
                    // A call that began at this moment counts.
                    let state = states.borrow_and_update().clone();
                    self.do_all(updates.follow(&state, now_ms())).await;
                    updates.hear(outcome.news)
                }
                () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => continue,
            };
            self.do_all(deeds).await;
        }
    }

    async fn do_all(&mut self, deeds: Vec<UpdateDeed>) {
        for deed in deeds {
            match deed {
                UpdateDeed::Tell(update) => {
                    // The engine that does not hear it any more is ending.
                    let _ = self.engine.command(AppCommand::TellUpdate { update }).await;
                }
                UpdateDeed::Remember { looked_ms } => {
                    if let Err(error) = looks::keep(&self.folder, looked_ms) {
                        tracing::info!(%error, "the next start looks for updates again");
                    }
                }
                UpdateDeed::Look => self.work(look(self.app.clone())),
                UpdateDeed::Fetch => self.work(fetch(self.app.clone())),
                UpdateDeed::Install => {
                    let fetched = self.fetched.take();
                    self.work(install(self.engine.clone(), fetched));
                }
                UpdateDeed::Stop => {
                    if let Some(work) = self.doing.take() {
                        work.abort();
                    }
                }
                UpdateDeed::Restart => self.app.request_restart(),
                UpdateDeed::Drop => self.fetched = None,
            }
        }
    }

    fn work(&mut self, work: impl Future<Output = Outcome> + Send + 'static) {
        self.doing = Some(tauri::async_runtime::spawn(work));
    }
}

/// What came of the work that is on; never, while there is none.
async fn finished(doing: &mut Option<JoinHandle<Outcome>>) -> Outcome {
    let Some(work) = doing else {
        return std::future::pending().await;
    };
    let outcome = work.await;
    *doing = None;
    outcome.unwrap_or_else(|error| {
        tracing::warn!(%error, "an update's work broke off");
        only(UpdateNews::Failed)
    })
}

async fn check(app: &AppHandle) -> Result<Option<Update>, Error> {
    let updater = app.updater_builder().timeout(LOOK_MAX).build()?;
    updater.check().await
}

async fn look(app: AppHandle) -> Outcome {
    match check(&app).await {
        Ok(Some(found)) => only(UpdateNews::Newer {
            version: found.version,
        }),
        Ok(None) => only(UpdateNews::Newest),
        Err(error) => only(trouble(&error, UpdateNews::Unreachable)),
    }
}

/// Looks again first: what was found may be days old, or was mended meanwhile.
async fn fetch(app: AppHandle) -> Outcome {
    let mut found = match check(&app).await {
        Ok(Some(found)) => found,
        Ok(None) => return only(UpdateNews::Newest),
        Err(error) => return only(trouble(&error, UpdateNews::Unreachable)),
    };
    found.timeout = Some(FETCH_MAX);
    match found.download(|_, _| {}, || {}).await {
        Ok(bytes) => Outcome {
            news: UpdateNews::Fetched,
            fetched: Some(Fetched { update: found, bytes }),
        },
        Err(error) => only(trouble(&error, UpdateNews::Unreachable)),
    }
}

/// On Windows it comes back only when it did not work: the installer ends Parley and starts the newer one.
async fn install(engine: EngineHandle, fetched: Option<Fetched>) -> Outcome {
    let Some(fetched) = fetched else {
        return only(UpdateNews::Failed);
    };
    let states = engine.state();
    let installed = tauri::async_runtime::spawn_blocking(move || {
        // A call may have begun while this waited for its thread.
        if !Updates::is_at_rest(&states.borrow()) {
            return Ok(Some(fetched));
        }
        fetched.update.install(&fetched.bytes).map(|()| None)
    })
    .await;
    match installed {
        Ok(Ok(None)) => only(UpdateNews::Installed),
        Ok(Ok(fetched)) => Outcome {
            news: UpdateNews::Fetched,
            fetched,
        },
        Ok(Err(error)) => only(trouble(&error, UpdateNews::Failed)),
        Err(error) => {
            tracing::warn!(%error, "the update was not put in place");
            only(UpdateNews::Failed)
        }
    }
}

const fn only(news: UpdateNews) -> Outcome {
    Outcome { news, fetched: None }
}

/// A signature that does not fit is told as that; everything else as what was tried.
fn trouble(error: &Error, otherwise: UpdateNews) -> UpdateNews {
    tracing::warn!(%error, "no update");
    match error {
        Error::Minisign(_)
        | Error::Base64(_)
        | Error::SignatureUtf8(_)
        | Error::SignedVersionMismatch { .. }
        | Error::MissingSignedVersion => UpdateNews::Refused,
        _ => otherwise,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: the clock on the wall, for once a day"
)]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
