//! Folders: what is laid into one is sent once, whatever happens, or refused with a reason; what comes
//! is written there whole and under names of ours. The files are real, the time is virtual.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mm1gate::gateway::{FolderConfig, WorldConfig};
use mm1gate::model::{Direction, Kind, MessageId, Random};
use mm1gate::sim::{Behaviour, Outgoing, OutgoingPart};
use mm1gate::store::{Filter, Summary};
use mm1gate::world::{self, SystemClient, SystemRunner, World};
use tempfile::TempDir;

use crate::api_rig::PNG;
use crate::gateway_rig::{OWN, PHONE, Ports, Rig, picture};

struct Shop {
    rig: Rig,
    world: World,
    dir: TempDir,
}

fn folder(dir: &Path) -> FolderConfig {
    FolderConfig {
        name: "till".to_owned(),
        path: dir.join("till"),
        modem: None,
        route: None,
        events: ["message.received", "message.delivered", "sms.received"].map(str::to_owned).into(),
        settle: Duration::from_secs(2),
        group_access: false,
        keep: None,
    }
}

async fn world(rig: &Rig) -> World {
    let deps = world::Deps {
        client: Arc::new(SystemClient::new(Vec::new(), false)),
        runner: Arc::new(SystemRunner),
        clock: rig.clock,
        random: Random::from_system(),
    };
    World::start(&rig.gateway, deps).await.expect("the world")
}

impl Shop {
    async fn open(behaviour: Behaviour, change: impl FnOnce(&mut FolderConfig)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = folder(dir.path());
        change(&mut config);
        let rig = Rig::new(Ports::Two, behaviour).await;
        let world_config = WorldConfig { folders: vec![config], ..WorldConfig::default() };
        rig.gateway.set_world(world_config);
        let world = world(&rig).await;
        let shop = Self { rig, world, dir };
        shop.wait(3).await;
        shop
    }

