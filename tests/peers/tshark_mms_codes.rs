//! Our code points beside those of Wireshark: for each number one PDU is made, and the name that
//! tshark shows is compared with ours (WAP-230 tables 38 to 40 and 42; OMA-TS-MMS_ENC-V1_3 clauses
//! 7.3 and 7.4). What differs is listed with its reason; an entry of a list that does not differ is
//! a fault as well.

use mm1gate::codec::wsp::{charset, put_integer, put_uintvar};

use crate::names::{self, general_form};
use crate::pdml::Item;
use crate::tshark;

/// Numbers, and why their names differ.
type Difference = (std::ops::RangeInclusive<u64>, &'static str);

/// Letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Compares our name and tshark's of each number; fails for every one that differs without being
/// listed, and every one that is listed without differing.
fn assert_same(names: &[(u64, String, String)], differences: &[Difference]) {
    assert!(names.len() > 20, "only {} names compared", names.len());
    let listed = |number| differences.iter().any(|(numbers, _)| numbers.contains(&number));
    let faults: Vec<String> = names
        .iter()
        .filter(|(number, ours, theirs)| (plain(ours) == plain(theirs)) == listed(*number))
        .map(|(number, ours, theirs)| format!("{number:#x}: ours {ours}, tshark {theirs}"))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    for (numbers, reason) in differences {
        let all = numbers.clone().all(|number| names.iter().any(|(known, ..)| *known == number));
        assert!(all, "{numbers:x?} ({reason}) were not all compared");
    }
}

/// An M-Retrieve.conf with this Content-type-value and body.
fn pdu(content_type: &[u8], body: &[u8]) -> Vec<u8> {
    [&[0x8C, 0x84, 0x8D, 0x92, 0x84], content_type, body].concat()
}

/// What stands behind this beginning in the line of the last item of this name.
fn shown(tree: &Item, name: &str, beginning: &str) -> String {
    let found = tree.all(name);
    let line = found.last().unwrap_or_else(|| panic!("no {name}:\n{}", tree.text())).line();
    line.split_once(beginning).unwrap_or_else(|| panic!("{line}")).1.to_owned()
}

/// One PDU for each number, and what `names` gives of its dissection: our name and tshark's. Not
/// every number suits the value that stands behind it; what tshark remarks on that does not matter.
fn compare<N: Copy + Into<u64>>(
    numbers: &[N],
    pdu: impl Fn(N) -> Vec<u8>,
    names: impl Fn(N, &Item) -> (String, String),
) -> Vec<(u64, String, String)> {
    let pdus: Vec<Vec<u8>> = numbers.iter().map(|number| pdu(*number)).collect();
    let packets = tshark::mms_packets(&pdus);
    let named = |(number, packet): (&N, &Item)| {
        let (ours, theirs) = names(*number, tshark::mms_tree(packet));
        ((*number).into(), ours, theirs)
    };
    numbers.iter().zip(&packets).map(named).collect()
}

#[test]
#[ignore = "needs tshark"]
fn content_types_have_the_names_of_tshark() {
    let numbers: Vec<u64> = (0..=0x7F).chain(0x0201..=0x020C).chain(0x0300..=0x0340).collect();
    let mut names = compare(
        &numbers,
        |number| pdu(&general_form(number, &[]), b"\0"),
        |number, tree| {
            let theirs = shown(tree, "wsp.header.content_type", "Content-Type: ");
            (names::media_type(number), theirs)
        },
    );
    names.retain(|(_, ours, theirs)| !(ours.contains("x-wsp-type") && theirs.contains("Unknown")));
    assert_same(
        &names,
        &[
            (0x0A..=0x0A, "tshark has the name of WSP 1.1, text/vnd.wap.channel"),
            (0x16..=0x16, "tshark has the name of WSP 1.1, application/vnd.wap.channelc"),
            (0x4E..=0x58, "registered later than tshark's table"),
            (0x0201..=0x0201, "tshark says cachop, the registry cacheop"),
            (0x0302..=0x031B, "registered later than tshark's table"),
        ],
    );
}

#[test]
#[ignore = "needs tshark"]
fn charsets_have_the_names_of_tshark() {
    let numbers: Vec<u64> =
        (0..=3000).filter(|number| !charset::name_of(*number).starts_with("mib-")).collect();
    let names = compare(
        &numbers,
        |number| {
            let mut parameter = vec![0x81];
            put_integer(&mut parameter, number);
            pdu(&general_form(3, &parameter), b"\0")
        },
        |number, tree| {
            (charset::name_of(number), shown(tree, "wsp.parameter.charset", "Charset: "))
        },
    );
    assert_same(&names, &[]);
}

#[test]
#[ignore = "needs tshark"]
fn parameters_have_the_names_of_tshark() {
    let numbers: Vec<u8> = (0..=0x1D).filter(|number| *number != 0x04).collect();
    let names = compare(
        &numbers,
        |number| pdu(&general_form(3, &[0x80 | number, 0x83]), b"\0"),
        |number, tree| {
            let theirs = shown(tree, "wsp.parameter.type", "Parameter Type: ");
            let end = theirs.find([':', '(']).expect("a number behind the name");
            (names::parameter(number), theirs[..end].to_owned())
        },
    );
    assert_same(
        &names,
        &[
            (0x01..=0x01, "Charset is called by the form of its value"),
            (0x03..=0x03, "Type is called by the form of its value"),
            (0x09..=0x09, "Type is called by the form of its value"),
        ],
    );
}

#[test]
#[ignore = "needs tshark"]
fn headers_have_the_names_of_tshark() {
    let numbers: Vec<u8> = (0..=0x4A).collect();
    let names = compare(
        &numbers,
        |number| {
            // One entry of text with this header.
            let entry = [0x83, 0x80 | number, b'x', 0];
            let mut body = vec![1];
            put_uintvar(&mut body, entry.len() as u64);
            body.push(1);
            body.extend(entry);
            body.push(b'x');
            pdu(&[0xA3], &body)
        },
        |number, tree| {
            let theirs = shown(tree, "wsp.header.name_value", "Header name: ");
            let end = theirs.find(" (").expect("a number behind the name");
            (names::header(number), theirs[..end].to_owned())
        },
    );
    assert_same(&names, &[]);
}
