//! What to start, of all that was said.

use super::{ExternalTurn, Settings};
use crate::config::{DEFAULT_OWN_HTTPS_PORT, DEFAULT_PORT, DEFAULT_STUN_PORT, GroupConfig, ServerConfig};
use crate::front::{CertificateSource, TlsConfig};
use crate::key::ServerKey;
use crate::relays::{CREDENTIALS_LIFETIME, RelayConfig};
use crate::rooms::Relays;
use crate::sfu::driver::SfuSockets;
use crate::turn::{Quotas, TurnSecret};
use crate::webhook::WebhookConfig;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

const fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

impl Settings {
    /// A server as it was asked for. `data_dir` is where it keeps certificates.
    #[must_use]
    pub fn server_config(&self, key: ServerKey, data_dir: &Path) -> ServerConfig {
        let usual = ServerConfig::new(Vec::new(), None);
        let tls = self.tls(data_dir);
        // With TLS of a name there is no port without.
        let listen = match (&self.listen[..], self.is_secure()) {
            (_, true) => Vec::new(),
            ([], false) => vec![everywhere(DEFAULT_PORT)],
            (chosen, false) => chosen.to_vec(),
        };
        let udp = self.udp();
        ServerConfig {
            listen,
            domain: self.domain.clone(),
            names: self.names.clone(),
            tls,
            redirect: (self.domain.is_some() && self.listen.is_empty()).then_some(everywhere(HTTP_PORT)),
            stun: udp.first().copied(),
            stun_more: udp.iter().skip(1).copied().collect(),
            relay: self.relay(),
            sfu: self.groups(),
            relays_elsewhere: self.relays_elsewhere(),
            metrics_token: self.metrics_token.clone(),
            key,
            webhook: self.webhook(),
            connections_max: self.connections_max,
            participants_max: self.participants_max,
            header_timeout: Duration::from_secs(self.header_seconds),
            ..usual
        }
    }

    fn webhook(&self) -> Option<WebhookConfig> {
        let (url, secret) = self.webhook_url.clone().zip(self.webhook_secret.clone())?;
        Some(WebhookConfig {
            url,
            secret,
            authorities: self.webhook_ca.clone(),
        })
    }

    /// Whether all is TLS, with a certificate that clients believe.
    fn is_secure(&self) -> bool {
        self.domain.is_some() || self.certificate.is_some()
    }

    fn tls(&self, data_dir: &Path) -> Option<TlsConfig> {
        let or_usual = |chosen: &[SocketAddr], port| match chosen {
            [] => vec![everywhere(port)],
            chosen => chosen.to_vec(),
        };
        let certificate = match (&self.certificate, &self.certificate_key, &self.domain) {
            (Some(certificate), Some(key), _) => CertificateSource::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            (_, _, Some(domain)) => CertificateSource::Acme {
                domain: domain.clone(),
                contact: self.acme_contact.clone(),
                directory: self.acme_directory.clone(),
                folder: data_dir.join("acme"),
            },
            // Who says where to listen is not listened for elsewhere too.
            _ if self.own_https_on && (self.listen.is_empty() || !self.own_https.is_empty()) => {
                return Some(TlsConfig {
                    listen: or_usual(&self.own_https, DEFAULT_OWN_HTTPS_PORT),
                    certificate: CertificateSource::Own {
                        folder: data_dir.to_owned(),
                    },
                });
            }
            _ => return None,
        };
        Some(TlsConfig {
            listen: or_usual(&self.listen, HTTPS_PORT),
            certificate,
        })
    }

    fn udp(&self) -> Vec<SocketAddr> {
        match (&self.udp[..], &self.domain) {
            _ if !self.stun => Vec::new(),
            ([], None) => vec![everywhere(DEFAULT_STUN_PORT)],
            ([], Some(_)) => vec![everywhere(DEFAULT_STUN_PORT), everywhere(HTTPS_PORT)],
            (chosen, _) => chosen.to_vec(),
        }
    }

    fn groups(&self) -> Option<GroupConfig> {
        let outside = match &self.sfu_public[..] {
            [] => &self.turn_public,
            told => told,
        };
        let usual = GroupConfig::at(everywhere(self.sfu_port));
        self.sfu.then(|| GroupConfig {
            sockets: SfuSockets {
                threads: self.sfu_threads,
                outside: outside.to_vec(),
                ..usual.sockets
            },
            tcp: self.sfu_tcp,
            participants_max: self.sfu_participants_max,
            listeners_max: self.sfu_listeners_max,
            listen_from: self.sfu_listen_from,
        })
    }

    fn secret(&self) -> Option<TurnSecret> {
        self.turn_secret
            .as_ref()
            .map(|secret| TurnSecret::new(secret.as_bytes()))
    }

    fn relay(&self) -> Option<RelayConfig> {
        // Without STUN there was nothing that helps through NATs, and who asked for that means it.
        if !self.turn || !self.stun || !self.turn_external.is_empty() {
            return None;
        }
        let mut networks = self.turn_networks.clone();
        if self.domain.is_none() && self.certificate.is_none() {
            // A server for a machine and its network relays within that network.
            networks.extend(RelayConfig::for_one_person().networks);
        }
        Some(RelayConfig {
            realm: self.domain.clone().unwrap_or_else(|| "parley".to_owned()),
            secret: self.secret(),
            public: self.turn_public.clone(),
            ports: self.turn_ports.clone(),
            lan: self.turn_lan,
            networks,
            quotas: Quotas {
                total: self.turn_relays_max,
                ..Quotas::default()
            },
            bytes_per_s_max: self.turn_kbit_s_max * 1000 / 8,
            threads: 0,
        })
    }

