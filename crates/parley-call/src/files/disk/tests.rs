//! A real folder for each.

use super::*;
use bytes::Bytes;
use std::io::Write as _;

impl Disk {
    /// One thing, and all that must be hashed for it.
    pub(in crate::files) fn carry_out(&mut self, whose: u32, command: DiskCommand) -> Option<DiskAnswer> {
        let mut answer = self.give(whose, command);
        while self.is_hashing() {
            self.hash_on(&mut |_, done| answer = Some(done));
        }
        answer
    }
}

const ID: TransferId = TransferId::from_bytes([1; 16]);

fn disk() -> (tempfile::TempDir, Disk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path().join("in"));
    (folder, disk)
}

fn create(disk: &mut Disk, id: TransferId, name: &str) -> Option<DiskAnswer> {
    disk.carry_out(
        0,
        DiskCommand::Create {
            id,
            name: name.into(),
            size: 100,
            fingerprint: FileHash::from_bytes([4; 32]),
        },
    )
}

#[test]
fn what_is_no_file_cannot_be_sent() {
    let (folder, mut disk) = disk();
    for path in [folder.path().to_owned(), folder.path().join("nothing")] {
        let answer = disk.carry_out(0, DiskCommand::Look { id: ID, path });
        assert_eq!(
            answer,
            Some(DiskAnswer::Failed {
                id: ID,
                fault: DiskFault::Unreadable
            })
        );
    }
}

