//! Information responses (3GPP TS 27.007, 27.005), read as tolerantly as modems write them.

use super::fields::{Field, FieldKind, fields};

/// What stands behind a result code such as `+CSQ:`; none when the line is another one.
#[must_use]
pub fn value_behind<'a>(line: &'a str, code: &str) -> Option<&'a str> {
    let line = line.trim();
    let start = line.get(..code.len())?;
    start.eq_ignore_ascii_case(code).then(|| line.get(code.len()..).unwrap_or_default().trim())
}

/// The parameters of every line with that code.
pub(super) fn lists<'a>(
    lines: &'a [String],
    code: &'a str,
) -> impl Iterator<Item = Vec<Field<'a>>> {
    lines.iter().filter_map(move |line| value_behind(line, code)).map(fields)
}

/// Text of `+CGMI`, `+CGMM`, `+CGMR`, `+CGSN`, `+CIMI`: with or without the code in front and
/// quotation marks around; empty when there is none.
#[must_use]
pub fn identity(lines: &[String], code: &str) -> String {
    let line = lines.iter().find(|line| !line.trim().is_empty());
    let line = line.map_or("", |line| value_behind(line, code).unwrap_or(line));
    line.trim().trim_matches('"').trim().to_owned()
}

/// What `+CPIN?` says: `READY`, `SIM PIN`, `SIM PUK` or another code.
#[must_use]
pub fn cpin(lines: &[String]) -> Option<String> {
    let bare = || lines.iter().map(|line| line.trim()).find(|line| *line == "READY");
    let value = lines.iter().find_map(|line| value_behind(line, "+CPIN:")).or_else(bare)?;
    Some(value.trim_matches('"').trim().to_ascii_uppercase())
}

/// The network that `+COPS?` names.
#[must_use]
pub fn operator(lines: &[String]) -> Option<String> {
    let name =
        lists(lines, "+COPS:").find_map(|list| list.get(2).map(|field| field.text.trim()))?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The signal that `+CSQ` tells, in dBm.
#[must_use]
pub fn signal_dbm(lines: &[String]) -> Option<i16> {
    let list = lists(lines, "+CSQ:").next()?;
    let level: i16 = list.first()?.number()?;
    (0..=31).contains(&level).then(|| -113 + 2 * level)
}

/// A line of `+CREG`, `+CGREG`, `+CEREG` or `+C5GREG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationLine {
    /// Whose registration it is.
    pub domain: RegistrationDomain,
    /// An answer to a question (`<n>,<stat>`) rather than news (`<stat>`).
    pub solicited: bool,
    /// `<stat>`: 0 not searching, 1 home, 2 searching, 3 denied, 4 unknown, 5 roaming; 6 and
    /// 7 "SMS only", 9 and 10 "CSFB not preferred", home and roaming in turn.
    pub stat: u8,
    /// `<AcT>`, when told: 0 GSM, 2 UTRAN, 3 EDGE, 4 to 6 HSPA, 7 E-UTRAN.
    pub access: Option<u8>,
}

/// Whose registration a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationDomain {
    /// `+CREG`: circuit-switched.
    Circuit,
    /// `+CGREG`: GPRS.
    Packet,
    /// `+CEREG`: EPS.
    Eps,
    /// `+C5GREG`: 5GS.
    FiveG,
}

/// Reads a registration line. The forms with and without `<n>` differ by one leading field only;
/// an unquoted second field of one or two digits is `<stat>`, anything else the area code.
#[must_use]
pub fn registration(line: &str) -> Option<RegistrationLine> {
    let (domain, list) = [
        ("+CREG:", RegistrationDomain::Circuit),
        ("+CGREG:", RegistrationDomain::Packet),
        ("+CEREG:", RegistrationDomain::Eps),
        ("+C5GREG:", RegistrationDomain::FiveG),
    ]
    .into_iter()
    .find_map(|(code, domain)| Some((domain, value_behind(line, code)?)))?;
    let list = fields(list);
    let is_stat = |field: &Field<'_>| {
        field.kind == FieldKind::Bare
            && field.text.len() <= 2
            && field.number::<u8>().is_some_and(|stat| stat <= 11)
    };
    let first = list.first().filter(|field| is_stat(field))?;
    let (solicited, stat, behind) = match list.get(1) {
        Some(second) if is_stat(second) => (true, second, 2),
        _ => (false, first, 1),
    };
    // Area, cell, access technology.
    let access = list.get(behind + 2).filter(|field| field.kind == FieldKind::Bare);
    Some(RegistrationLine {
        domain,
        solicited,
        stat: stat.number()?,
        access: access.and_then(Field::number),
    })
}

