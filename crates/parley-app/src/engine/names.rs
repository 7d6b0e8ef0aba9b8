//! What the window calls things whose own names it should not be given: ids that the other side chose, places on the disk.

/// Names for things, each its own; no name is given twice.
#[derive(Debug)]
pub(super) struct Names<K> {
    letter: char,
    so_far: u64,
    known: Vec<(K, String)>,
}

impl<K: Clone + PartialEq> Names<K> {
    /// Names that begin with this letter.
    pub(super) const fn new(letter: char) -> Self {
        Self {
            letter,
            so_far: 0,
            known: Vec::new(),
        }
    }

    /// The name of a thing, a fresh one the first time.
    pub(super) fn of(&mut self, thing: &K) -> String {
        if let Some((_, name)) = self.known.iter().find(|(known, _)| known == thing) {
            return name.clone();
        }
        self.so_far += 1;
        let name = format!("{}{}", self.letter, self.so_far);
        self.known.push((thing.clone(), name.clone()));
        name
    }

    /// What is called so.
    pub(super) fn find(&self, name: &str) -> Option<&K> {
        let found = self.known.iter().find(|(_, known)| known == name);
        found.map(|(thing, _)| thing)
    }

    /// A thing that has a name is known by something else from now on, unless that has one.
    pub(super) fn rename(&mut self, thing: &K, now: K) {
        if self.known.iter().all(|(known, _)| *known != now)
            && let Some((known, _)) = self.known.iter_mut().find(|(known, _)| known == thing)
        {
            *known = now;
        }
    }

    /// What is not there any more has no name either.
    pub(super) fn keep(&mut self, is_there: impl Fn(&K) -> bool) {
        self.known.retain(|(thing, _)| is_there(thing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_keeps_its_name_and_no_other_ever_gets_it() {
        let mut names = Names::new('f');
        assert_eq!(
            (names.of(&10), names.of(&20), names.of(&10)),
            ("f1".into(), "f2".into(), "f1".into())
        );
        assert_eq!(names.find("f2"), Some(&20));
        names.keep(|thing| *thing == 20);
        assert_eq!((names.find("f1"), names.find("20")), (None, None));
        // The same again is another one.
        assert_eq!(names.of(&10), "f3");
    }
}