    async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.dir.path().join("till").join(rest)
    }

    /// Lays a file there as a careful program does.
    fn lay(&self, name: &str, text: impl AsRef<[u8]>) {
        let hidden = self.path("outgoing").join(format!("{name}.tmp"));
        fs::write(&hidden, text).unwrap();
        fs::rename(hidden, self.path("outgoing").join(name)).unwrap();
    }

    /// Names in a subfolder without the hidden ones, in order.
    fn names(&self, sub: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(sub))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    async fn messages(&self) -> Vec<Summary> {
        let mut all = self.rig.gateway.messages(Filter::default()).await.unwrap();
        all.retain(|message| message.direction == Direction::Outbound);
        all
    }

    /// The result of what was called like this, when it has come.
    async fn result(&self, sub: &str, name: &str) -> String {
        let end = format!("-{name}.result.txt");
        for _ in 0..3_600 {
            if let Some(found) = self.names(sub).iter().find(|it| it.ends_with(&end)) {
                return fs::read_to_string(self.path(sub).join(found)).unwrap();
            }
            self.wait(1).await;
        }
        panic!("no result of {name} in {sub}: {:?}", self.names(sub));
    }

    async fn close(self) {
        self.world.stop().await;
        self.rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_file_is_sent_as_an_sms_and_ends_in_sent_with_what_became_of_it() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    shop.lay("order 7.txt", format!("To: {PHONE}\nReference: 7\n\nYour order is ready.\nBye\n"));
    let result = shop.result("sent", "order_7.txt").await;
    // The report may be faster than the next look.
    let state = if result.starts_with("Status: sent\nTime: ") { "sent" } else { "delivered" };
    assert!(result.starts_with(&format!("Status: {state}\nTime: ")), "{result}");
    assert!(result.contains(&format!("Recipient: {PHONE} {state}\n")), "{result}");
    let id = result.lines().find_map(|line| line.strip_prefix("Message-Id: ")).unwrap();
    let view = shop.rig.view(&id.parse::<MessageId>().unwrap()).await;
    assert_eq!(view.summary.kind, Kind::Sms);
    assert_eq!(view.summary.text.as_deref(), Some("Your order is ready.\nBye"));
    assert_eq!(view.summary.client_ref.as_deref(), Some("7"));
    for empty in ["outgoing", "checked", "failed"] {
        assert_eq!(shop.names(empty), [] as [&str; 0], "{empty}");
    }
    let sent = shop.names("sent");
    assert_eq!(sent.len(), 2, "{sent:?}");
    let kept = fs::read_to_string(shop.path("sent").join(&sent[0])).unwrap();
    assert!(kept.ends_with("Bye\n"), "what was laid there stays as it was");
    assert_eq!(shop.messages().await.len(), 1);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn folder_with_pictures_is_sent_as_one_mms_in_the_order_of_their_names() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let hidden = shop.path("outgoing/.cake");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("b.png"), PNG).unwrap();
    fs::write(hidden.join("a.jpg"), picture(20_000)).unwrap();
    fs::write(hidden.join(".DS_Store"), "x").unwrap();
    fs::write(hidden.join("Thumbs.db"), "x").unwrap();
    let head = format!("To: {PHONE}, 86888\r\nTo: {PHONE}\r\nSubject: Cake\r\n\r\nLook\r\n");
    fs::write(hidden.join("message.txt"), head).unwrap();
    fs::rename(&hidden, shop.path("outgoing/cake")).unwrap();
    shop.wait(5).await;
    let message = shop.messages().await.remove(0);
    let id = message.id;
    assert_eq!((message.kind, message.subject.as_deref()), (Kind::Mms, Some("Cake")));
    assert_eq!(message.recipients.len(), 2, "a number named twice is one recipient");
    let parts: Vec<String> = shop
        .rig
        .view(&id)
        .await
        .summary
        .parts
        .iter()
        .map(|part| part.media_type.to_string())
        .collect();
    assert_eq!(parts, ["application/smil", "text/plain", "image/jpeg", "image/png"]);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_finished_is_left_until_it_is() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let good = format!("To: {PHONE}\n\nHi\n");
    for name in ["a.tmp", "b.part", ".c", "d.LOCK", "e.txt~"] {
        fs::write(shop.path("outgoing").join(name), &good).unwrap();
    }
    // As smstools' programs lock a file.
    fs::write(shop.path("outgoing/f.txt"), &good).unwrap();
    fs::write(shop.path("outgoing/f.txt.LOCK"), "").unwrap();
    // One that grows all the time, and a folder without its text.
    let growing = shop.path("outgoing/g.txt");
    let mut text = good.clone();
    fs::create_dir(shop.path("outgoing/h")).unwrap();
    fs::write(shop.path("outgoing/h/a.png"), PNG).unwrap();
    for _ in 0..20 {
        text.push('x');
        fs::write(&growing, &text).unwrap();
        shop.wait(1).await;
    }
    assert_eq!(shop.messages().await.len(), 0);
    assert_eq!(shop.names("checked"), [] as [&str; 0]);
    fs::remove_file(shop.path("outgoing/f.txt.LOCK")).unwrap();
    fs::write(shop.path("outgoing/h/message.txt"), &good).unwrap();
    shop.wait(10).await;
    assert_eq!(shop.messages().await.len(), 3, "f, g and h");
    assert_eq!(shop.names("outgoing"), ["a.tmp", "b.part", "d.LOCK", "e.txt~"]);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_ends_in_failed_with_the_reason_and_costs_nothing() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let secret = shop.dir.path().join("secret.txt");
    fs::write(&secret, format!("To: {PHONE}\n\nnot yours\n")).unwrap();
    let out = shop.path("outgoing");
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".to_vec(), "there is no line \"To: "),
        ("nobody", b"To:\n\nHi".to_vec(), "no recipient"),
        ("number", b"To: 12ab\n\nHi".to_vec(), "recipient '12ab'"),
        ("text", format!("To: {PHONE}\n\n").into_bytes(), "no text"),
        ("header", format!("To: {PHONE}\nSubjekt: x\n\nHi").into_bytes(), "did you mean 'subject'"),
        ("kind", format!("To: {PHONE}\nType: fax\n\nHi").into_bytes(), "'mms' or 'sms'"),
        (
            "both",
            format!("To: {PHONE}\nType: sms\nSubject: x\n\nHi").into_bytes(),
            "an SMS has no subject",
        ),
        (
            "modem",
            format!("To: {PHONE}\nModem: none\n\nHi").into_bytes(),
            "there is no modem 'none'",
        ),
        ("sender", format!("To: {PHONE}\nFrom: +4499\n\nHi").into_bytes(), "of no modem"),
        ("report", format!("To: {PHONE}\nReport: maybe\n\nHi").into_bytes(), "yes or no"),
        ("latin", b"To: 86888\n\nGr\xfc\xdfe".to_vec(), "line 3 is not UTF-8"),
        ("large", vec![b'x'; 200 * 1024], "more than the 131072 octets"),
        ("line", b"To: 86888\nHello there\n".to_vec(), "line 2 is no header"),
        ("when", format!("To: {PHONE}\nSend-At: soon\n\nHi").into_bytes(), "2026-12-24T18:00:00Z"),
        ("valid", format!("To: {PHONE}\nValidity: x\n\nHi").into_bytes(), "validity"),
    ];
    for (name, octets, _) in &files {
        fs::write(out.join(name), octets).unwrap();
    }
    let mut expected: Vec<(&str, &str)> =
        files.iter().map(|(name, _, reason)| (*name, *reason)).collect();
    symlink(&secret, out.join("link")).unwrap();
    expected.push(("link", "symbolic link"));
    fs::hard_link(&secret, out.join("twin")).unwrap();
    expected.push(("twin", "second name"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        out.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    expected.push(("pipe", "no plain file"));
    let folder = |name: &str| {
        let path = out.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("message.txt"), format!("To: {PHONE}\n\nHi")).unwrap();
        path
    };
    symlink(&secret, folder("inner-link").join("a.txt")).unwrap();
    expected.push(("inner-link", "a.txt is a symbolic link"));
    fs::create_dir(folder("deep").join("more")).unwrap();
    expected.push(("deep", "more is no plain file"));
    let many = folder("many");
    (0..21).for_each(|number| fs::write(many.join(format!("{number}.png")), PNG).unwrap());
    expected.push(("many", "20 is the most"));
    fs::write(folder("hollow").join("a.png"), "").unwrap();
    expected.push(("hollow", "a.png is empty"));
    fs::write(folder("huge").join("a.jpg"), vec![0; 17 * 1024 * 1024]).unwrap();
    expected.push(("huge", "more than the"));
    for (name, reason) in &expected {
        let result = shop.result("failed", name).await;
        assert!(result.starts_with("Status: refused\n"), "{name}: {result}");
        let told = result.lines().find_map(|line| line.strip_prefix("Reason: ")).unwrap();
        assert!(told.contains(reason), "{name}: {told}");
        assert!(result.contains("Remedy: "), "{result}");
    }
    assert_eq!(shop.names("failed").len(), 2 * expected.len());
    assert_eq!(shop.messages().await.len(), 0);
    assert_eq!(fs::read(&secret).unwrap(), format!("To: {PHONE}\n\nnot yours\n").into_bytes());
    assert_eq!(shop.names("checked"), [] as [&str; 0]);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn folder_that_never_gets_its_text_is_refused_after_ten_minutes() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    fs::create_dir(shop.path("outgoing/pictures")).unwrap();
    fs::write(shop.path("outgoing/pictures/a.png"), PNG).unwrap();
    shop.wait(300).await;
    assert_eq!(shop.names("outgoing"), ["pictures"]);
    let result = shop.result("failed", "pictures").await;
    assert!(result.contains("there is no message.txt in it"), "{result}");
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn wherever_the_process_ends_a_message_is_taken_once() {
    let mut shop = Shop::open(Behaviour::Receive, |_| {}).await;
    // Ended between the claim and the commit: it lies in `checked` and nobody knows it.
    let claim = "20261122T080000-0123456789ab-order.txt";
    shop.world.stop().await;
    fs::write(shop.path("checked").join(claim), format!("To: {PHONE}\n\nHi\n")).unwrap();
    for _ in 0..3 {
        shop.world = world(&shop.rig).await;
        shop.wait(5).await;
        assert_eq!(shop.messages().await.len(), 1);
        shop.world.stop().await;
    }
    // Ended between the commit of its fate and the move, and between the move and its note.
    shop.rig.until(&shop.messages().await[0].id, &["sent", "delivered"]).await;
    shop.world = world(&shop.rig).await;
    shop.result("sent", "order.txt").await;
    shop.world.stop().await;
    for untold in [true, false] {
        if untold {
            shop.rig.meddle("UPDATE dropped SET told = 0");
        } else {
            fs::rename(shop.path("sent").join(claim), shop.path("checked").join(claim)).unwrap();
            shop.rig.meddle("UPDATE dropped SET told = 0");
        }
        shop.world = world(&shop.rig).await;
        shop.wait(5).await;
        assert_eq!(shop.messages().await.len(), 1);
        assert_eq!(shop.names("sent").len(), 2);
        assert_eq!(shop.names("checked"), [] as [&str; 0]);
        shop.world.stop().await;
    }
    shop.world = world(&shop.rig).await;
    // The same file laid there anew is a new wish.
    shop.lay("order.txt", format!("To: {PHONE}\n\nHi\n"));
    shop.wait(5).await;
    assert_eq!(shop.messages().await.len(), 2);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn message_that_is_withdrawn_ends_in_failed() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let later = shop.rig.clock.now().plus(Duration::from_secs(86_400));
    shop.lay("later.txt", format!("To: {PHONE}\nSend-At: {later}\n\nHi\n"));
    shop.wait(5).await;
    let id = shop.messages().await[0].id.clone();
    shop.rig.gateway.cancel(&id).await.unwrap();
    let result = shop.result("failed", "later.txt").await;
    assert!(result.starts_with("Status: canceled\n"), "{result}");
    assert!(result.contains(&format!("Message-Id: {id}\n")), "{result}");
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn folder_that_everybody_may_write_into_is_not_used_until_that_is_mended() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let out = shop.path("outgoing");
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o7777, 0o700);
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    shop.lay("a.txt", format!("To: {PHONE}\n\nHi\n"));
    shop.wait(10).await;
    let alarms = shop.rig.gateway.alarms().await.unwrap();
    assert_eq!(
        (alarms[0].scope.as_str(), alarms[0].fault.code.as_str()),
        ("folder:till", "folder-unusable")
    );
    assert!(alarms[0].fault.summary.contains("chmod o-w"), "{}", alarms[0].fault.summary);
    assert_eq!(shop.messages().await.len(), 0);
    fs::set_permissions(&out, fs::Permissions::from_mode(0o730)).unwrap();
    shop.wait(60).await;
    assert_eq!(shop.messages().await.len(), 1);
    assert!(shop.rig.gateway.alarms().await.unwrap().is_empty());
    // A link in place of a subfolder would lead elsewhere.
    fs::remove_dir(shop.path("sent")).or_else(|_| fs::remove_dir_all(shop.path("sent"))).unwrap();
    symlink(shop.dir.path(), shop.path("sent")).unwrap();
    shop.wait(60).await;
    let alarms = shop.rig.gateway.alarms().await.unwrap();
    assert!(alarms[0].fault.summary.contains("symbolic link"), "{}", alarms[0].fault.summary);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_written_whole_under_names_of_ours() {
    let shop = Shop::open(Behaviour::Receive, |folder| folder.group_access = true).await;
    let outgoing = Outgoing {
        subject: Some("Holiday".to_owned()),
        text: Some("Look\nhere".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "../../.profile beach.jpg".to_owned(),
            body: picture(9_000),
        }],
    };
    shop.rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
    for _ in 0..600 {
        if !shop.names("incoming").is_empty() {
            break;
        }
        shop.wait(1).await;
    }
    let names = shop.names("incoming");
    assert_eq!(names.len(), 1);
    let message = shop.path("incoming").join(&names[0]);
    let text = fs::read_to_string(message.join("message.txt")).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    assert_eq!(body, "Look\nhere");
    for line in
        ["Event: message.received", "Type: mms", &format!("From: {PHONE}"), "Subject: Holiday"]
    {
        assert!(head.lines().any(|it| it == line), "{line} in {head}");
    }
    let event: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(message.join("event.json")).unwrap()).unwrap();
    assert_eq!(event["type"], "message.received");
    let picture_file = fs::read_dir(&message)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "jpg"))
        .expect("the picture");
    assert_eq!(fs::read(&picture_file).unwrap(), picture(9_000).to_vec());
    let name = picture_file.file_name().unwrap().to_str().unwrap();
    assert!(name.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_".contains(&it)), "{name}");
    assert!(head.contains(&format!("Part: {name} image/jpeg")), "{head}");
    assert_eq!(fs::metadata(&message).unwrap().mode() & 0o777, 0o770);
    assert_eq!(fs::metadata(&picture_file).unwrap().mode() & 0o777, 0o660);
    // Told once more, as after a crash: nothing is doubled.
    let told = shop.rig.gateway.store().deliveries("folder:till", None, None, 1).await.unwrap();
    shop.rig.gateway.store().redeliver(told[0].id, shop.rig.clock.now()).await.unwrap();
    shop.wait(30).await;
    assert_eq!(shop.names("incoming"), names);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn report_is_a_file_of_its_own_and_an_sms_a_message() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    let head = format!("To: {PHONE}\nSubject: Cake\nReport: yes\nReference: 7\n\nLook\n");
    shop.lay("a.txt", head);
    for _ in 0..3_600 {
        if !shop.names("report").is_empty() {
            break;
        }
        shop.wait(1).await;
    }
    let report = fs::read_to_string(shop.path("report").join(&shop.names("report")[0])).unwrap();
    for line in [
        "Event: message.delivered",
        "Reference: 7",
        "Status: delivered",
        &format!("Recipient: {PHONE}"),
    ] {
        assert!(report.lines().any(|it| it == line), "{line} in {report}");
    }
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn reader_that_takes_nothing_away_is_waited_for_and_nothing_is_lost() {
    let shop = Shop::open(Behaviour::Receive, |_| {}).await;
    for number in 0..10_000 {
        fs::write(shop.path("incoming").join(number.to_string()), "").unwrap();
    }
    let outgoing = Outgoing { subject: None, text: Some("Look".to_owned()), parts: Vec::new() };
    shop.rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
    shop.rig.inbound_until(&["acknowledged"]).await;
    shop.wait(30).await;
    let store = shop.rig.gateway.store();
    let waiting = store.deliveries("folder:till", None, None, 1).await.unwrap().remove(0);
    let (_, attempts) = store.delivery(waiting.id).await.unwrap().unwrap();
    assert!(attempts[0].error.as_deref().unwrap().contains("nobody takes them away"));
    (0..10)
        .for_each(|it: u32| fs::remove_file(shop.path("incoming").join(it.to_string())).unwrap());
    shop.wait(3_600).await;
    assert_eq!(shop.names("incoming").len(), 9_991);
    shop.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_past_its_time_leaves_sent_and_failed_and_nothing_else() {
    let shop = Shop::open(Behaviour::Receive, |it| it.keep = Some(Duration::from_millis(1))).await;
    for sub in ["sent", "failed", "incoming", "report"] {
        fs::create_dir(shop.path(sub).join("old")).unwrap();
        fs::write(shop.path(sub).join("old/message.txt"), "x").unwrap();
    }
    shop.wait(2 * 3_600).await;
    let left: Vec<usize> =
        ["sent", "failed", "incoming", "report"].map(|sub| shop.names(sub).len()).to_vec();
    assert_eq!(left, [0, 0, 1, 1]);
    shop.close().await;
}
