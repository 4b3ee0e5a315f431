//! E-mail over real sockets to a small mail server: what arrives, what each class of reply means, and
//! that neither a password nor a message leaves without the encryption that is configured.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::gateway::{MailConfig, SmtpConfig, SmtpTls, WorldConfig};
use mm1gate::model::redact::Secret;
use mm1gate::model::{Clock, Random};
use mm1gate::sim::{Behaviour, Outgoing, OutgoingPart};
use mm1gate::store::{Attempt, DeliveryState};
use mm1gate::world::{self, SystemClient, SystemRunner, World};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::api_rig::PNG;
use crate::gateway_rig::{OWN, PHONE, Ports, Rig, picture};

/// What the server does.
#[derive(Default)]
struct Script {
    /// Replies that differ from "yes", for the command with this verb; each is used once.
    replies: VecDeque<(&'static str, &'static str)>,
    /// Extensions that it names.
    extensions: Vec<&'static str>,
    /// Speaks TLS from the first octet.
    tls: Option<TlsAcceptor>,
}

/// A mail server of this machine.
struct Server {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            mails: Arc::default(),
            commands: Arc::default(),
        };
        let (mails, commands) = (Arc::clone(&server.mails), Arc::clone(&server.commands));
        let replies = Arc::new(Mutex::new(script.replies));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let book = (Arc::clone(&mails), Arc::clone(&commands), Arc::clone(&replies));
                let extensions = script.extensions.clone();
                match &script.tls {
                    None => drop(tokio::spawn(talk(stream, book, extensions))),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            tokio::spawn(talk(stream, book, extensions));
                        }
                    }
                }
            }
        });
        server
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }
}

type Book = (
    Arc<Mutex<Vec<String>>>,
    Arc<Mutex<Vec<String>>>,
    Arc<Mutex<VecDeque<(&'static str, &'static str)>>>,
);

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    (mails, commands, replies): Book,
    extensions: Vec<&'static str>,
) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let other = |verb: &str| {
        let mut replies = replies.lock().unwrap();
        let at = replies.iter().position(|(name, _)| *name == verb)?;
        replies.remove(at).map(|(_, reply)| reply)
    };
    let greeting = other("CONNECT").unwrap_or("220 mail.example ESMTP");
    let _ = write.write_all(format!("{greeting}\r\n").as_bytes()).await;
    while let Ok(Some(line)) = lines.next_line().await {
        commands.lock().unwrap().push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let mut usual = "250 OK".to_owned();
        match verb.as_str() {
            "EHLO" => {
                usual = extensions.iter().map(|it| format!("250-{it}\r\n")).collect::<String>();
                usual = format!("250-mail.example\r\n{usual}250 HELP");
            }
            "AUTH" => usual = "235 Welcome".to_owned(),
            "DATA" => usual = "354 Go on".to_owned(),
            "QUIT" => usual = "221 Bye".to_owned(),
            _ => {}
        }
        let reply = other(&verb).map_or(usual, str::to_owned);
        let _ = write.write_all(format!("{reply}\r\n").as_bytes()).await;
        if reply.starts_with("354") {
            let mut mail = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                if line == "." {
                    break;
                }
                // RFC 5321 clause 4.5.2.
                mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                mail.push('\n');
            }
            let end = other("END").unwrap_or("250 Queued as 4711");
            mails.lock().unwrap().push(mail);
            let _ = write.write_all(format!("{end}\r\n").as_bytes()).await;
        }
    }
}

fn smtp(port: u16) -> SmtpConfig {
    SmtpConfig {
        server: "localhost".to_owned(),
        port,
        tls: SmtpTls::None,
        login: None,
        from: "mms@shop.example".to_owned(),
        authorities: Vec::new(),
    }
}

fn config(smtp: SmtpConfig, events: &[&str]) -> WorldConfig {
    let mail = MailConfig {
        name: "orders".to_owned(),
        to: vec!["ann@example.com".to_owned()],
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        max_size: 1_048_576,
    };
    WorldConfig { smtp: Some(smtp), mails: vec![mail], ..WorldConfig::default() }
}

async fn world(rig: &Rig, clock: Clock) -> World {
    let deps = world::Deps {
        client: Arc::new(SystemClient::new(Vec::new(), false)),
        runner: Arc::new(SystemRunner),
        clock,
        random: Random::from_system(),
    };
    World::start(&rig.gateway, deps).await.expect("the world")
}

/// A gateway with one mail to be sent; from here on time is real.
struct Shop {
    rig: Rig,
    world: World,
    endpoint: String,
}

