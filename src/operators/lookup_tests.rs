//! Every trap of published settings, on a table made by hand.

use super::*;

const TABLE: &str = "# a comment\n\
=00101\tzz\tExample\n\
!\tsize=307200\trecipients=10\n\
?\tbalance=*100#\tname=Example\n\
?\tbalance=*111#\tname=Sparrow\n\
?\tbalance=*122#\tgid1=42\tname=Wren\n\
+\tsparrow.example\thttp://mmsc.example/s\t-\tspn=Sparrow\tname=Sparrow MMS\tby=l\n\
+\twren.example\thttp://mmsc.example/w\t-\tgid1=42FF\tname=Wren\tby=l\n\
+\tfinch.example\thttp://mmsc.example/f\t-\timsi=001017x9\tname=Finch\tby=l\n\
+\tcard.example\thttp://mmsc.example/c\t-\ticcid=8900555\tname=Card\tby=l\n\
+\twap.example\thttp://mmsc.example/\t10.0.0.9:9201\tname=Example WAP\tby=m\n\
+\tmms.example\thttp://mmsc.example/\t10.0.0.1:8080\tname=Example MMS\tby=lm\n\
+\tmms.example\thttp://mmsc.example/\t10.0.0.1:8080\tauth=pap\tname=Example again\tby=m\n\
+\tinternet.example\thttp://mmsc.example/\t10.0.0.1:8080\tshared\tname=Robin MMS\tby=m\n\
=00102\tzz\tTwo digits\n\
+\ttwo.example\thttp://mmsc.example/2\t-\tby=l\n\
=001023\tzz\tThree digits\n\
+\tthree.example\thttp://mmsc.example/3\t-\tby=l\n\
=00103\tzz\tNothing\n";

fn sim(imsi: &str) -> Sim {
    let none = || Some(String::new());
    Sim { imsi: imsi.into(), mnc_length: Some(2), spn: none(), gid1: none(), iccid: none() }
}

fn found(sim: &Sim) -> Found<'static> {
    lookup_in(Table::new(TABLE), sim)
}

fn apns(sim: &Sim) -> Vec<&'static str> {
    found(sim).candidates.iter().map(|it| it.setup.apn).collect()
}

#[test]
fn plain_sim_gets_the_networks_own_set_ups_and_no_virtual_operators() {
    let found = found(&sim("001010000000001"));
    let apns: Vec<&str> = found.candidates.iter().map(|it| it.setup.apn).collect();
    // The one through a WAP gateway alone is last, what would dial alike is there once.
    assert_eq!(apns, ["mms.example", "internet.example", "wap.example"]);
    assert!(found.ambiguous, "three would do as well");
    assert_eq!(found.candidates[0].why.to_string(), "for SIMs of this network");
}

#[test]
fn virtual_operators_are_told_by_name_group_imsi_and_card() {
    let plain = sim("001010000000001");
    let spn = Sim { spn: Some(" SPARROW".into()), ..plain.clone() };
    let gid = Sim { gid1: Some("42ff01".into()), ..plain.clone() };
    let filled = Sim { gid1: Some("42".into()), ..plain.clone() };
    let card = Sim { iccid: Some("8900555000000000001".into()), ..plain.clone() };
    let imsi = sim("001017390000001");
    for (sim, first, why) in [
        (&spn, "sparrow.example", "the SIM's provider name \"Sparrow\""),
        (&gid, "wren.example", "the SIM's group identifier 42FF"),
        (&filled, "wren.example", "the SIM's group identifier 42FF"),
        (&card, "card.example", "the SIM's ICCID that begins with 8900555"),
        (&imsi, "finch.example", "the SIM's IMSI that begins with 001017x9"),
    ] {
        let found = found(sim);
        assert_eq!(found.candidates[0].setup.apn, first);
        assert_eq!(found.candidates[0].why.to_string(), why);
        assert!(!found.ambiguous, "{first} is told, not guessed");
        assert_eq!(found.candidates[1].setup.apn, "mms.example", "and what to try next is there");
    }
    assert_ne!(apns(&sim("001017380000001"))[0], "finch.example", "8 is not 9");
}

#[test]
fn what_a_sim_does_not_tell_is_offered_last_and_makes_it_ambiguous() {
    let silent = Sim::of("001010000000001");
    let found = found(&silent);
    let last = found.candidates.last().unwrap();
    assert_eq!((last.setup.apn, found.ambiguous), ("card.example", true));
    assert!(last.why.to_string().contains("which this one does not tell"), "{}", last.why);
    assert_eq!(found.candidates[0].setup.apn, "mms.example");
}

