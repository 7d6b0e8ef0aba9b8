//! One's own picture, sound and screen: whether they were there to be sent, and what kept them. Sans-IO.

use crate::report::Report;
use crate::words;
use parley_media::audio::{AudioStatus, StreamState};
use parley_media::video::{SourceState, SourceStatus};

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Own {
    picture: Source,
    sound: Source,
    screen: Source,
}

#[derive(Debug, Default)]
struct Source {
    ran: bool,
    fault: Option<String>,
}

impl Own {
    /// A new word of the picture's source. Gives what to tell, when something new is wrong with it.
    pub(crate) fn see(&mut self, status: &SourceStatus) -> Option<String> {
        let ran = status.state == SourceState::Running;
        let wrong = words::picture_fault(status.state);
        self.picture
            .note("your picture", ran, wrong, status.detail.as_deref())
    }

    /// The same of the sound's.
    pub(crate) fn hear(&mut self, status: &AudioStatus) -> Option<String> {
        let input = &status.input;
        let ran = input.state == StreamState::Running;
        let wrong = words::sound_fault(input.state);
        self.sound.note("your sound", ran, wrong, input.detail.as_deref())
    }

    /// The same of the screen's, whose details are sentences.
    pub(crate) fn show(&mut self, status: &SourceStatus) -> Option<String> {
        let ran = status.state == SourceState::Running;
        let wrong = words::picture_fault(status.state);
        let wrong = wrong.map(|wrong| status.detail.as_deref().unwrap_or(wrong));
        self.screen.note("your screen", ran, wrong, None)
    }

    /// What was never there to be sent is no success.
    pub(crate) fn report(&self, report: &mut Report) {
        for source in [&self.picture, &self.sound, &self.screen] {
            if let Some(fault) = source.fault.as_ref().filter(|_| !source.ran) {
                report.fail(format!("nothing was sent of {fault}"));
            }
        }
    }
}

impl Source {
    fn note(&mut self, whose: &str, ran: bool, wrong: Option<&str>, detail: Option<&str>) -> Option<String> {
        self.ran |= ran;
        let wrong = wrong?;
        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        let fault = format!("{whose}: {wrong}{detail}");
        let is_new = self.fault.as_ref() != Some(&fault);
        self.fault = Some(fault.clone());
        is_new.then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: SourceState) -> SourceStatus {
        SourceStatus {
            state,
            detail: Some("/dev/video0".into()),
            ..SourceStatus::default()
        }
    }

    fn ok(own: &Own) -> bool {
        let mut report = Report::new();
        own.report(&mut report);
        report.ok
    }

    #[test]
    fn a_screen_that_was_not_chosen_is_told_in_its_own_words_and_no_success() {
        let mut own = Own::default();
        let closed = SourceStatus {
            detail: Some("Nothing was chosen to be shared.".into()),
            ..status(SourceState::Denied)
        };
        let told = own.show(&closed);
        assert_eq!(
            told.as_deref(),
            Some("your screen: Nothing was chosen to be shared.")
        );
        assert_eq!(own.show(&closed), None);
        assert!(!ok(&own));
    }

    #[test]
    fn what_keeps_a_picture_from_being_sent_is_told_once_and_no_success() {
        let mut own = Own::default();
        assert_eq!(own.see(&status(SourceState::Starting)), None);
        assert!(ok(&own));
        let told = own.see(&status(SourceState::Busy)).unwrap();
        assert_eq!(told, "your picture: another program holds it (/dev/video0)");
        assert_eq!(own.see(&status(SourceState::Busy)), None);
        assert!(!ok(&own));
        assert_eq!(own.see(&status(SourceState::Running)), None);
        assert!(ok(&own), "it came in the end");
    }
}