/// A defined PDP context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Context identifier.
    pub cid: u8,
    /// `IP`, `IPV6`, `IPV4V6` or `PPP`.
    pub pdp_type: String,
    /// Access point name, may be empty.
    pub apn: String,
}

/// `+CGDCONT?`
#[must_use]
pub fn contexts(lines: &[String]) -> Vec<Context> {
    lists(lines, "+CGDCONT:")
        .filter_map(|list| {
            Some(Context {
                cid: list.first()?.number()?,
                pdp_type: list.get(1).map_or("", |field| field.text).to_owned(),
                apn: list.get(2).map_or("", |field| field.text).to_owned(),
            })
        })
        .collect()
}

/// The context identifiers that `+CGDCONT=?` offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CgdcontRange(Vec<u8>);

impl CgdcontRange {
    /// In ascending order, without 0.
    #[must_use]
    pub fn cids(&self) -> &[u8] {
        &self.0
    }
}

/// `+CGDCONT=?` for `pdp_type`, or for any type when that one is not listed.
#[must_use]
pub fn cgdcont_range(lines: &[String], pdp_type: &str) -> CgdcontRange {
    let range = |wanted: Option<&str>| {
        lists(lines, "+CGDCONT:").find_map(|list| {
            let offered = list.get(1).map_or("", |field| field.text).trim_matches('"');
            let fits = wanted.is_none_or(|wanted| offered.eq_ignore_ascii_case(wanted));
            let field = list.first().filter(|_| fits)?;
            let ranges = field.ranges();
            let offered = |cid: &u8| ranges.iter().any(|range| range.contains(&u32::from(*cid)));
            Some((1..=u8::MAX).filter(offered).collect())
        })
    };
    CgdcontRange(range(Some(pdp_type)).or_else(|| range(None)).unwrap_or_default())
}

/// The context identifiers that `+CGACT?` tells to be active.
#[must_use]
pub fn active_contexts(lines: &[String]) -> Vec<u8> {
    lists(lines, "+CGACT:")
        .filter(|list| list.get(1).and_then(Field::number::<u8>) == Some(1))
        .filter_map(|list| list.first()?.number())
        .collect()
}

/// `+CGCONTRDP`: the contexts that are active with the access points that the network gave them.
#[must_use]
pub fn dynamic_contexts(lines: &[String]) -> Vec<Context> {
    lists(lines, "+CGCONTRDP:")
        .filter_map(|list| {
            Some(Context {
                cid: list.first()?.number()?,
                pdp_type: String::new(),
                apn: list.get(2).map_or("", |field| field.text).to_owned(),
            })
        })
        .collect()
}

/// One storage in `+CPMS?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpms {
    /// Its name; empty in the answer to a setting.
    pub storage: String,
    /// Messages in it.
    pub used: u16,
    /// Places in all.
    pub total: u16,
}

/// `+CPMS?` and the answer to `+CPMS=`: reading, writing and receiving storage, as far as told.
#[must_use]
pub fn cpms_state(lines: &[String]) -> Vec<Cpms> {
    let Some(list) = lists(lines, "+CPMS:").next() else { return Vec::new() };
    let named = list.first().is_some_and(|field| field.number::<u16>().is_none());
    list.chunks(if named { 3 } else { 2 })
        .filter_map(|chunk| {
            let (storage, numbers) = if named {
                let (name, numbers) = chunk.split_first()?;
                (name.text.to_owned(), numbers)
            } else {
                (String::new(), chunk)
            };
            let used = numbers.first()?.number()?;
            let total = numbers.get(1)?.number()?;
            Some(Cpms { storage, used, total })
        })
        .collect()
}

