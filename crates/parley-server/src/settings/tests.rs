//! Tests of what an operator may say, and of what is said back.

use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Settings::from_file("here.toml", text).unwrap_err().0;
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_says_what_is_so_anyway() {
    assert_eq!(
        Settings::from_file("example", &example()).unwrap(),
        Settings::default()
    );
    assert_eq!(Settings::from_file("empty", "").unwrap(), Settings::default());
}

/// Every value that the example only shows is one that its key takes.
#[test]
fn what_the_example_shows_is_understood() {
    for key in keys::KEYS {
        let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
        let head = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        let text = format!("{head}{name} = {}\n", key.for_example);
        if let Err(mistakes) = Settings::from_file("shown", &text) {
            panic!("{mistakes}\n{text}");
        }
    }
}

#[test]
fn a_file_is_read() {
    let settings = Settings::from_file(
        "here.toml",
        r#"
domain = "Call.Example.org"
names = ["Talk.example.org"]
listen = ["0.0.0.0:443", "[::1]:8443"]
drain_seconds = 5
[turn]
lan = true
ports = "50000-50999"
networks = ["10.1.0.0/16"]
[limits]
connections = 10
"#,
    )
    .unwrap();
    assert_eq!(settings.domain.as_deref(), Some("call.example.org"));
    assert_eq!(settings.names, ["talk.example.org"]);
    assert_eq!(settings.listen.len(), 2);
    assert_eq!((settings.drain_seconds, settings.turn_lan), (5, true));
    assert_eq!(settings.turn_ports, 50_000..=50_999);
    assert_eq!(settings.turn_networks, ["10.1.0.0/16".parse().unwrap()]);
    assert_eq!(settings.connections_max, 10);
    assert_eq!(settings.participants_max, Settings::default().participants_max);
}

#[test]
fn a_mistake_is_told_with_its_line_its_key_and_what_would_be_right() {
    for (text, line, words) in [
        ("\n\ndomian = \"a.b\"\n", 3, "Did you mean domain?"),
        ("[turn]\nlann = true\n", 2, "Did you mean turn.lan?"),
        ("lan = true\n", 1, "Did you mean turn.lan?"),
        ("zebra_crossing_colour = 1\n", 1, "config example"),
        ("[turm]\nlan = true\n", 1, "There is no such key"),
        ("[turn]\nlan = \"yes\"\n", 2, "turn.lan: It takes true or false"),
        (
            "listen = [\n  \"[::]:1\",\n  \"everywhere\"\n]\n",
            1,
            "`everywhere` is not understood",
        ),
        ("drain_seconds = -1\n", 1, "from 0 to 86400"),
        ("drain_seconds = 1.5\n", 1, "It takes no float"),
        ("domain = \"https://call.example.org\"\n", 1, "without https://"),
        ("domain = \"192.0.2.1\"\n", 1, "It takes a name alone"),
        (
            "names = [\"https://a.example\"]\n",
            1,
            "`https://a.example` is not understood",
        ),
        ("[turn]\nports = \"9-8\"\n", 2, "at least 1024"),
        (
            "\n[webhook]\nurl = \"hooks.example.org\"\n",
            3,
            "webhook.url: It takes https://HOST/PATH",
        ),
        (
            "[webhook]\nsecret = \"short\"\n",
            2,
            "webhook.secret: It takes at least 16",
        ),
        ("[webhook]\nsecrets = \"a\"\n", 2, "Did you mean webhook.secret?"),
        ("listen = [1]\n", 1, "list of texts"),
        ("\ndomain = \n", 2, "no TOML"),
        ("user = \"a\"\nuser = \"b\"\n", 2, "no TOML"),
    ] {
        let said = mistakes(text);
        assert_eq!(said.len(), 1, "{said:?}");
        let begin = format!("here.toml, line {line}: ");
        assert!(said[0].starts_with(&begin), "{} in {text}", said[0]);
        assert!(said[0].contains(words), "{} in {text}", said[0]);
    }
}

#[test]
fn all_mistakes_are_told_at_once_from_the_top() {
    let said = mistakes("user = 1\nlisten = true\n[turn]\nlan = 1\n");
    let lines: Vec<bool> = [1, 2, 4]
        .iter()
        .zip(&said)
        .map(|(line, said)| said.contains(&format!("line {line}:")))
        .collect();
    assert_eq!(lines, [true; 3], "{said:?}");
}

#[test]
fn the_environment_goes_over_the_file() {
    let file = Settings::from_file("here.toml", "drain_seconds = 5\nuser = \"a\"\n").unwrap();
    let settings = file
        .with_environment([
            ("PARLEY_SERVER_DRAIN_SECONDS".to_owned(), "7".to_owned()),
            ("PARLEY_SERVER_TURN_LAN".to_owned(), "true".to_owned()),
            (
                "PARLEY_SERVER_STUN_LISTEN".to_owned(),
                "[::]:1, 0.0.0.0:2".to_owned(),
            ),
            (
                "PARLEY_SERVER_WEBHOOK_SECRET".to_owned(),
                "sixteen characters".to_owned(),
            ),
            ("PATH".to_owned(), "/bin".to_owned()),
        ])
        .unwrap();
    assert_eq!((settings.drain_seconds, settings.turn_lan), (7, true));
    assert_eq!(settings.udp.len(), 2);
    assert_eq!(settings.webhook_secret.as_deref(), Some("sixteen characters"));
    assert_eq!(settings.user.as_deref(), Some("a"));

    let wrong = [("PARLEY_SERVER_TURN_LANN".to_owned(), "true".to_owned())];
    let said = Settings::default()
        .with_environment(wrong)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("PARLEY_SERVER_TURN_LANN") && said.contains("mean PARLEY_SERVER_TURN_LAN?"),
        "{said}"
    );
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    for (text, words) in [
        ("[tls]\ncertificate = \"a.pem\"\n", "tls.key"),
        ("[tls]\nacme_contact = \"a@example.org\"\n", "domain"),
        ("[turn]\nexternal = [\"turn:example.org\"]\n", "turn.secret"),
        (
            "[webhook]\nurl = \"https://hooks.example.org/\"\n",
            "webhook.secret",
        ),
        ("[webhook]\nsecret = \"sixteen characters\"\n", "webhook.url"),
        (
            "[webhook]\nurl = \"http://127.0.0.1/\"\nsecret = \"sixteen characters\"\nca = \"ca.pem\"\n",
            "webhook.ca",
        ),
    ] {
        let said = Settings::from_file("here.toml", text)
            .unwrap()
            .checked()
            .unwrap_err();
        assert!(said.to_string().contains(words), "{said}");
    }
    assert!(Settings::default().checked().is_ok());
}
