//! Keys that work from any program (`org.freedesktop.portal.GlobalShortcuts`). The desktop decides which keys these are, and
//! may ask the person; what is wished for is a proposal.
//!
//! [T] one thread for as long as keys are listened to. Each change of the wishes needs a new session, so a new value.

use crate::portal::{Heard, Options, Portal, PortalFault};
use gio::glib::variant::ToVariant as _;
use gio::glib::{MainContext, Variant};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const SHORTCUTS: &str = "org.freedesktop.portal.GlobalShortcuts";
/// How often somebody who waits for the dialog looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// A key to listen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What it is called between the desktop and us.
    pub id: String,
    /// What it does, for the person.
    pub words: String,
    /// The key as the window writes it (`Ctrl+Shift+KeyM`).
    pub key: String,
}

/// A key went down or came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stroke {
    /// [`Wish::id`].
    pub id: String,
    /// Down, or up again.
    pub down: bool,
}

/// What there is to know while it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The desktop answered: these are listened to.
    Bound(Vec<String>),
    /// Nothing is listened to (any more).
    Deaf(PortalFault),
    /// A key.
    Stroke(Stroke),
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Shortcuts {
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    ordered: AtomicBool,
    /// Wakes the thread.
    context: OnceLock<MainContext>,
}

impl Shortcuts {
    /// Starts the thread. `tell` is called on it.
    #[must_use]
    pub fn listen(wishes: Vec<Wish>, tell: impl FnMut(News) + Send + 'static) -> Self {
        Self::over(Portal::connect, wishes, tell)
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the thread that listens")]
    fn over(
        connect: impl FnOnce() -> Result<Portal, PortalFault> + Send + 'static,
        wishes: Vec<Wish>,
        mut tell: impl FnMut(News) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(Stop::default());
        let ordered = Arc::clone(&stop);
        drop(std::thread::spawn(move || {
            let listened =
                AssertUnwindSafe(|| connect().and_then(|portal| run(portal, &wishes, &ordered, &mut tell)));
            // Whoever holds a key to talk must learn that nobody will hear them let go of it.
            let ended = catch_unwind(listened)
                .unwrap_or_else(|_| Err(PortalFault::Refused("listening broke off".into())));
            if let Err(fault) = ended
                && fault != PortalFault::Stopped
                && !ordered.ordered.load(Ordering::SeqCst)
            {
                tell(News::Deaf(fault));
            }
        }));
        Self { stop }
    }
}

impl Drop for Shortcuts {
    fn drop(&mut self) {
        self.stop.ordered.store(true, Ordering::SeqCst);
        if let Some(context) = self.stop.context.get() {
            context.wakeup();
        }
    }
}

fn run(
    mut portal: Portal,
    wishes: &[Wish],
    stop: &Stop,
    tell: &mut impl FnMut(News),
) -> Result<(), PortalFault> {
    // Nobody else sets it.
    let _ = stop.context.set(portal.context().clone());
    let wanted = || !stop.ordered.load(Ordering::SeqCst);
    let pause = || {
        std::thread::park_timeout(LOOK);
        wanted()
    };
    portal.number(SHORTCUTS, "version")?;
    portal.listen(SHORTCUTS)?;
    portal.open_session(SHORTCUTS, &pause)?;
    let shortcuts: Vec<(String, HashMap<&str, Variant>)> = wishes.iter().map(proposal).collect();
    let before = vec![portal.session()?, shortcuts.to_variant(), "".to_variant()];
    let results = portal.ask(SHORTCUTS, "BindShortcuts", before, Options::new(), &pause)?;
    tell(News::Bound(bound(results.lookup_value("shortcuts", None))?));
    while wanted() {
        for heard in portal.hear() {
            if portal.ends_session(&heard) {
                return Err(PortalFault::Refused("the desktop listens no more".into()));
            }
            if let Some(stroke) = stroke(&portal, &heard) {
                tell(News::Stroke(stroke));
            }
        }
        if portal.is_deaf() {
            return Err(PortalFault::Missing("the session bus is gone".into()));
        }
        if wanted() {
            portal.sleep();
        }
    }
    Err(PortalFault::Stopped)
}

fn proposal(wish: &Wish) -> (String, HashMap<&'static str, Variant>) {
    let mut about = HashMap::from([("description", wish.words.to_variant())]);
    if let Some(trigger) = trigger(&wish.key) {
        about.insert("preferred_trigger", trigger.to_variant());
    }
    (wish.id.clone(), about)
}

/// The names in the desktop's answer; none where it says nothing of shortcuts.
fn bound(shortcuts: Option<Variant>) -> Result<Vec<String>, PortalFault> {
    let Some(shortcuts) = shortcuts else {
        return Ok(Vec::new());
    };
    if !shortcuts.is_container() {
        return Err(PortalFault::Refused("its shortcuts are no list".into()));
    }
    Ok(shortcuts.iter().filter_map(|shortcut| id(&shortcut)).collect())
}

/// The name of a shortcut in the desktop's answer.
fn id(shortcut: &Variant) -> Option<String> {
    shortcut.try_child_value(0)?.str().map(str::to_owned)
}

fn stroke(portal: &Portal, heard: &Heard) -> Option<Stroke> {
    let down = match heard.member.as_str() {
        "Activated" => true,
        "Deactivated" => false,
        _ => return None,
    };
    let ours = portal.session().ok()? == heard.body.try_child_value(0)?;
    let id = heard.body.try_child_value(1)?.str()?.to_owned();
    ours.then_some(Stroke { id, down })
}

/// A key as the shortcuts specification of freedesktop.org writes it (`CTRL+SHIFT+m`, names as in xkbcommon). Nothing for a
/// key whose name there depends on the keyboard's layout: then the person chooses.
#[must_use]
pub fn trigger(key: &str) -> Option<String> {
    let mut written = Vec::new();
    for part in key.split('+') {
        written.push(match part {
            "Ctrl" | "Control" | "CommandOrControl" => "CTRL".to_owned(),
            "Alt" => "ALT".to_owned(),
            "Shift" => "SHIFT".to_owned(),
            "Super" | "Meta" | "Command" => "LOGO".to_owned(),
            code => keysym(code)?,
        });
    }
    (!key.is_empty()).then(|| written.join("+"))
}

/// From the codes of the UI Events specification.
fn keysym(code: &str) -> Option<String> {
    let one = |name: &str| Some(name.to_owned());
    if let Some(letter) = code.strip_prefix("Key") {
        return (letter.len() == 1).then(|| letter.to_lowercase());
    }
    if let Some(digit) = code.strip_prefix("Digit") {
        return (digit.len() == 1).then(|| digit.to_owned());
    }
    if let Some(pad) = code.strip_prefix("Numpad").filter(|pad| pad.len() == 1) {
        return Some(format!("KP_{pad}"));
    }
    if code
        .strip_prefix('F')
        .is_some_and(|number| number.parse::<u8>().is_ok())
    {
        return one(code);
    }
    match code {
        "Space" => one("space"),
        "Enter" => one("Return"),
        "Backspace" => one("BackSpace"),
        "Tab" | "Insert" | "Delete" | "Home" | "End" | "Pause" => one(code),
        "PageUp" => one("Prior"),
        "PageDown" => one("Next"),
        "ScrollLock" => one("Scroll_Lock"),
        "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight" => one(&code["Arrow".len()..]),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
