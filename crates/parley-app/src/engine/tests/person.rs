//! A person with an engine, and what they do and see.

use super::*;

pub(super) const SOON: Duration = Duration::from_secs(30);

/// Somebody at their computer: an engine with a folder of its own.
pub(super) struct Person {
    pub(super) engine: EngineHandle,
    _folder: tempfile::TempDir,
}

pub(super) fn person(link: Option<String>) -> Person {
    person_in(tempfile::tempdir().unwrap(), link)
}

pub(super) fn person_in(folder: tempfile::TempDir, link: Option<String>) -> Person {
    // What comes belongs into no folder of whoever runs the tests.
    let settings = serde_json::json!({ "version": 1, "download_folder": folder.path().join("received") });
    std::fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    let engine = Engine::start(EngineConfig {
        folder: folder.path().to_owned(),
        sources: Sources {
            picture: PictureSource::Pattern(Resolution::new(320, 180)),
            sound: SoundSource::Speech,
            sink: SoundSink::Nowhere,
        },
        link,
        bitrate_max: None,
    });
    Person {
        engine,
        _folder: folder,
    }
}

impl Person {
    pub(super) async fn does(&self, command: AppCommand) {
        self.engine
            .command(command.clone())
            .await
            .unwrap_or_else(|error| panic!("{command:?}: {error:?}"));
    }

    pub(super) async fn cannot(&self, command: AppCommand) -> CommandErrorCode {
        let error = self.engine.command(command).await.unwrap_err();
        assert!(crate::sentences::is_known(&error.message), "{}", error.message);
        error.code
    }

    /// Waits until the state is as wanted, and gives it.
    pub(super) async fn sees(&self, what: &str, wanted: impl Fn(&AppState) -> bool) -> AppState {
        let mut state = self.engine.state();
        let found = tokio::time::timeout(SOON, state.wait_for(|state| wanted(state))).await;
        match found {
            Ok(Ok(state)) => state.clone(),
            _ => panic!("never saw {what}: {:#?}", self.engine.state().borrow()),
        }
    }

    /// The call just ended is in the history, can be rated, and is gone when it is to be forgotten.
    pub(super) async fn remembers_ben_until_asked_to_forget(&self) {
        let over = |state: &AppState| state.history.calls.first().is_some_and(|call| call.end.is_some());
        let state = self.sees("the call in the history", over).await;
        let past = state.history.calls[0].clone();
        assert!(past.people.is_empty(), "he gave no name");
        assert_eq!(past.end, Some(EndCode::OtherLeft));
        assert_eq!(state.call.unwrap().past, Some(past.id.clone()));
        let rate = AppCommand::RateCall {
            id: past.id.clone(),
            stars: 4,
        };
        self.does(rate).await;
        self.sees("the stars", |state| state.history.calls[0].stars == Some(4))
            .await;
        let id = past.id;
        self.does(AppCommand::ForgetCalls { id: Some(id.clone()) }).await;
        self.sees("nothing", |state| state.history.calls.is_empty()).await;
        self.does(AppCommand::TakeBackCall { id: id.clone() }).await;
        self.sees("it again, with its stars and messages", |state| {
            let whole = |call: &PastCallView| call.stars == Some(4) && call.messages == 2;
            state.history.calls.first().is_some_and(whole)
        })
        .await;
        self.does(AppCommand::OpenPastChat { id: Some(id) }).await;
        let opened = self
            .sees("what was written", |state| state.history.opened.is_some())
            .await;
        let messages = opened.history.opened.unwrap().messages;
        assert!(messages[0].author.is_none() && messages[0].text.starts_with("Look"));
        assert!(messages[1].author.is_some() && messages[1].text == "I see");
        let store = Store::open(self._folder.path());
        let mut kept = store.kept();
        let unfinished = kept.wait_for(|kept| !kept.unfinished.is_empty());
        let kept = tokio::time::timeout(SOON, unfinished)
            .await
            .unwrap()
            .unwrap()
            .clone();
        assert!(
            kept.unfinished[0].path.ends_with("later.txt"),
            "{:?}",
            kept.unfinished
        );
        assert_eq!(kept.unfinished.len(), 1, "not the one that arrived");
        drop(store);
        self.does(AppCommand::ForgetCalls { id: None }).await;
        self.sees("nothing", |state| {
            state.history.calls.is_empty() && state.history.opened.is_none()
        })
        .await;
        let nonsense = AppCommand::ForgetCalls { id: Some("*".into()) };
        assert_eq!(self.cannot(nonsense).await, CommandErrorCode::Failed);
    }

    /// Waits until what was written and shown is as wanted, and gives it.
    pub(super) async fn reads(&self, what: &str, wanted: impl Fn(&TalkView) -> bool) -> TalkView {
        let mut talk = self.engine.talk();
        let found = tokio::time::timeout(SOON, talk.wait_for(|talk| wanted(talk))).await;
        match found {
            Ok(Ok(talk)) => talk.clone(),
            _ => panic!("never read {what}: {:#?}", self.engine.talk().borrow()),
        }
    }

    pub(super) async fn measures(&self, what: &str, wanted: impl Fn(&StatsSample) -> bool) {
        let mut stats = self.engine.stats();
        let found = tokio::time::timeout(SOON, stats.wait_for(|sample| wanted(sample))).await;
        assert!(matches!(found, Ok(Ok(_))), "never measured {what}");
    }

    pub(super) async fn is_shown(&self, tile: &str) {
        let frames = self
            .engine
            .frames(tile)
            .unwrap_or_else(|| panic!("no tile {tile}"));
        let taken = tokio::task::spawn_blocking(move || frames.take(SOON))
            .await
            .unwrap();
        assert!(matches!(taken, Taken::Value(_)), "no picture in {tile}");
    }
}