    fn relays_elsewhere(&self) -> Option<Relays> {
        let secret = self.secret()?;
        (self.turn && !self.turn_external.is_empty()).then(|| Relays {
            servers: self
                .turn_external
                .iter()
                .map(|ExternalTurn(server)| server.clone())
                .collect(),
            secret,
            lifetime: CREDENTIALS_LIFETIME,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(file: &str) -> ServerConfig {
        let settings = Settings::from_file("here.toml", file).unwrap().checked().unwrap();
        settings.server_config(ServerKey::from_bytes([1; 32]), Path::new("/data"))
    }

    fn ports(addresses: &[SocketAddr]) -> Vec<u16> {
        addresses.iter().map(SocketAddr::port).collect()
    }

    #[test]
    fn without_a_word_it_serves_this_machine_and_its_network() {
        let config = planned("");
        assert_eq!(ports(&config.listen), [7788]);
        let tls = config.tls.unwrap();
        assert_eq!(ports(&tls.listen), [7789]);
        assert_eq!(
            tls.certificate,
            CertificateSource::Own {
                folder: "/data".into()
            }
        );
        assert_eq!(config.stun.unwrap().port(), 3478);
        assert!(config.stun_more.is_empty() && config.redirect.is_none() && config.relay.is_some());
    }

    #[test]
    fn with_a_name_it_is_a_production_server() {
        let config = planned("domain = \"call.example.org\"\n");
        assert!(config.listen.is_empty(), "nothing without TLS");
        let tls = config.tls.unwrap();
        assert_eq!(ports(&tls.listen), [443]);
        assert!(
            matches!(tls.certificate, CertificateSource::Acme { domain, .. } if domain == "call.example.org")
        );
        assert_eq!(config.redirect.unwrap().port(), 80);
        assert_eq!(
            (config.stun.unwrap().port(), ports(&config.stun_more)),
            (3478, vec![443])
        );
        let relay = config.relay.unwrap();
        assert!(
            !relay.lan && relay.networks.is_empty(),
            "to the public internet only"
        );
    }

    #[test]
    fn groups_are_carried_unless_they_are_not_wanted() {
        let usual = planned("").sfu.unwrap();
        assert_eq!(
            (
                usual.sockets.listen.port(),
                usual.sockets.threads,
                usual.participants_max
            ),
            (3479, 1, 50)
        );
        let told = planned(
            "[turn]\npublic = [\"203.0.113.7\"]\n[sfu]\nenabled = true\nport = 5000\nthreads = 2\nparticipants = 12\n",
        )
        .sfu
        .unwrap();
        assert_eq!(
            (
                told.sockets.listen.port(),
                told.sockets.threads,
                told.participants_max
            ),
            (5000, 2, 12)
        );
        assert_eq!(
            told.sockets.outside,
            ["203.0.113.7".parse::<std::net::IpAddr>().unwrap()]
        );
        assert_eq!((usual.listeners_max, usual.listen_from), (500, 0));
        let large = planned("[sfu]\nlisteners = 300\nlisten_from = 20\n").sfu.unwrap();
        assert_eq!((large.listeners_max, large.listen_from), (300, 20));
        assert!(planned("[sfu]\nenabled = false\n").sfu.is_none());
        assert!(usual.tcp && !planned("[sfu]\ntcp = false\n").sfu.unwrap().tcp);
    }

    #[test]
    fn a_webhook_needs_its_address_and_its_secret() {
        assert_eq!(planned("").webhook, None);
        let told = planned(
            "[webhook]\nurl = \"https://hooks.example.org/x\"\nsecret = \"sixteen characters\"\nca = \"/etc/parley/ca.pem\"\n",
        );
        let expect = WebhookConfig {
            url: "https://hooks.example.org/x".to_owned(),
            secret: "sixteen characters".to_owned(),
            authorities: Some("/etc/parley/ca.pem".into()),
        };
        assert_eq!(told.webhook, Some(expect));
    }

    #[test]
    fn files_and_other_relays_are_taken_instead() {
        let config = planned(
            "domain = \"call.example.org\"\nlisten = [\"[::]:8443\"]\n[tls]\ncertificate = \"a\"\nkey = \"b\"\n\
             [turn]\nsecret = \"s\"\nexternal = [\"turn:turn.example.org\"]\n",
        );
        let tls = config.tls.unwrap();
        assert_eq!(ports(&tls.listen), [8443]);
        assert!(matches!(tls.certificate, CertificateSource::Files { .. }));
        assert!(config.relay.is_none() && config.redirect.is_none());
        assert_eq!(config.relays_elsewhere.unwrap().servers.len(), 1);

        let behind_a_proxy =
            planned("listen = [\"127.0.0.1:7788\"]\n[tls]\nown = false\n[stun]\nenabled = false\n");
        assert!(
            behind_a_proxy.tls.is_none() && behind_a_proxy.stun.is_none() && behind_a_proxy.relay.is_none()
        );
    }
}
