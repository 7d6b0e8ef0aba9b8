//! A client of a TURN server (RFC 8656), as much of it as a measurement needs: a relay, and a channel to one peer.

use super::wire::Wire;
use anyhow::{Context as _, Result, ensure};
use parley_server::turn::{Moment, TurnSecret};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageWriteVec, Method,
};
use stun_types::prelude::*;
use turn_types::attribute::{ChannelNumber, Lifetime, RequestedTransport, XorPeerAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, REFRESH};

/// The channel of every client.
const CHANNEL: u16 = 0x4000;
/// UDP, as RFC 8656 numbers what a relay carries.
const UDP: u8 = 17;
/// Credentials are good for longer than any measurement takes.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// Gets a relay for `user`, who may have one by `secret`, and a channel to `peer`. Gives the words that end it: nobody wants the
/// relays of an earlier stretch still to be there.
///
/// # Errors
/// When the server refuses, with what it says.
pub(super) fn open(wire: &mut Wire, secret: &TurnSecret, user: &str, peer: SocketAddr) -> Result<Vec<u8>> {
    let challenge = wire.ask(&allocate(None)?)?;
    let challenge = Message::from_bytes(&challenge)?;
    let realm = challenge
        .attribute::<Realm>()
        .context("the server names no realm")?;
    let nonce = challenge
        .attribute::<Nonce>()
        .context("the server names no nonce")?;
    let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = Moment::from_unix_ms(u64::try_from(unix.as_millis())?);
    let credentials = secret.mint(now, LIFETIME, user);
    let login = Login {
        key: LongTermKeyCredentials::new(
            credentials.username,
            credentials.password,
            realm.realm().to_owned(),
        ),
        nonce: nonce.nonce().to_owned(),
    };
    granted(&wire.ask(&allocate(Some(&login))?)?).context("a relay")?;
    granted(&wire.ask(&bind(&login, peer)?)?).context("a channel")?;
    goodbye(&login)
}

/// A packet of so many bytes on the channel.
pub(super) fn on_channel(bytes: usize) -> Vec<u8> {
    let [high, low] = CHANNEL.to_be_bytes();
    let [long, short] = u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![high, low, long, short];
    packet.resize(4 + bytes, 7);
    packet
}

struct Login {
    key: LongTermKeyCredentials,
    nonce: String,
}

fn allocate(login: Option<&Login>) -> Result<Vec<u8>> {
    let mut request = request(ALLOCATE);
    request.add_attribute(&RequestedTransport::new(UDP))?;
    match login {
        Some(login) => signed(request, login),
        None => Ok(request.finish()),
    }
}

fn bind(login: &Login, peer: SocketAddr) -> Result<Vec<u8>> {
    let mut request = request(CHANNEL_BIND);
    request.add_attribute(&ChannelNumber::new(CHANNEL))?;
    let peer = XorPeerAddress::new(peer, request.transaction_id());
    request.add_attribute(&peer)?;
    signed(request, login)
}

fn goodbye(login: &Login) -> Result<Vec<u8>> {
    let mut request = request(REFRESH);
    request.add_attribute(&Lifetime::new(0))?;
    signed(request, login)
}

fn request(method: Method) -> MessageWriteVec {
    Message::builder_request(method, MessageWriteVec::new())
}

fn signed(mut request: MessageWriteVec, login: &Login) -> Result<Vec<u8>> {
    request.add_attribute(&Username::new(login.key.username())?)?;
    request.add_attribute(&Realm::new(login.key.realm())?)?;
    request.add_attribute(&Nonce::new(&login.nonce)?)?;
    let key = MessageIntegrityCredentials::LongTerm(login.key.clone());
    request.add_message_integrity(&key, IntegrityAlgorithm::Sha1)?;
    Ok(request.finish())
}

fn granted(answer: &[u8]) -> Result<()> {
    let message = Message::from_bytes(answer)?;
    let refusal = message.attribute::<ErrorCode>().ok();
    ensure!(
        message.has_class(MessageClass::Success),
        "was refused: {}",
        refusal.map_or_else(|| message.to_string(), |code| code.to_string())
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_server::turn::{Frame, next_frame};

    #[test]
    fn a_packet_on_the_channel_is_one_frame() {
        for bytes in [160, 1200] {
            let packet = on_channel(bytes);
            let whole = Frame::Whole {
                bytes: bytes + 4,
                padded: bytes + 4,
            };
            assert_eq!(next_frame(&packet), whole);
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let asked = request(ALLOCATE).finish();
        let asked = Message::from_bytes(&asked).unwrap();
        let mut refusal = Message::builder_error(&asked, MessageWriteVec::new());
        let code = ErrorCode::builder(486).reason("Quota reached").build().unwrap();
        refusal.add_attribute(&code).unwrap();
        let told = granted(&refusal.finish()).unwrap_err().to_string();
        assert!(told.contains("486"), "{told}");
        let success = Message::builder_success(&asked, MessageWriteVec::new()).finish();
        assert!(granted(&success).is_ok());
    }
}