#[test]
fn no_name_leads_out_of_the_folder_whoever_asks() {
    let (folder, mut disk) = disk();
    for name in ["../out", "/tmp/out", "a/b", ".."] {
        assert_eq!(
            create(&mut disk, ID, name),
            Some(DiskAnswer::Failed {
                id: ID,
                fault: DiskFault::Failed
            }),
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_same_file_twice_at_once_has_two_parts() {
    let (_folder, mut disk) = disk();
    let other = TransferId::from_bytes([2; 16]);
    for id in [ID, other] {
        assert_eq!(
            create(&mut disk, id, "a"),
            Some(DiskAnswer::Created { id, offset: 0 })
        );
        let data = Bytes::from_static(b"words");
        assert_eq!(
            disk.carry_out(0, DiskCommand::Write { id, offset: 0, data }),
            Some(DiskAnswer::Written { id, to: 5 })
        );
    }
    let hash = FileHash::from_bytes(*blake3::hash(b"words").as_bytes());
    let paths: Vec<_> = [ID, other]
        .map(|id| disk.carry_out(0, DiskCommand::Complete { id, hash }))
        .into();
    let named = |id, name: &str| {
        Some(DiskAnswer::Completed {
            id,
            path: disk.folder.join(name),
        })
    };
    assert_eq!(paths, [named(ID, "a"), named(other, "a (2)")]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_from_a_broken_one() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = (&full).write_all(b"x").unwrap_err();
    assert_eq!(unwritable(&error), DiskFault::Full);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in"), "a file where the folder should be").unwrap();
    let mut disk = Disk::new(folder.path().join("in"));
    assert_eq!(
        create(&mut disk, ID, "a"),
        Some(DiskAnswer::Failed {
            id: ID,
            fault: DiskFault::Failed
        })
    );
}

#[test]
fn a_fingerprint_is_of_content_size_and_time() {
    let (folder, mut disk) = disk();
    let path = folder.path().join("a");
    let mut look = || {
        let answer = disk.carry_out(
            0,
            DiskCommand::Look {
                id: ID,
                path: path.clone(),
            },
        );
        let Some(DiskAnswer::Looked { fingerprint, .. }) = answer else {
            panic!("{answer:?}")
        };
        fingerprint
    };
    std::fs::write(&path, vec![1; 200_000]).unwrap();
    let first = look();
    assert_eq!(look(), first);
    std::fs::write(&path, vec![2; 200_000]).unwrap();
    assert_ne!(look(), first);
}

#[test]
fn one_id_of_two_people_is_two_files() {
    let (_folder, mut disk) = disk();
    for whose in [1, 2] {
        let command = DiskCommand::Create {
            id: ID,
            name: "a".into(),
            size: 100,
            fingerprint: FileHash::from_bytes([4; 32]),
        };
        let created = Some(DiskAnswer::Created { id: ID, offset: 0 });
        assert_eq!(disk.carry_out(whose, command), created);
    }
    for whose in [1, 2] {
        let data = Bytes::from_static(b"abc");
        let command = DiskCommand::Write {
            id: ID,
            offset: 0,
            data,
        };
        let written = Some(DiskAnswer::Written { id: ID, to: 3 });
        assert_eq!(disk.carry_out(whose, command), written);
    }
}

/// A file of so many bytes that is sent under this id; its path.
fn sent(disk: &mut Disk, folder: &Path, id: TransferId, bytes: usize) {
    let path = folder.join(id.to_string());
    std::fs::write(&path, vec![7; bytes]).unwrap();
    disk.give(0, DiskCommand::Look { id, path });
}

#[test]
fn while_one_file_is_hashed_others_are_read() {
    let (folder, mut disk) = disk();
    let other = TransferId::from_bytes([2; 16]);
    sent(&mut disk, folder.path(), ID, 3 * HASHED_AT_ONCE);
    sent(&mut disk, folder.path(), other, 10);
    let read = |id, offset, bytes| DiskCommand::Read {
        id,
        turn: 0,
        offset,
        bytes,
    };
    // The receiver has two pieces and a half of the first one; then its rest is asked for, and the hash.
    let offset = 5 * HASHED_AT_ONCE as u64 / 2;
    assert_eq!(disk.give(0, read(ID, offset, HASHED_AT_ONCE / 2)), None);
    assert_eq!(disk.give(0, DiskCommand::Hash { id: ID }), None);
    let mut answers = Vec::new();
    disk.hash_on(&mut |_, done| answers.push(done));
    assert_eq!(answers, []);
    let at_once = disk.give(0, read(other, 0, 10));
    assert!(
        matches!(at_once, Some(DiskAnswer::Read { id, .. }) if id == other),
        "{at_once:?}"
    );
    for _ in 0..2 {
        disk.hash_on(&mut |_, done| answers.push(done));
    }
    let hash = FileHash::from_bytes(*blake3::hash(&vec![7; 3 * HASHED_AT_ONCE]).as_bytes());
    assert!(
        matches!(&answers[..], [DiskAnswer::Read { offset: at, .. }, DiskAnswer::Hashed { hash: of, .. }] if *at == offset && *of == hash),
        "in order, and the hash is of all of it"
    );
}

#[test]
fn whoever_lets_a_file_go_waits_for_no_hash() {
    let (folder, mut disk) = disk();
    sent(&mut disk, folder.path(), ID, 3 * HASHED_AT_ONCE);
    assert_eq!(disk.give(0, DiskCommand::Hash { id: ID }), None);
    let release = DiskCommand::Release {
        id: ID,
        discard: false,
    };
    assert_eq!(disk.give(0, release), None);
    assert!(!disk.is_hashing());
}

#[test]
fn a_part_that_is_let_go_while_it_is_hashed_stays_whole() {
    let (_folder, mut disk) = disk();
    create(&mut disk, ID, "a");
    let data = Bytes::from_static(b"words");
    disk.carry_out(
        0,
        DiskCommand::Write {
            id: ID,
            offset: 0,
            data,
        },
    );
    let release = || DiskCommand::Release {
        id: ID,
        discard: false,
    };
    disk.give(0, release());
    let again = DiskCommand::Create {
        id: ID,
        name: "a".into(),
        size: 100,
        fingerprint: FileHash::from_bytes([4; 32]),
    };
    assert_eq!(disk.give(0, again), None, "what is there is hashed first");
    disk.give(0, release());
    assert_eq!(
        create(&mut disk, ID, "a"),
        Some(DiskAnswer::Created { id: ID, offset: 5 })
    );
}
