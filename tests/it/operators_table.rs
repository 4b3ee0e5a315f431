//! The operator table inside the program, checked whole, and what it says of well-known SIMs.

use std::collections::BTreeSet;

use mm1gate::operators::countries::{countries, usual_mnc_length};
use mm1gate::operators::table::{Condition, Table};
use mm1gate::operators::{Sim, lookup};

/// Networks with MMS settings that two public lists know together.
const NETWORKS: usize = 941;

#[test]
fn every_line_of_the_table_can_be_used() {
    let (mut with_mms, mut setups) = (0, 0);
    let mut before = String::new();
    for network in Table::embedded().networks() {
        let network = network.expect("a network that can be read");
        assert!(before.as_str() < network.plmn, "{} is sorted and there once", network.plmn);
        network.plmn.clone_into(&mut before);
        with_mms += usize::from(!network.setups.is_empty());
        let mut seen = BTreeSet::new();
        for setup in &network.setups {
            setups += 1;
            let settings = network.settings(setup).unwrap_or_else(|error| {
                panic!("{}: {}: {error}", network.plmn, setup.apn);
            });
            // What is written is what is used: mended where the table is made.
            assert_eq!(settings.mmsc, setup.mmsc, "{}", network.plmn);
            let proxy = settings.proxy.map(|(host, port)| format!("{host}:{port}"));
            assert_eq!(proxy.as_deref(), setup.proxy, "{}", network.plmn);
            assert!(!setup.sources.is_empty() && !setup.name.is_empty(), "{}", network.plmn);
            let condition = setup.condition.map(|it| it.to_string());
            let key = (condition, setup.apn.to_ascii_lowercase(), setup.mmsc, setup.proxy);
            assert!(seen.insert((key, setup.user, setup.password)), "{} twice", network.plmn);
            match setup.condition {
                Some(Condition::Imsi(begin)) => assert!(begin.starts_with(&network.plmn[..3])),
                Some(Condition::Gid1(gid)) => assert!(hex::decode(gid).is_ok(), "{gid}"),
                _ => {}
            }
        }
    }
    assert!(with_mms >= NETWORKS, "{with_mms} networks");
    assert!(setups >= 1_700, "{setups} set-ups");
}

#[test]
fn country_of_every_network_is_one_of_its_mcc() {
    for network in Table::embedded().networks().map(Result::unwrap) {
        let mcc = &network.plmn[..3];
        assert!(countries(mcc).any(|code| code == network.country), "{}", network.plmn);
        let digits = network.plmn.len() - 3;
        let number: u16 = network.plmn[3..].parse().unwrap();
        assert_eq!(
            digits,
            if number >= 100 { 3 } else { usual_mnc_length(mcc) },
            "{}",
            network.plmn
        );
    }
}

/// The text lies in the program as it is: what it costs is its size, and one reading of it a lookup.
#[test]
fn table_stays_small() {
    assert!(Table::embedded().size() < 300_000, "{} octets", Table::embedded().size());
}

#[test]
fn well_known_sims_get_their_operators_settings() {
    let first = |sim: &Sim| {
        let found = lookup(sim);
        let first = found.candidates.first().map(|it| (it.setup.apn, it.setup.mmsc));
        (first.expect("a candidate"), found.ambiguous)
    };
    let giffgaff = Sim {
        mnc_length: Some(2),
        spn: Some("giffgaff".into()),
        gid1: Some(String::new()),
        iccid: None,
        ..Sim::of("234100000000001")
    };
    assert_eq!(
        first(&giffgaff),
        (("giffgaff.com", "http://mmsc.mediamessaging.co.uk:8002/"), false)
    );
    let telia = Sim { spn: Some("Telia".into()), ..Sim::of("240010000000001") };
    assert_eq!(first(&telia).0.0, "mms.telia.se");
    assert_eq!(lookup(&telia).network.unwrap().name, "Telia");
    let verizon = lookup(&Sim::of("311480000000001"));
    let traits = verizon.network.unwrap().traits;
    assert!(traits.ack_to_location && traits.append_transaction_id);
    assert!(traits.headers.iter().any(|(name, text)| {
        name.eq_ignore_ascii_case("x-vzw-mdn") && text.contains("{LINE1NOCC}")
    }));
}

/// Whatever a SIM tells, there is an answer. The seed stands in the message.
#[test]
fn lookup_is_total() {
    let mut state = 0x00c0_ffee_u64;
    for round in 0..2_000 {
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mcc = 200 + next() % 560;
        let imsi = format!("{mcc}{:012}", next() % 1_000_000_000_000);
        let spn = ["", "O2", "\u{202e}x", "é\u{0}", "日本"][(next() % 5) as usize];
        let sim = Sim {
            imsi: imsi.get(..(next() % 16) as usize).unwrap_or_default().to_owned(),
            mnc_length: [None, Some(2), Some(3), Some(15)][(next() % 4) as usize],
            spn: (next() % 2 == 0).then(|| spn.to_owned()),
            gid1: (next() % 2 == 0).then(|| "zz4".to_owned()),
            iccid: None,
        };
        let found = lookup(&sim);
        for candidate in &found.candidates {
            let plmn = candidate.network.plmn;
            assert!(sim.imsi.starts_with(plmn), "round {round}: {plmn}");
        }
    }
}
