//! What members of groups do that no good client does: counted for each, told to the other hosts, and who goes on is put out.
//!
//! Two count: the SFU what comes over media ([`crate::sfu::What::Offences`]; it ends connections by itself), this module what is said over
//! signaling. Of both together hosts are told. With the last of [`KICKS_MAX`] kicks somebody is put out of the room, and only they for long:
//! others may share their address. Deliberately absent: the limits that lists are held to, which are in `groups`.

use super::host::REFUSED_FOR;
use super::{ClientId, Rooms, Seat};
use crate::sfu::Ask;
use crate::time::Moment;
use parley_proto::limits::{
    AUDIO_DOWNS_MAX, KICKS_MAX, LAYERS_MAX, OFFENCES_TOLD_S, PUBLICATIONS_MAX, RID_CHARS_MAX, VIDEO_DOWNS_MAX,
};
use parley_proto::{
    ErrorCode, Offence, OffenceCount, Publish, PublishedLayer, Role, ServerMessage, Source, Wish,
};
use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

/// Refused and absurd lists: so many at once ...
const MANY: f64 = 200.0;
/// ... and so many a second are forgiven.
const FORGIVEN_PER_S: f64 = 5.0;
/// From so many on hosts are told.
const WORTH_TELLING: f64 = MANY / 10.0;
/// Without a kick for so long, one is forgotten: a call lasts for hours, and so does an app with a fault.
const KICK_FORGIVEN: Duration = Duration::from_secs(600);
/// Without a word too many for so long, words that come all at once are no offence again.
const GATHERED_AFTER: Duration = Duration::from_secs(10);
/// Between two words to hosts about somebody.
const TOLD_EVERY: Duration = Duration::from_secs(OFFENCES_TOLD_S);
/// The most that a layer may be said to take, in kbit/s: as much as one client may send of everything.
const LAYER_KBPS_MAX: u32 = 12_000;
/// The longest name of a section, in bytes; the SDP of every browser has shorter ones.
const MID_BYTES_MAX: usize = 16;

/// What one member did.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    counts: BTreeMap<Offence, u64>,
    /// Those that are not forgiven.
    kicks: u32,
    /// When the last kick was, or was forgiven.
    kicked: Option<Moment>,
    /// Words too many that were no offence, and when the last one came.
    spared: u32,
    spared_at: Option<Moment>,
    /// Of what was said over signaling.
    weight: f64,
    weighed: Option<Moment>,
    told: Option<Moment>,
    /// There is something that hosts were not told yet.
    untold: bool,
}

impl Record {
    fn count(&mut self, what: Offence, count: u64) {
        let counted = self.counts.entry(what).or_default();
        *counted = counted.saturating_add(count);
    }

    /// One list more that was none. True: it was one too many.
    fn weigh(&mut self, now: Moment) -> bool {
        let passed = self.weighed.map_or(Duration::ZERO, |before| now.since(before));
        self.weighed = Some(now);
        self.weight = (self.weight - passed.as_secs_f64() * FORGIVEN_PER_S).max(0.0) + 1.0;
        self.untold |= self.weight >= WORTH_TELLING;
        self.weight >= MANY
    }

    /// Whether a word too many is no offence: what a client said while its connection stood still comes all at once. So many are spared;
    /// who goes on without a pause is not.
    pub(super) fn spares(&mut self, now: Moment, most: u32) -> bool {
        if self
            .spared_at
            .is_none_or(|last| now.since(last) >= GATHERED_AFTER)
        {
            self.spared = 0;
        }
        self.spared_at = Some(now);
        self.spared = self.spared.saturating_add(1);
        self.spared <= most
    }

    /// One kick more. Gives how many are not forgiven.
    fn kick(&mut self, now: Moment) -> u32 {
        self.forgive(now);
        self.kicked = Some(now);
        self.kicks = self.kicks.saturating_add(1);
        self.kicks
    }

    fn forgive(&mut self, now: Moment) {
        let Some(since) = self.kicked else { return };
        let times = now.since(since).as_secs() / KICK_FORGIVEN.as_secs();
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        self.kicks = self.kicks.saturating_sub(times);
        self.kicked = Some(since + KICK_FORGIVEN * times);
    }

    fn list(&self) -> Vec<OffenceCount> {
        let counts = self.counts.iter();
        counts
            .map(|(what, count)| OffenceCount {
                what: *what,
                count: *count,
            })
            .collect()
    }
}