/// The storages that `+CPMS=?` offers for each of its one to three parameters.
#[must_use]
pub fn cpms_storages(lines: &[String]) -> Vec<Vec<String>> {
    let Some(mut list) = lists(lines, "+CPMS:").next() else { return Vec::new() };
    // Wavecom puts one more pair of parentheses around everything.
    if let [only] = &*list {
        let inner = only.values();
        if inner.iter().any(|field| field.kind == FieldKind::Group) {
            list = inner;
        }
    }
    list.iter()
        .map(|group| {
            let names = group.values().into_iter().map(|field| field.text.trim().to_owned());
            names.filter(|name| !name.is_empty()).collect()
        })
        .collect()
}

/// The values that `+CNMI=?` offers for each of its five parameters.
#[must_use]
pub fn cnmi_ranges(lines: &[String]) -> Vec<Field<'_>> {
    lists(lines, "+CNMI:").next().unwrap_or_default()
}

/// A message that the modem listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CmglEntry {
    /// Its place; 0 for `+CMGR`, which does not repeat it.
    pub index: u16,
    /// `<stat>`, 0 to 3.
    pub stat: u8,
    /// The modem answered in text mode: what stands for the PDU is text, or the user data alone.
    pub in_text: bool,
    /// `<length>`: octets of the TPDU, its SMSC prefix not counted.
    pub length: Option<usize>,
    /// The line behind the header: hexadecimal digits in PDU mode, text when the modem stays in
    /// text mode.
    pub pdu: String,
}

impl CmglEntry {
    /// Whether the line looks like a PDU.
    #[must_use]
    pub fn is_pdu(&self) -> bool {
        is_hex(&self.pdu)
    }

    /// Whether the PDU has the length that was announced. News that break into a line on its way
    /// destroy it, and reading once more mends that.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        if self.in_text {
            return false;
        }
        let prefix = self.pdu.get(..2).and_then(|it| usize::from_str_radix(it, 16).ok());
        let (Some(prefix), Some(length)) = (prefix, self.length) else { return self.is_pdu() };
        self.is_pdu() && self.pdu.len() == 2 * (1 + prefix + length)
    }
}

/// `+CMGL`
#[must_use]
pub fn cmgl_entries(lines: &[String]) -> Vec<CmglEntry> {
    let mut entries = Vec::new();
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(list) = value_behind(line, "+CMGL:") else { continue };
        let list = fields(list);
        let Some(index) = list.first().and_then(Field::number) else { continue };
        let pdu = lines.next_if(|next| value_behind(next, "+CMGL:").is_none());
        entries.push(CmglEntry {
            index,
            stat: list.get(1).map_or(0, stat),
            in_text: list.get(1).is_some_and(is_text_mode),
            length: list.get(2..).and_then(<[_]>::last).and_then(Field::number),
            pdu: pdu.map_or_else(String::new, |pdu| pdu.trim().to_owned()),
        });
    }
    entries
}

/// `+CMGR`; none when the place is empty, which some modems tell by a bare OK and others by a
/// header with length 0.
#[must_use]
pub fn cmgr_entry(lines: &[String]) -> Option<CmglEntry> {
    let mut lines = lines.iter().skip_while(|line| value_behind(line, "+CMGR:").is_none());
    let list = fields(value_behind(lines.next()?, "+CMGR:")?);
    let pdu = lines.next().map_or("", |line| line.trim());
    (!pdu.is_empty()).then(|| CmglEntry {
        index: 0,
        stat: list.first().map_or(0, stat),
        in_text: list.first().is_some_and(is_text_mode),
        length: list.get(1..).and_then(<[_]>::last).and_then(Field::number),
        pdu: pdu.to_owned(),
    })
}

