//! Which way a message goes among several modems, by routes of the configuration. Over every layer and
//! a virtual operator, in virtual time.

use std::time::Duration;

use mm1gate::gateway::{AcceptError, SendRoute, Strategy};
use mm1gate::model::{Address, NewMessage, Origin};
use mm1gate::sim::Behaviour;
use serde_json::json;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

const SECOND: &str = "+447700900002";

fn number(text: &str) -> Address {
    Address::parse_recipient(text).unwrap()
}

pub(crate) fn route(name: &str, to: &[&str], modems: &[&str]) -> SendRoute {
    SendRoute {
        name: name.to_owned(),
        to: to.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        from: Vec::new(),
        accounts: Vec::new(),
        modems: modems.iter().map(|&name| name.to_owned()).collect(),
        strategy: Strategy::LeastLoaded,
        failover: None,
        default: false,
    }
}

fn default(name: &str, modems: &[&str]) -> SendRoute {
    SendRoute { default: true, ..route(name, &[], modems) }
}

/// Two modems, their numbers known, and these routes; sending rests until somebody has it go on.
async fn rig(routes: Vec<SendRoute>) -> Rig {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.reconfigure(move |config| {
        config.sending.routes = routes;
        for (modem, own) in config.modems.iter_mut().zip([OWN, SECOND]) {
            modem.own_number = Some(number(own));
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig
}

/// By which modem each recipient is written to.
async fn modems(rig: &Rig, new: NewMessage) -> Vec<String> {
    let id = rig.gateway.accept(new).await.unwrap();
    rig.view(&id).await.summary.recipients.into_iter().map(|it| it.modem).collect()
}

#[tokio::test(start_paused = true)]
async fn message_goes_by_the_route_that_fits_best_and_its_timeline_says_why() {
    let rig = rig(vec![
        default("rest", &["desk"]),
        route("mobile", &["+4477009001*"], &["second"]),
        route("mail", &["*@example.com"], &["second"]),
    ])
    .await;
    for new in [text(PHONE, "Hi"), message(2_000)] {
        let id = rig.gateway.accept(new).await.unwrap();
        let view = rig.until(&id, &["sent", "delivered"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("second"));
        let first = &view.timeline[0];
        let why = "by route mobile (+4477009001*) to modem second, the only one";
        assert!(first.state == "accepted" && first.text.ends_with(why), "{}", first.text);
    }
    assert_eq!(rig.operator.texts_of(PHONE)[0].from, SECOND);
    // In one request each recipient has a way of its own, and the national form is the same number.
    rig.gateway.pause(None, None, None).await.unwrap();
    let to = [PHONE, "07700 900124", "+15551234567", "86888", "jo@example.com"];
    let mut many = message(2_000);
    many.to = to.iter().map(|to| number(to)).collect();
    let id = rig.gateway.accept(many.clone()).await.unwrap();
    let view = rig.view(&id).await;
    let by: Vec<&str> = view.summary.recipients.iter().map(|it| it.modem.as_str()).collect();
    assert_eq!(by, ["second", "second", "desk", "desk", "second"]);
    let told = view.timeline.iter().find(|it| it.recipient == Some(number("86888"))).unwrap();
    assert_eq!(told.text, "by route rest (the default) to modem desk, the only one");
    assert_eq!(told.modem.as_deref(), Some("desk"));
    // As a group all get one message, which goes one way.
    many.group = true;
    let id = rig.gateway.accept(many).await.unwrap();
    let view = rig.view(&id).await;
    assert!(view.summary.recipients.iter().all(|it| it.modem == "second"), "{view:#?}");
    assert!(view.timeline[0].text.contains("as the first recipient: all get one message"));
}

#[tokio::test(start_paused = true)]
async fn what_no_route_is_for_is_refused_and_nothing_is_kept() {
    let rig = rig(vec![route("germany", &["+49*"], &["desk"])]).await;
    let refused = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("no route leads to {PHONE}; there are: germany"));
    for (more, status, code) in [
        (json!({}), 422, "no-route"),
        (json!({ "route": "france" }), 422, "unknown-route"),
        (json!({ "route": "germany", "modem": "desk" }), 422, "modem-and-route"),
        (json!({ "route": "x".repeat(33) }), 422, "unknown-route"),
        (json!({ "route": 7 }), 422, "invalid-type"),
        (json!({ "modem": "desk", "from": SECOND }), 422, "unknown-sender"),
        (json!({ "modem": "desk", "from": "nobody" }), 422, "unknown-sender"),
    ] {
        let mut new = json!({ "to": PHONE, "text": "Hi", "kind": "sms" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (told, problem) = rig.ask("POST", "/messages", Some(&new)).await;
        assert_eq!((told, &problem["code"]), (status, &json!(code)), "{new}");
        assert!(problem["detail"].is_string(), "{problem}");
    }
    assert_eq!(rig.count("SELECT count(*) FROM message"), 0);
    // By its name it is taken for whom it is not.
    let by_name = NewMessage { route: Some("germany".to_owned()), ..text(PHONE, "Hi") };
    let id = rig.gateway.accept(by_name).await.unwrap();
    let view = rig.until(&id, &["delivered"]).await;
    assert!(view.timeline[0].text.contains("by route germany (as asked for)"));
}

#[tokio::test(start_paused = true)]
async fn work_is_shared_among_those_that_can_send() {
    let rig = rig(vec![default("all", &["desk", "second"])]).await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let mut many = text(PHONE, "Sale");
    many.to = (100..110).map(|n| number(&format!("+447700900{n}"))).collect();
    let by = modems(&rig, many.clone()).await;
    assert_eq!(by.iter().filter(|by| *by == "desk").count(), 5, "{by:?}");
    // One that rests gets nothing while the other one works.
    rig.gateway.resume(None).await.unwrap();
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let by = modems(&rig, many).await;
    assert!(by.iter().all(|by| by == "second"), "{by:?}");
}

#[tokio::test(start_paused = true)]
async fn recipient_always_sees_the_number_that_wrote_first() {
    let sticky =
        SendRoute { strategy: Strategy::StickySender, ..default("customers", &["desk", "second"]) };
    let mut rig = rig(vec![sticky]).await;
    // By hand from the second one; and another customer has written to it.
    let first = NewMessage { modem: Some("second".to_owned()), ..text(PHONE, "Hi") };
    let id = rig.gateway.accept(first).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    rig.write_sms("+447700900150", SECOND, "Hello");
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let mut load = text(PHONE, "Sale");
    load.to = (0..6).map(|n| number(&format!("+44770090020{n}"))).collect();
    let spread = modems(&rig, load.clone()).await;
    assert_eq!(spread.iter().filter(|by| *by == "desk").count(), 3, "{spread:?}");
    for known in [PHONE, "07700 900123", "+447700900150"] {
        assert_eq!(modems(&rig, text(known, "Again")).await, ["second"], "{known}");
    }
    assert_eq!(modems(&rig, load).await, spread, "whoever got one way stays there");
    let (_, answer) = rig.ask("POST", "/routes/test", Some(&json!({ "to": PHONE }))).await;
    let why = "by route customers (the default) to modem second, which the recipient knows";
    assert_eq!(answer["why"], why);
}

#[tokio::test(start_paused = true)]
async fn sender_and_account_choose_the_route() {
    let shop = SendRoute { accounts: vec!["shop".to_owned()], ..route("shop", &[], &["second"]) };
    let mut hotline = route("hotline", &[], &["second"]);
    hotline.from = vec![number("+448001234567")];
    let rig = rig(vec![default("rest", &["desk", "second"]), shop, hotline]).await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let from = |from: &str| NewMessage { from: Some(number(from)), ..text(PHONE, "Hi") };
    let shop = Origin { account: Some("shop".to_owned()), ..Origin::default() };
    let of_shop = |new: NewMessage| NewMessage { origin: shop.clone(), ..new };
    for (new, expected) in [
        (text(PHONE, "Hi"), "desk"),
        (from(SECOND), "second"),
        (from(OWN), "desk"),
        (from("+448001234567"), "second"),
        (of_shop(text(PHONE, "Hi")), "second"),
        (of_shop(from("+448001234567")), "second"),
    ] {
        assert_eq!(modems(&rig, new.clone()).await, [expected], "{new:?}");
    }
    let nobody = rig.gateway.accept(from("+447700900003")).await.unwrap_err();
    assert!(matches!(nobody, AcceptError::UnknownSender { .. }), "{nobody}");
    // Rights count on every route.
    let other = Origin {
        account: Some("bar".to_owned()),
        modems: vec!["desk".to_owned()],
        ..Origin::default()
    };
    let mut new = NewMessage { origin: other, route: Some("shop".to_owned()), ..text(PHONE, "Hi") };
    let refused = rig.gateway.accept(new.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "route 'shop' is not for account 'bar'");
    new.route = Some("hotline".to_owned());
    let refused = rig.gateway.accept(new.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "account 'bar' may only send by: desk");
    new.route = None;
    assert_eq!(modems(&rig, new).await, ["desk"]);
}

#[tokio::test(start_paused = true)]
async fn national_number_needs_one_country() {
    let mut rig =
        rig(vec![default("all", &["desk", "second"]), route("uk", &["+44*"], &["desk"])]).await;
    rig.reconfigure(|config| config.modems[1].own_number = Some(number("+4915112345678"))).await;
    let refused = rig.gateway.accept(text("07700 900123", "Hi")).await.unwrap_err();
    assert!(refused.to_string().contains("(+44, +49)"), "{refused}");
    let new = json!({ "to": "07700 900123", "text": "Hi", "kind": "sms" });
    let (status, problem) = rig.ask("POST", "/messages", Some(&new)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("number-ambiguous")));
    assert_eq!(modems(&rig, text(PHONE, "Hi")).await, ["desk"]);
    let named = NewMessage { modem: Some("desk".to_owned()), ..text("07700 900123", "Hi") };
    assert_eq!(modems(&rig, named).await, ["desk"], "one modem, one country");
}

#[tokio::test(start_paused = true)]
async fn routes_are_listed_and_a_way_can_be_asked_for() {
    let mut germany = route("germany", &["+49*"], &["second", "desk"]);
    germany.failover = Some(Duration::from_secs(600));
    let rig = rig(vec![germany, default("rest", &["desk"])]).await;
    rig.gateway.pause(Some("second"), None, Some("new antenna".to_owned())).await.unwrap();
    let waits = NewMessage { modem: Some("second".to_owned()), ..text(PHONE, "Hi") };
    rig.gateway.accept(waits).await.unwrap();
    let (status, list) = rig.ask("GET", "/routes", None).await;
    assert_eq!(status, 200);
    let first = &list["routes"][0];
    assert_eq!((&first["name"], &first["to"][0]), (&json!("germany"), &json!("+49*")));
    assert_eq!(first["failover_after_seconds"], 600);
    let second = &first["modems"][0];
    assert_eq!((&second["waiting"], &second["ready"]), (&json!(1), &json!(true)));
    assert_eq!(second["fault"]["code"], "sending-paused");
    assert_eq!(first["modems"][1].get("fault"), None);
    assert_eq!(list["routes"][1]["default"], true);

    let ask = |body: serde_json::Value| {
        let rig = &rig;
        async move { rig.ask("POST", "/routes/test", Some(&body)).await }
    };
    let (_, way) = ask(json!({ "to": "+49 151 12345678", "kind": "sms" })).await;
    assert_eq!((&way["route"], &way["modem"]), (&json!("germany"), &json!("desk")));
    let why = "by route germany (+49*) to modem desk, the only one that can send now";
    assert_eq!((&way["why"], &way["to"]), (&json!(why), &json!("+4915112345678")));
    assert_eq!(way["failover_after_seconds"], 600);
    for (body, code) in [
        (json!({}), "no-recipient"),
        (json!({ "to": "x" }), "invalid-recipient"),
        (json!({ "to": 7 }), "invalid-type"),
        (json!({ "to": PHONE, "too": "x" }), "unknown-field"),
        (json!({ "to": PHONE, "kind": "fax" }), "invalid-kind"),
        (json!({ "to": PHONE, "account": "nobody" }), "unknown-account"),
        (json!({ "to": PHONE, "modem": "third" }), "unknown-modem"),
        (json!({ "to": PHONE, "route": "third" }), "unknown-route"),
    ] {
        let (status, problem) = ask(body.clone()).await;
        assert_eq!((status, &problem["code"]), (422, &json!(code)), "{body}");
    }
    assert_eq!(rig.count("SELECT count(*) FROM message"), 1, "nothing was sent for a question");
}

#[tokio::test(start_paused = true)]
async fn new_messages_follow_the_routes_that_were_read_anew_and_are_counted_by_them() {
    let rig = rig(vec![default("rest", &["desk"])]).await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let before = rig.gateway.accept(message(2_000)).await.unwrap();
    let mut config = rig.gateway.config().clone();
    config.sending.routes =
        vec![default("rest", &["desk"]), route("mobile", &["+4477*"], &["second"])];
    let restart = rig.gateway.reload(config.clone()).await.unwrap();
    assert_eq!(restart, [] as [&str; 0], "routes need no restart");
    let after = rig.gateway.accept(message(2_000)).await.unwrap();
    let told = rig.view(&after).await.timeline[0].text.clone();
    assert!(told.contains("by route mobile (+4477*) to modem second"), "{told}");
    // What has its way already keeps it, and its route's name.
    assert_eq!(rig.view(&before).await.summary.recipients[0].modem, "desk");
    config.sending.routes = vec![route("germany", &["+49*"], &["desk"])];
    rig.gateway.reload(config).await.unwrap();
    let error = rig.gateway.accept(message(2_000)).await.unwrap_err();
    assert!(matches!(error, AcceptError::NoRoute { .. }), "{error:?}");
    rig.gateway.resume(None).await.unwrap();
    for (id, modem) in [(&before, "desk"), (&after, "second")] {
        let view = rig.until(id, &["sent"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some(modem));
    }
    let routes: Vec<(Option<String>, u64)> =
        rig.gateway.outcomes().into_iter().map(|(outcome, count)| (outcome.route, count)).collect();
    let named = |name: &str| (Some(name.to_owned()), 1);
    assert_eq!(routes, [named("mobile"), named("rest")]);
    rig.gateway.stop().await;
}