impl Rooms {
    /// The SFU counted that of a member, and ended their connection for it.
    pub(super) fn offends(&mut self, now: Moment, seat: Seat, list: &[OffenceCount], kicked: bool) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let record = &mut member.grouped.record;
        for one in list {
            record.count(one.what, one.count);
        }
        record.untold = true;
        if kicked {
            return self.kicked(now, seat);
        }
        self.tell_offences(now, seat);
    }

    /// A member said what is refused.
    pub(super) fn misspeaks(&mut self, now: Moment, seat: Seat, what: Offence) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let record = &mut member.grouped.record;
        record.count(what, 1);
        if record.weigh(now) {
            record.weight = 0.0;
            self.ask_sfu(seat, Ask::Kick);
            return self.kicked(now, seat);
        }
        self.tell_offences(now, seat);
    }

    /// A list, or words, came faster than they are taken.
    pub(super) fn too_fast(&mut self, now: Moment, client: ClientId, seat: Seat) {
        self.refuse(client, ErrorCode::TooFast);
        self.misspeaks(now, seat, Offence::Lists);
    }

    /// Hands it to the SFU. What of it makes sense is done, also where nobody can mean all of it.
    pub(super) fn ask_for(&mut self, now: Moment, seat: Seat, ask: Ask) {
        if is_absurd(&ask) {
            self.misspeaks(now, seat, Offence::Absurd);
        }
        self.note_listener(now, seat, &ask);
        // Who is put out for it asks for nothing more.
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        member.grouped.in_sfu = true;
        self.ask_sfu(seat, ask);
    }

    fn kicked(&mut self, now: Moment, seat: Seat) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let record = &mut member.grouped.record;
        let kicks = record.kick(now);
        record.untold = true;
        record.told = None;
        tracing::info!(room = ?seat.room, participant = ?seat.id, kicks, "kicked out of the SFU");
        self.tell_offences(now, seat);
        if kicks >= KICKS_MAX {
            self.door_counts.offenders += 1;
            self.expel(now, seat, REFUSED_FOR);
        }
    }

    /// Tells the other hosts of it: now, or once it is time.
    fn tell_offences(&mut self, now: Moment, seat: Seat) {
        let Some(member) = self.member_mut(seat) else {
            return;
        };
        let record = &mut member.grouped.record;
        if !record.untold {
            return;
        }
        if let Some(told) = record.told
            && now < told + TOLD_EVERY
        {
            self.groups.late.insert((told + TOLD_EVERY, seat.room, seat.id));
            return;
        }
        record.forgive(now);
        (record.untold, record.told) = (false, Some(now));
        let message = ServerMessage::Offences {
            id: seat.id,
            list: record.list(),
            kicks: record.kicks,
        };
        for (client, id, role) in self.everybody_here(seat.room) {
            if role == Role::Host && id != seat.id {
                self.send(client, message.clone());
            }
        }
    }

    /// What had to wait.
    pub(super) fn tell_late_offences(&mut self, now: Moment) {
        while let Some((at, room, id)) = self.groups.late.first().copied() {
            if at > now {
                return;
            }
            self.groups.late.pop_first();
            self.tell_offences(now, Seat { room, id });
        }
    }
}

/// Whether nobody can mean that: more than there can be, or what has no meaning. What a newer client may say is not.
fn is_absurd(ask: &Ask) -> bool {
    match ask {
        Ask::Offer { publish, .. } | Ask::Publish(publish) => is_absurd_list(publish),
        Ask::Subscribe { downs, .. } => {
            let is_odd = |wish: &Wish| wish.mid.len() > MID_BYTES_MAX;
            downs.len() > AUDIO_DOWNS_MAX + VIDEO_DOWNS_MAX
                || downs.iter().any(is_odd)
                || has_twins(downs.iter().map(|wish| wish.mid.as_str()))
        }
        Ask::Part(_) | Ask::Kick | Ask::Leave => false,
    }
}

fn is_absurd_list(publish: &[Publish]) -> bool {
    let known = publish.iter().filter(|one| one.source != Source::Unknown);
    publish.len() > PUBLICATIONS_MAX
        || publish.iter().any(|one| {
            one.mid.len() > MID_BYTES_MAX
                || one.layers.len() > LAYERS_MAX
                || one.layers.iter().any(is_absurd_layer)
                || has_twins(one.layers.iter().map(|layer| layer.rid.as_str()))
        })
        || has_twins(publish.iter().map(|one| one.mid.as_str()))
        || has_twins(known.map(|one| one.source))
}

fn is_absurd_layer(layer: &PublishedLayer) -> bool {
    layer.kbps > LAYER_KBPS_MAX
        || layer.rid.len() > RID_CHARS_MAX
        || !layer.rid.chars().all(|one| one.is_ascii_alphanumeric())
}

fn has_twins<T: Eq + Hash>(mut all: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    all.any(|one| !seen.insert(one))
}