/// Whether a line is hexadecimal digits and nothing else.
pub(crate) fn is_hex(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 2 && line.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Whether a `<stat>` is that of text mode, whose digits are the message's data and no PDU (TS
/// 27.005 clause 3.1).
fn is_text_mode(stat: &Field<'_>) -> bool {
    stat.text.starts_with("REC ") || stat.text.starts_with("STO ")
}

fn stat(field: &Field<'_>) -> u8 {
    match field.text {
        "REC READ" => 1,
        "STO UNSENT" => 2,
        "STO SENT" => 3,
        _ => field.number().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn identity_with_and_without_decoration() {
        assert_eq!(identity(&lines(&["262011234567890"]), "+CIMI:"), "262011234567890");
        assert_eq!(identity(&lines(&["+CGSN: \"356000000000000\""]), "+CGSN:"), "356000000000000");
        assert_eq!(identity(&[], "+CGMI:"), "");
    }

    #[test]
    fn pin_operator_and_signal() {
        assert_eq!(cpin(&lines(&["+CPIN: SIM PIN"])).as_deref(), Some("SIM PIN"));
        assert_eq!(cpin(&lines(&["+CPIN:READY"])).as_deref(), Some("READY"));
        let name = operator(&lines(&["+COPS: 0,0,\"Example, Ltd\",7"]));
        assert_eq!(name.as_deref(), Some("Example, Ltd"));
        assert_eq!(operator(&lines(&["+COPS: 0"])), None);
        assert_eq!(signal_dbm(&lines(&["+CSQ: 17,99"])), Some(-79));
        assert_eq!(signal_dbm(&lines(&["+CSQ: 99,99"])), None);
    }

    #[test]
    fn registration_asked_and_unasked() {
        let read = |line: &str| {
            let it = registration(line).unwrap();
            (it.solicited, it.stat, it.access)
        };
        assert_eq!(read("+CREG: 0,1"), (true, 1, None));
        assert_eq!(read("+CREG: 1"), (false, 1, None));
        assert_eq!(read("+CREG: 2,1,\"00C3\",\"0000AB12\",2"), (true, 1, Some(2)));
        assert_eq!(read("+CEREG: 5,\"00C3\",\"0000AB12\",7"), (false, 5, Some(7)));
        assert_eq!(read("+CREG: 1,00C3,0000AB12"), (false, 1, None));
        assert_eq!(read("+CREG: 2,5,,"), (true, 5, None));
        assert_eq!(read("+CREG: 2,,"), (false, 2, None));
        assert_eq!(read("+CGREG: 2,3,\"00C3\",\"00"), (true, 3, None));
        assert_eq!(read("+C5GREG: 2,1,\"00C3\",\"0000AB12\",11,2"), (true, 1, Some(11)));
        assert_eq!(registration("+CREG: (0-2)"), None);
        assert_eq!(registration("+CSQ: 1,2"), None);
    }

    #[test]
    fn contexts_and_their_range() {
        let answer = lines(&[
            "+CGDCONT: 1,\"IPV4V6\",\"internet\",\"0.0.0.0\",0,0",
            "+CGDCONT: 3,\"IP\",\"mms.example\"",
        ]);
        assert_eq!(contexts(&answer)[1].apn, "mms.example");
        let range = lines(&[
            "+CGDCONT: (1-3),\"IP\",,,(0-2),(0-4)",
            "+CGDCONT: (1-2),\"IPV6\",,,(0-2),(0-4)",
        ]);
        assert_eq!(cgdcont_range(&range, "IP").cids(), [1, 2, 3]);
        assert_eq!(cgdcont_range(&range, "IPV6").cids(), [1, 2]);
        assert_eq!(cgdcont_range(&range, "PPP").cids(), [1, 2, 3]);
        let quoted = lines(&["+CGDCONT: (1,3-4),(\"IP\"),,,(0),(0)"]);
        assert_eq!(cgdcont_range(&quoted, "IP").cids(), [1, 3, 4]);
        let dynamic = lines(&["+CGCONTRDP: 1,5,\"internet.mnc001.mcc262.gprs\",\"10.0.0.2\""]);
        assert_eq!(dynamic_contexts(&dynamic)[0].apn, "internet.mnc001.mcc262.gprs");
        assert_eq!(active_contexts(&lines(&["+CGACT: 1,1", "+CGACT: 3,0"])), [1]);
    }

    #[test]
    fn storages_of_one_two_or_three_parameters() {
        let read = |line: &str| cpms_storages(&lines(&[line]));
        assert_eq!(read("+CPMS: (\"SM\",\"ME\"),(\"SM\"),(\"SM\")").len(), 3);
        assert_eq!(
            read("+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))"),
            [vec!["SM", "BM", "SR"], vec!["SM"]]
        );
        assert_eq!(read("+CPMS: (\"SM\")"), [["SM"]]);
        assert_eq!(read("+CPMS: \"SM\",\"ME\""), [["SM"], ["ME"]]);
    }

    #[test]
    fn storage_counts_with_and_without_names() {
        let named = cpms_state(&lines(&["+CPMS: \"SM\",2,20,\"ME\",0,255"]));
        assert_eq!(named.len(), 2);
        assert_eq!((named[1].storage.as_str(), named[1].total), ("ME", 255));
        let bare = cpms_state(&lines(&["+CPMS: 2,20,2,20,2,20"]));
        assert_eq!((bare[0].used, bare.len()), (2, 3));
    }

    #[test]
    fn listed_messages_and_a_modem_that_stays_in_text_mode() {
        let listed = cmgl_entries(&lines(&[
            "+CMGL: 0,1,,24",
            "0004",
            "+CMGL: 7,0,\"x\",25",
            "0005",
            "+CMGL: 9,\"REC READ\",\"+44\"",
            "Hello there",
            "+CMGL: 10,2,,0",
        ]));
        let short: Vec<_> =
            listed.iter().map(|it| (it.index, it.stat, it.pdu.as_str(), it.is_pdu())).collect();
        assert_eq!(
            short,
            [
                (0, 1, "0004", true),
                (7, 0, "0005", true),
                (9, 1, "Hello there", false),
                (10, 2, "", false)
            ]
        );
    }

    #[test]
    fn message_shorter_than_announced_is_not_whole() {
        let whole =
            |header: &str, pdu: &str| cmgl_entries(&lines(&[header, pdu])).remove(0).is_whole();
        assert!(whole("+CMGL: 1,1,,3", "00040506"));
        assert!(whole("+CMGL: 1,1,\"name\",3", "029144040506"));
        assert!(!whole("+CMGL: 1,1,,3", "000405"));
        assert!(!whole("+CMGL: 1,1,,3", "0004+CIEV: 1,2"));
        assert!(cmgr_entry(&lines(&["+CMGR: 1,,2", "000405"])).unwrap().is_whole());
    }

    #[test]
    fn data_shown_in_text_mode_is_no_pdu() {
        let list = ["+CMGL: 1,\"REC UNREAD\",\"86888\",,\"26/11/21,15:00:00+00\"", "0605040B84"];
        let entry = cmgl_entries(&lines(&list)).remove(0);
        assert!(entry.in_text && !entry.is_whole());
        let read = ["+CMGR: \"REC READ\",\"86888\",,\"26/11/21,15:00:00+00\"", "0605040B84"];
        assert!(!cmgr_entry(&lines(&read)).unwrap().is_whole());
    }

    #[test]
    fn empty_place_has_no_entry() {
        assert_eq!(cmgr_entry(&[]), None);
        assert_eq!(cmgr_entry(&lines(&["+CMGR: 0,,0"])), None);
        let entry = cmgr_entry(&lines(&["+CMGR: 0,,2", "0004"])).unwrap();
        assert_eq!(entry.pdu, "0004");
    }

    #[test]
    fn cnmi_offers() {
        let answer = lines(&["+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)"]);
        let ranges = cnmi_ranges(&answer);
        assert!(ranges[0].offers(2) && !ranges[1].offers(2) && !ranges[4].offers(0));
    }
}