impl Shop {
    /// The mail is about a message that was withdrawn.
    async fn with_one_mail(smtp: SmtpConfig) -> Self {
        let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        rig.gateway.set_world(config(smtp, &["message.canceled"]));
        let world = world(&rig, rig.clock).await;
        let store = rig.gateway.store();
        let endpoint = store.endpoints().await.unwrap().remove(0).id;
        tokio::time::resume();
        let message = mm1gate::model::NewMessage {
            send_at: Some(rig.clock.now().plus(Duration::from_secs(3_600))),
            parts: vec![mm1gate::model::NewPart {
                media_type: None,
                name: Some("a.png".to_owned()),
                body: PNG.into(),
            }],
            kind: mm1gate::model::Kind::Mms,
            ..crate::gateway_rig::text(PHONE, "Hello\n.\n..dots\nend")
        };
        let id = rig.gateway.accept(message).await.unwrap();
        rig.gateway.cancel(&id).await.unwrap();
        Self { rig, world, endpoint }
    }

    /// The mail's history once there are so many attempts.
    async fn attempts(&self, count: usize) -> (DeliveryState, Vec<Attempt>) {
        for _ in 0..1_500 {
            let store = self.rig.gateway.store();
            let found = store.deliveries(&self.endpoint, None, None, 1).await.unwrap();
            if let Some(first) = found.first() {
                let (delivery, attempts) = store.delivery(first.id).await.unwrap().unwrap();
                if attempts.len() >= count {
                    // The alarm follows the attempt.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    return (delivery.state, attempts);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("there are not {count} attempts");
    }

    async fn again(&self) {
        let store = self.rig.gateway.store();
        let first = store.deliveries(&self.endpoint, None, None, 1).await.unwrap().remove(0);
        store.redeliver(first.id, self.rig.clock.now()).await.unwrap();
    }

    async fn alarms(&self) -> Vec<String> {
        let alarms = self.rig.gateway.alarms().await.unwrap();
        alarms.into_iter().map(|alarm| alarm.fault.code).collect()
    }

    async fn close(self) {
        self.world.stop().await;
        self.rig.gateway.stop().await;
    }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let found = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

#[tokio::test(start_paused = true)]
async fn picture_that_came_arrives_as_a_mail_with_its_parts() {
    let server = Server::start(Script::default()).await;
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.gateway.set_world(config(smtp(server.port), &["message.received"]));
    // Its endpoints are written down; sockets want real time.
    world(&rig, rig.clock).await.stop().await;
    let outgoing = Outgoing {
        subject: Some("Holiday\u{2028}Bcc: all@example.com".to_owned()),
        text: Some("Look\nhere".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "../beach.jpg".to_owned(),
            body: picture(5_000),
        }],
    };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
    rig.inbound_until(&["acknowledged"]).await;
    tokio::time::resume();
    let world = world(&rig, rig.clock).await;
    for _ in 0..1_000 {
        if !server.mails().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mail = server.mails().remove(0);
    assert!(header(&mail, "Subject").starts_with(&format!("MMS from {PHONE}: Holiday")), "{mail}");
    assert!(header(&mail, "From").ends_with("<mms@shop.example>"), "{mail}");
    assert_eq!(header(&mail, "To"), "ann@example.com");
    assert!(header(&mail, "Message-ID").starts_with("<evt_"));
    assert!(!mail.contains("\nBcc:"), "{mail}");
    assert!(mail.contains("\n\nLook\nhere") || mail.contains("Look\nhere"), "{mail}");
    assert!(mail.contains("filename=\"_beach.jpg\"") || mail.contains("beach.jpg\""), "{mail}");
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(picture(5_000));
    assert!(mail.replace('\n', "").contains(&encoded), "the picture is whole");
    assert!(!mail.contains("application/smil"));
    let commands = server.commands();
    assert!(commands.iter().any(|it| it == "MAIL FROM:<mms@shop.example>"), "{commands:?}");
    assert!(commands.iter().any(|it| it == "RCPT TO:<ann@example.com>"), "{commands:?}");
    world.stop().await;
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn passing_refusal_is_tried_again_under_the_same_message_id() {
    let replies = [("RCPT", "451 4.7.1 Greylisted"), ("END", "452 4.3.1 Full")];
    let server = Server::start(Script { replies: replies.into(), ..Script::default() }).await;
    let shop = Shop::with_one_mail(smtp(server.port)).await;
    let (state, attempts) = shop.attempts(1).await;
    assert_eq!((state, attempts[0].status), (DeliveryState::Pending, Some(451)));
    assert!(attempts[0].error.as_deref().unwrap().contains("Greylisted"), "{attempts:?}");
    shop.again().await;
    shop.attempts(2).await;
    shop.again().await;
    let (state, attempts) = shop.attempts(3).await;
    assert_eq!((state, attempts[2].status), (DeliveryState::Delivered, Some(250)));
    assert_eq!(attempts[2].response.as_deref(), Some("Queued as 4711"));
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "the second was read and not taken");
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    assert!(mails[1].contains("Hello\n.\n..dots\nend"), "{}", mails[1]);
    assert_eq!(shop.alarms().await, [] as [&str; 0]);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn refusal_for_good_is_final_with_an_alarm_that_the_next_mail_ends() {
    let replies = [("RCPT", "550 5.1.1 No such user here")];
    let server = Server::start(Script { replies: replies.into(), ..Script::default() }).await;
    let shop = Shop::with_one_mail(smtp(server.port)).await;
    let (state, attempts) = shop.attempts(1).await;
    assert_eq!((state, attempts[0].status), (DeliveryState::Failed, Some(550)));
    assert!(attempts[0].error.as_deref().unwrap().contains("No such user here"));
    assert_eq!(shop.alarms().await, ["mail-refused"]);
    assert_eq!(server.mails(), [] as [&str; 0]);
    shop.again().await;
    let (state, _) = shop.attempts(2).await;
    assert_eq!(state, DeliveryState::Delivered);
    assert_eq!(shop.alarms().await, [] as [&str; 0]);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn server_that_refuses_login_or_connection_loses_no_mail() {
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let script = Script {
        replies: [("CONNECT", "554 No service"), ("AUTH", "535 5.7.8 Wrong password")].into(),
        extensions: vec!["AUTH PLAIN LOGIN"],
        tls: Some(acceptor(&authority)),
    };
    let server = Server::start(script).await;
    let smtp = SmtpConfig {
        tls: SmtpTls::Implicit,
        login: Some(("ann".to_owned(), Secret::new("s3cret"))),
        authorities: vec![authority.cert.der().to_vec()],
        ..smtp(server.port)
    };
    let shop = Shop::with_one_mail(smtp).await;
    for (attempt, status) in [(1, 554), (2, 535)] {
        let (state, attempts) = shop.attempts(attempt).await;
        assert_eq!((state, attempts[attempt - 1].status), (DeliveryState::Pending, Some(status)));
        assert!(!attempts[attempt - 1].error.as_deref().unwrap().contains("s3cret"));
        shop.again().await;
    }
    let (state, _) = shop.attempts(3).await;
    assert_eq!(state, DeliveryState::Delivered);
    let auth = server.commands().into_iter().find(|it| it.starts_with("AUTH PLAIN ")).unwrap();
    use base64::Engine;
    let told = base64::engine::general_purpose::STANDARD.decode(&auth["AUTH PLAIN ".len()..]);
    assert_eq!(told.unwrap(), b"\0ann\0s3cret");
    shop.close().await;
}

fn acceptor(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_without_the_encryption_that_is_configured() {
    let secret = || Some(("ann".to_owned(), Secret::new("s3cret")));
    // STARTTLS is wanted and not there.
    let plain = Server::start(Script { extensions: vec!["AUTH PLAIN"], ..Script::default() }).await;
    let wanted = SmtpConfig { tls: SmtpTls::StartTls, login: secret(), ..smtp(plain.port) };
    let shop = Shop::with_one_mail(wanted).await;
    let (state, attempts) = shop.attempts(1).await;
    assert_eq!(state, DeliveryState::Pending);
    assert!(attempts[0].error.as_deref().unwrap().contains("STARTTLS"), "{attempts:?}");
    // It is there, by somebody whom nobody knows.
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let script = Script { tls: Some(acceptor(&stranger)), ..Script::default() };
    let unknown = Server::start(script).await;
    let wanted = SmtpConfig { tls: SmtpTls::Implicit, login: secret(), ..smtp(unknown.port) };
    shop.rig.gateway.set_world(config(wanted, &["message.canceled"]));
    shop.again().await;
    let (state, attempts) = shop.attempts(2).await;
    assert_eq!(state, DeliveryState::Pending);
    assert!(attempts[1].error.as_deref().unwrap().contains("ertificate"), "{attempts:?}");
    for server in [&plain, &unknown] {
        let said = server.commands();
        assert!(
            !said.iter().any(|it| it.starts_with("AUTH") || it.starts_with("MAIL")),
            "{said:?}"
        );
        assert_eq!(server.mails(), [] as [&str; 0]);
    }
    shop.close().await;
}