#[test]
fn set_up_that_is_called_like_the_provider_goes_before_the_others() {
    let robin = Sim { spn: Some("robin mobile".into()), ..sim("001010000000001") };
    assert_eq!(apns(&robin)[0], "internet.example");
    // Words that every name has say nothing.
    let nobody = Sim { spn: Some("MMS mobile".into()), ..sim("001010000000001") };
    assert_eq!(apns(&nobody)[0], "mms.example");
}

#[test]
fn length_of_the_network_code_decides_or_both_are_offered() {
    let imsi = "001023000000001";
    let two = Sim { mnc_length: Some(2), ..Sim::of(imsi) };
    let three = Sim { mnc_length: Some(3), ..Sim::of(imsi) };
    assert_eq!(apns(&two), ["two.example"]);
    assert_eq!(apns(&three), ["three.example"]);
    let open = Sim::of(imsi);
    assert_eq!(apns(&open), ["two.example", "three.example"]);
    // A length that leads nowhere is a SIM's mistake.
    let wrong = Sim { mnc_length: Some(3), ..Sim::of("001010000000001") };
    assert_eq!(found(&wrong).network.unwrap().plmn, "00101");
}

#[test]
fn nothing_is_found_for_what_is_no_imsi_or_not_in_the_table() {
    for imsi in ["", "26", "abcdefghij", "00101000000000123456", "９９９９９９", "90128"] {
        let found = found(&Sim::of(imsi));
        assert!(found.network.is_none() && found.candidates.is_empty(), "{imsi}");
        assert!(!found.ambiguous);
    }
    let empty = found(&sim("001030000000001"));
    assert!(empty.network.is_some() && empty.candidates.is_empty());
    assert_eq!(found(&Sim::of("262990000000001")).country, Some("de"));
}

#[test]
fn network_alone_is_enough_to_ask() {
    assert_eq!(apns(&Sim::of("001023")), ["three.example"]);
    assert_eq!(apns(&Sim::of("00102")), ["two.example"]);
}

#[test]
fn code_for_the_balance_is_the_providers_own() {
    let plain = sim("001010000000001");
    let told = |sim: &Sim| found(sim).code(CodeKind::Balance, sim).map(|it| it.text.to_owned());
    assert_eq!(told(&plain).as_deref(), Some("*100#"));
    let spn = Sim { spn: Some("Sparrow".into()), ..plain.clone() };
    assert_eq!(told(&spn).as_deref(), Some("*111#"));
    let gid = Sim { gid1: Some("42".into()), ..plain.clone() };
    assert_eq!(told(&gid).as_deref(), Some("*122#"));
    assert_eq!(found(&plain).code(CodeKind::Number, &plain), None);
}

#[test]
fn debug_hides_who_the_sim_is() {
    let text = format!(
        "{:?}",
        Sim { iccid: Some("8949000000000000001".into()), ..sim("262011234567890") }
    );
    assert!(!text.contains("1234567") && !text.contains("0000000000"), "{text}");
}

#[test]
fn settings_take_what_the_network_wants() {
    const WANTS: &str = "=310990\tus\tExample\n\
!\tack-to-location\tappend-transaction-id\theader:X-MDN={LINE1}\t\
header:Proxy-Authorization=Basic {NAI}\timage=640x480\trecipients=unlimited\tsize=1048576\t\
uaprof-header=Profile\n\
+\tmms\thttp://mmsc.example/\t010.001.002.003:080\tuser=u\tpassword=p\tauth=chap\tpdp=IPV4V6\tby=l\n";
    let found = lookup_in(Table::new(WANTS), &Sim::of("310990000000001"));
    let first = &found.candidates[0];
    let settings = first.network.settings(&first.setup).unwrap();
    assert_eq!(settings.proxy, Some(("10.1.2.3".into(), 80)), "decimal, never octal");
    assert_eq!((settings.max_message_size, settings.max_recipients), (1_048_576, 200));
    assert!(settings.ack_to_location && settings.append_transaction_id);
    assert_eq!(
        (settings.uaprof_header.as_str(), settings.auth),
        ("Profile", crate::operators::Auth::Chap)
    );
    assert_eq!(settings.extra_headers.len(), 2);
    let names = |settings: crate::operators::Settings| -> Vec<String> {
        settings.extra_headers.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(settings.clone().without_unknown(true)), ["X-MDN"]);
    assert_eq!(names(settings.without_unknown(false)), [""; 0]);
}
