//! How the command line says to use the network.

use crate::arguments::Wish;
use parley_app::endpoint::NetworkOptions;
use parley_app::network::{self, IceServer, TurnServer};

/// What a wish comes to, or why a relay cannot be used, as a sentence.
pub(crate) fn options(wish: &Wish) -> Result<NetworkOptions, String> {
    Ok(NetworkOptions {
        candidates: network::policy(wish.relay_only),
        relays: named(wish)?,
        ..network::from_environment()
    })
}

fn named(wish: &Wish) -> Result<Vec<TurnServer>, String> {
    let read = |url: &String| {
        let server = IceServer::read(url, wish.turn_user.as_deref(), wish.turn_password.as_deref())
            .map_err(|error| format!("--turn {url}: {error}"))?;
        let relay = server.turn().cloned();
        relay.ok_or_else(|| {
            format!("--turn {url}: this is no relay. A relay's address begins with turn: or turns:.")
        })
    };
    wish.turn.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Action, Arguments};
    use clap::Parser as _;

    fn options_of(words: &[&str]) -> Result<NetworkOptions, String> {
        let all = ["parley-cli", "join", "LINK"].iter().chain(words);
        match Arguments::parse_from(all).action {
            Action::Join { wish, .. } | Action::Host { wish, .. } => options(&wish),
            Action::CheckNetwork { .. } => panic!("no call"),
        }
    }

    #[test]
    fn relays_of_the_command_line_are_used() {
        let opened = ["--turn-user", "ada", "--turn-password", "x"];
        let with = |urls: &[&str]| {
            let named = urls.iter().flat_map(|url| ["--turn", *url]);
            options_of(&named.chain(opened).collect::<Vec<_>>())
        };
        let both = with(&["turn:host:3478", "turns:host:443"]).unwrap();
        let places: Vec<_> = both.relays.iter().map(|relay| relay.at.to_string()).collect();
        assert_eq!(places, ["host:3478", "host:443"]);
        assert_eq!(both.candidates, network::policy(false));
        for url in ["stun:host", "host:3478", "turns:host?transport=udp"] {
            let told = with(&[url]).unwrap_err();
            assert!(told.starts_with(&format!("--turn {url}: ")), "{told}");
        }
        let hidden = options_of(&["--relay-only"]).unwrap();
        assert_eq!(hidden.candidates, network::policy(true));
    }
}
