//! What a client asks of the allocation it has: Refresh, CreatePermission, ChannelBind.

use super::super::channels::BindError;
use super::super::family::Family;
use super::super::moment::Moment;
use super::super::peers::Verdict;
use super::super::reply::{Asked, Reply, Signature};
use super::super::request;
use super::TurnServer;
use super::allocate::{granted_lifetime, lifetime_asked};
use super::relay::{has_relay_for, is_exception};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use stun_types::attribute::{Attribute as _, AttributeFromRaw as _, AttributeStaticType as _};
use stun_types::message::Message;
use turn_types::attribute::{ChannelNumber, Lifetime, RequestedAddressFamily, XorPeerAddress};

impl TurnServer {
    /// RFC 8656, section 7.
    pub(super) fn refresh(
        &mut self,
        now: Moment,
        index: usize,
        message: &Message<'_>,
        asked: Asked,
        signature: &Signature,
    ) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let from = allocation.five_tuple;
        let ports = allocation.ports;
        let known = [Lifetime::TYPE, RequestedAddressFamily::TYPE];
        if let Some(unknown) = request::unknown_attributes(message, &known) {
            self.tally.unknown_attributes.add();
            self.answer(&from, Reply::unknown(asked, &unknown).signed(signature));
            return;
        }
        let family = match message.has_attribute(RequestedAddressFamily::TYPE) {
            true => message
                .attribute::<RequestedAddressFamily>()
                .map(|asked| Some(Family::from(asked.family()))),
            false => Ok(None),
        };
        let (Ok(lifetime), Ok(family)) = (lifetime_asked(message), family) else {
            self.refuse(&from, asked, signature, 400, |tally| &tally.bad_requests);
            return;
        };
        if family.is_some_and(|family| ports[family].is_none()) {
            self.refuse(&from, asked, signature, 443, |tally| &tally.peer_family_refused);
            return;
        }
        let lifetime = if lifetime == Some(0) {
            let rest = family.is_some_and(|gone| {
                Family::BOTH
                    .iter()
                    .any(|kept| *kept != gone && ports[*kept].is_some())
            });
            match family {
                Some(family) if rest => self.close_family(index, family),
                _ => self.delete(index, |tally| &tally.released),
            }
            0
        } else {
            let lifetime = granted_lifetime(lifetime);
            self.allocations
                .set_expiry(index, now + Duration::from_secs(lifetime.into()));
            lifetime
        };
        let reply = Reply::success(asked).with(&Lifetime::new(lifetime));
        self.answer(&from, reply.signed(signature));
    }

    /// One of two relays is given back.
    fn close_family(&mut self, index: usize, family: Family) {
        if let Some(allocation) = self.allocations.get_mut(index) {
            let port = allocation.ports[family].take();
            self.close_relay(index, family, port);
        }
    }

    /// RFC 8656, section 10: all peers or none.
    pub(super) fn create_permission(
        &mut self,
        now: Moment,
        index: usize,
        message: &Message<'_>,
        asked: Asked,
        signature: &Signature,
    ) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let from = allocation.five_tuple;
        if let Some(unknown) = request::unknown_attributes(message, &[XorPeerAddress::TYPE]) {
            self.tally.unknown_attributes.add();
            self.answer(&from, Reply::unknown(asked, &unknown).signed(signature));
            return;
        }
        let peers: Option<Vec<SocketAddr>> = message
            .iter_attributes()
            .filter(|(_, attribute)| attribute.get_type() == XorPeerAddress::TYPE)
            .map(|(_, attribute)| XorPeerAddress::from_raw_ref(&attribute).ok())
            .map(|peer| peer.map(|peer| peer.addr(asked.transaction)))
            .collect();
        let Some(peers) = peers.filter(|peers| !peers.is_empty()) else {
            self.refuse(&from, asked, signature, 400, |tally| &tally.bad_requests);
            return;
        };
        if !peers.iter().all(|peer| has_relay_for(allocation, *peer)) {
            self.refuse(&from, asked, signature, 443, |tally| &tally.peer_family_refused);
            return;
        }
        let rules = &self.shared.config.peers;
        if peers
            .iter()
            .any(|peer| rules.verdict(peer.ip()) == Verdict::Refused)
        {
            self.refuse(&from, asked, signature, 403, |tally| &tally.peers_refused);
            return;
        }
        let mut ips: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        ips.sort_unstable();
        ips.dedup();
        if !allocation.permissions.fit(now, &ips) {
            self.refuse(&from, asked, signature, 508, |tally| &tally.no_room);
            return;
        }
        for ip in ips {
            allocation.permissions.install(now, ip);
        }
        self.answer(&from, Reply::success(asked).signed(signature));
    }

    /// RFC 8656, section 12.
    pub(super) fn channel_bind(
        &mut self,
        now: Moment,
        index: usize,
        message: &Message<'_>,
        asked: Asked,
        signature: &Signature,
    ) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let from = allocation.five_tuple;
        let known = [ChannelNumber::TYPE, XorPeerAddress::TYPE];
        if let Some(unknown) = request::unknown_attributes(message, &known) {
            self.tally.unknown_attributes.add();
            self.answer(&from, Reply::unknown(asked, &unknown).signed(signature));
            return;
        }
        let number = message.attribute::<ChannelNumber>();
        let (Ok(number), Ok(peer)) = (number, message.attribute::<XorPeerAddress>()) else {
            self.refuse(&from, asked, signature, 400, |tally| &tally.bad_requests);
            return;
        };
        let (number, peer) = (number.channel(), peer.addr(asked.transaction));
        if !has_relay_for(allocation, peer) {
            self.refuse(&from, asked, signature, 443, |tally| &tally.peer_family_refused);
            return;
        }
        let guarded = match self.shared.config.peers.verdict(peer.ip()) {
            _ if peer.port() == 0 => None,
            Verdict::Allowed => Some(false),
            Verdict::Guarded => is_exception(&self.shared, peer).then_some(true),
            Verdict::Refused => None,
        };
        let Some(guarded) = guarded else {
            self.refuse(&from, asked, signature, 403, |tally| &tally.peers_refused);
            return;
        };
        match allocation.channels.check(now, number, peer) {
            Ok(()) if allocation.permissions.fit(now, &[peer.ip()]) => {
                allocation.channels.bind(now, number, peer, guarded);
                allocation.permissions.install(now, peer.ip());
                self.answer(&from, Reply::success(asked).signed(signature));
            }
            Ok(()) | Err(BindError::Full) => {
                self.refuse(&from, asked, signature, 508, |tally| &tally.no_room);
            }
            Err(BindError::Number | BindError::Taken) => {
                self.refuse(&from, asked, signature, 400, |tally| &tally.bad_requests);
            }
        }
    }
}
