//! A TPDU as an annotated tree (3GPP TS 23.040 clause 9.2.2): each field with its octets.

use std::ops::Range;

use super::names::{
    command_type_name, element_name, failure_cause_name, protocol_identifier_name, status_name,
};
use super::reader::Reader;
use super::{
    Dcs, InformationElement, Language, MAX_TPDU, Scts, SmsAddress, UserData, ValidityPeriod, to_hex,
};
use crate::codec::{DecodeError, Node, Warning};

/// Which way a TPDU travels: the same message type means different TPDUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the service centre: SMS-DELIVER, SMS-SUBMIT-REPORT, SMS-STATUS-REPORT.
    ToMobile,
    /// From the mobile: SMS-DELIVER-REPORT, SMS-SUBMIT, SMS-COMMAND.
    FromMobile,
}

/// The tree of a TPDU without SMSC prefix. Total: what cannot be read is a node that says so.
#[must_use]
pub fn outline(octets: &[u8], direction: Direction) -> Node {
    let whole = 0..octets.len();
    let seen = octets.get(..MAX_TPDU).unwrap_or(octets);
    let mut walk = Walk { reader: Reader::new(seen), nodes: Vec::new() };
    let name = match walk.tpdu(direction) {
        Ok(name) => {
            walk.left_over("padding");
            name
        }
        Err(error) => {
            let range = error.offset.min(seen.len())..seen.len();
            let text = format!("cannot be read: {}", error.kind);
            walk.nodes.push(Node::new(error.field, range, text));
            octets.first().map_or("TPDU", |first| kind_of(*first, direction))
        }
    };
    let mut children = walk.nodes;
    if seen.len() < octets.len() {
        let text = format!("more than the {MAX_TPDU} octets that are looked at");
        children.push(Node::new("TPDU", seen.len()..octets.len(), text));
    }
    Node::new(name, whole, "").with(children)
}

/// The tree of a TPDU with the service centre's address in front, as AT commands carry it
/// (3GPP TS 27.005 clause 3.1, `<pdu>`).
#[must_use]
pub fn outline_with_smsc(octets: &[u8], direction: Direction) -> Node {
    let whole = 0..octets.len();
    let prefix = match super::split_smsc(octets) {
        Ok((smsc, tpdu)) => {
            let text = smsc.map_or_else(|| "the one of the SIM".to_owned(), |it| address(&it));
            (Node::new("SMSC", 0..octets.len() - tpdu.len(), text), Some(tpdu))
        }
        Err(error) => {
            let text = format!("cannot be read: {}", error.kind);
            (Node::new("SMSC", whole.clone(), text), None)
        }
    };
    let mut children = vec![prefix.0];
    if let Some(tpdu) = prefix.1 {
        children.push(outline(tpdu, direction).shifted(octets.len() - tpdu.len()));
    }
    Node::new("SMS", whole, "").with(children)
}

const fn kind_of(first: u8, direction: Direction) -> &'static str {
    match (first & 0b11, direction) {
        (0b00, Direction::FromMobile) => "SMS-DELIVER-REPORT",
        (0b01, Direction::FromMobile) => "SMS-SUBMIT",
        (0b10, Direction::FromMobile) => "SMS-COMMAND",
        (_, Direction::FromMobile) => "TPDU",
        (0b01, Direction::ToMobile) => "SMS-SUBMIT-REPORT",
        (0b10, Direction::ToMobile) => "SMS-STATUS-REPORT",
        (_, Direction::ToMobile) => "SMS-DELIVER",
    }
}

/// Reads field after field and keeps a node of each.
struct Walk<'a> {
    reader: Reader<'a>,
    nodes: Vec<Node>,
}

impl Walk<'_> {
    fn tpdu(&mut self, direction: Direction) -> Result<&'static str, DecodeError> {
        let first = self.reader.octet("TP-MTI")?;
        let name = kind_of(first, direction);
        self.flag("TP-MTI", format!("{} ({name})", first & 0b11));
        match name {
            "SMS-DELIVER" => self.deliver(first)?,
            "SMS-SUBMIT" => self.submit(first)?,
            "SMS-STATUS-REPORT" => self.status_report(first)?,
            "SMS-COMMAND" => self.command(first)?,
            "SMS-DELIVER-REPORT" | "SMS-SUBMIT-REPORT" => self.report(first, name)?,
            _ => {
                let range = self.reader.offset()..self.reader.end();
                self.reader.rest();
                self.nodes.push(Node::new("TPDU", range, "reserved message type"));
            }
        }
        Ok(name)
    }

    fn deliver(&mut self, first: u8) -> Result<(), DecodeError> {
        self.flag("TP-MMS", if first & 0x04 == 0 { "more messages wait" } else { "no more" });
        self.yes_no("TP-LP", first, 0x08);
        self.yes_no("TP-SRI", first, 0x20);
        self.yes_no("TP-UDHI", first, 0x40);
        self.yes_no("TP-RP", first, 0x80);
        self.address("TP-OA")?;
        self.octet("TP-PID", protocol_identifier_name)?;
        let dcs = self.coding()?;
        self.time("TP-SCTS")?;
        self.user_data(first & 0x40 != 0, dcs)
    }

    fn submit(&mut self, first: u8) -> Result<(), DecodeError> {
        self.yes_no("TP-RD", first, 0x04);
        let format = (first >> 3) & 0b11;
        let formats = ["not present", "enhanced", "relative", "absolute"];
        let format_name = formats.get(usize::from(format)).copied().unwrap_or_default();
        self.flag("TP-VPF", format_name);
        self.yes_no("TP-SRR", first, 0x20);
        self.yes_no("TP-UDHI", first, 0x40);
        self.yes_no("TP-RP", first, 0x80);
        self.octet("TP-MR", |_| "")?;
        self.address("TP-DA")?;
        self.octet("TP-PID", protocol_identifier_name)?;
        let dcs = self.coding()?;
        if format != 0 {
            let read = |reader: &mut Reader<'_>, warnings: &mut Vec<Warning>| {
                ValidityPeriod::read(format, reader, warnings)
            };
            self.field("TP-VP", read, ToString::to_string)?;
        }
        self.user_data(first & 0x40 != 0, dcs)
    }

    fn status_report(&mut self, first: u8) -> Result<(), DecodeError> {
        self.flag("TP-MMS", if first & 0x04 == 0 { "more messages wait" } else { "no more" });
        self.yes_no("TP-LP", first, 0x08);
        self.flag(
            "TP-SRQ",
            if first & 0x20 == 0 { "of an SMS-SUBMIT" } else { "of an SMS-COMMAND" },
        );
        self.yes_no("TP-UDHI", first, 0x40);
        self.octet("TP-MR", |_| "")?;
        self.address("TP-RA")?;
        self.time("TP-SCTS")?;
        self.time("TP-DT")?;
        self.octet("TP-ST", status_name)?;
        let indicator = self.indicator()?;
        self.announced(first, indicator)
    }

    fn command(&mut self, first: u8) -> Result<(), DecodeError> {
        self.yes_no("TP-SRR", first, 0x20);
        self.yes_no("TP-UDHI", first, 0x40);
        self.octet("TP-MR", |_| "")?;
        self.octet("TP-PID", protocol_identifier_name)?;
        self.octet("TP-CT", command_type_name)?;
        self.octet("TP-MN", |_| "")?;
        self.address("TP-DA")?;
        let length = usize::from(self.octet("TP-CDL", |_| "")?);
        let start = self.reader.offset();
        let data = self.reader.take("TP-CD", length.min(self.reader.end() - start))?;
        if length > 0 {
            let mut text = to_hex(data);
            if data.len() < length {
                text.push_str(" (cut)");
            }
            self.nodes.push(Node::new("TP-CD", start..start + data.len(), text));
        }
        Ok(())
    }

    fn report(&mut self, first: u8, name: &str) -> Result<(), DecodeError> {
        self.yes_no("TP-UDHI", first, 0x40);
        if self.reader.peek().is_some_and(|octet| octet >= 0x80) {
            self.octet("TP-FCS", failure_cause_name)?;
        }
        let indicator = self.indicator()?;
        if name == "SMS-SUBMIT-REPORT" {
            self.time("TP-SCTS")?;
        }
        self.announced(first, indicator)
    }

    /// TP-PI with its extensions; its first octet.
    fn indicator(&mut self) -> Result<u8, DecodeError> {
        let start = self.reader.offset();
        let mut first = None;
        while let Some(octet) = self.reader.peek() {
            self.reader.octet("TP-PI")?;
            first = first.or(Some(octet));
            if octet & 0x80 == 0 {
                break;
            }
        }
        let announced = first.unwrap_or_default();
        if first.is_some() {
            let names = ["TP-PID", "TP-DCS", "TP-UDL"];
            let there: Vec<&str> = (0..)
                .zip(names)
                .filter(|(bit, _)| announced >> bit & 1 != 0)
                .map(|(_, name)| name)
                .collect();
            let text =
                if there.is_empty() { "nothing follows".to_owned() } else { there.join(", ") };
            self.nodes.push(Node::new("TP-PI", start..self.reader.offset(), text));
        }
        Ok(announced)
    }

    /// What TP-PI announced, as far as it is there.
    fn announced(&mut self, first: u8, indicator: u8) -> Result<(), DecodeError> {
        if indicator & 0x01 != 0 {
            self.octet("TP-PID", protocol_identifier_name)?;
        }
        let dcs = if indicator & 0x02 == 0 { Dcs::GSM7 } else { self.coding()? };
        if indicator & 0x04 != 0 {
            self.user_data(first & 0x40 != 0, dcs)?;
        }
        Ok(())
    }

    /// A part of the first octet.
    fn flag(&mut self, name: &str, text: impl Into<String>) {
        self.nodes.push(Node::new(name, 0..1, text));
    }

    fn yes_no(&mut self, name: &str, first: u8, bit: u8) {
        self.flag(name, if first & bit == 0 { "no" } else { "yes" });
    }

    fn octet(
        &mut self,
        name: &'static str,
        say: fn(u8) -> &'static str,
    ) -> Result<u8, DecodeError> {
        let read = |reader: &mut Reader<'_>, _: &mut Vec<Warning>| reader.octet(name);
        self.field(name, read, |octet| match say(*octet) {
            "" => octet.to_string(),
            words => format!("{octet:#04x} ({words})"),
        })
    }

    fn coding(&mut self) -> Result<Dcs, DecodeError> {
        let read = |reader: &mut Reader<'_>, _: &mut Vec<Warning>| reader.octet("TP-DCS").map(Dcs);
        self.field("TP-DCS", read, |dcs| format!("{:#04x} ({dcs})", dcs.0))
    }

    fn time(&mut self, name: &'static str) -> Result<(), DecodeError> {
        self.field(name, |reader, warnings| Scts::read(name, reader, warnings), Scts::to_string)?;
        Ok(())
    }

    fn address(&mut self, name: &'static str) -> Result<(), DecodeError> {
        let read = |reader: &mut Reader<'_>, warnings: &mut Vec<Warning>| {
            SmsAddress::read(name, reader, warnings)
        };
        self.field(name, read, address)?;
        Ok(())
    }

    /// Reads one field and keeps a node of it; what had to be forgiven stands behind its text.
    fn field<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader<'_>, &mut Vec<Warning>) -> Result<T, DecodeError>,
        say: impl FnOnce(&T) -> String,
    ) -> Result<T, DecodeError> {
        let start = self.reader.offset();
        let mut warnings = Vec::new();
        let value = read(&mut self.reader, &mut warnings)?;
        let mut text = say(&value);
        for warning in warnings {
            text.push_str(&format!(" [{}]", warning.text));
        }
        self.nodes.push(Node::new(name, start..self.reader.offset(), text));
        Ok(value)
    }

    fn user_data(&mut self, has_header: bool, dcs: Dcs) -> Result<(), DecodeError> {
        let start = self.reader.offset();
        let mut warnings = Vec::new();
        let data = UserData::read(has_header, dcs, &mut self.reader, &mut warnings)?;
        let end = self.reader.offset();
        let mut length = self.reader.at(start).map_or_else(String::new, |it| it.to_string());
        for warning in warnings.iter().filter(|warning| warning.field == "TP-UDL") {
            length.push_str(&format!(" [{}]", warning.text));
        }
        self.nodes.push(Node::new("TP-UDL", start..start + 1, length));
        let mut children = Vec::new();
        let mut at = start + 1;
        if has_header && at < end {
            let told = self.reader.at(at).map_or_else(String::new, |it| it.to_string());
            children.push(Node::new("TP-UDHL", at..at + 1, told));
            at += 1;
            for element in &data.udh.elements {
                let behind = at + 2 + element.data.len();
                children.push(element_node(element, at..behind));
                at = behind;
            }
            if !data.udh.rest.is_empty() {
                let behind = at + data.udh.rest.len();
                let text = format!("no whole information element: {}", to_hex(&data.udh.rest));
                children.push(Node::new("TP-UDH", at..behind, text));
                at = behind;
            }
        }
        children.push(match data.text(dcs) {
            Some(text) => Node::new("text", at..end, text),
            None => Node::new("data", at..end, to_hex(&data.octets())),
        });
        self.nodes.push(Node::new("TP-UD", start + 1..end, "").with(children));
        Ok(())
    }

    fn left_over(&mut self, text: &str) {
        let range = self.reader.offset()..self.reader.end();
        if !range.is_empty() {
            self.nodes.push(Node::new("TPDU", range, text));
        }
    }
}

fn address(address: &SmsAddress) -> String {
    let kind = address.type_of_number_name();
    if address.is_alphanumeric() {
        format!("{address} ({kind})")
    } else {
        format!("{address} ({kind}, {})", address.numbering_plan_name())
    }
}

/// An information element with what it says.
fn element_node(element: &InformationElement, range: Range<usize>) -> Node {
    let name = format!("IEI {:02X} {}", element.id, element_name(element.id));
    let language = |identifier: u8| match Language::from_identifier(identifier) {
        Some(language) => language.name().to_owned(),
        None => format!("reserved language {identifier}, the default table stands"),
    };
    let port = |port: u16| match port {
        2948 => "2948 (WAP Push)".to_owned(),
        2949 => "2949 (WAP Push, secure)".to_owned(),
        7275 => "7275 (SUPL)".to_owned(),
        9200 => "9200 (WAP connectionless)".to_owned(),
        9201 => "9201 (WAP connection-mode)".to_owned(),
        9204 => "9204 (vCard)".to_owned(),
        9205 => "9205 (vCalendar)".to_owned(),
        49999 => "49999 (settings over the air)".to_owned(),
        other => other.to_string(),
    };
    let text = match (element.concat(), element.ports(), element.id, &*element.data) {
        (Some(concat), ..) => format!(
            "reference {}, part {} of {}{}",
            concat.reference,
            concat.sequence,
            concat.total,
            if concat.is_possible() { "" } else { " (cannot be, ignored)" }
        ),
        (_, Some(ports), ..) => {
            format!("to port {}, from port {}", port(ports.destination), port(ports.source))
        }
        (.., 0x24 | 0x25, [identifier]) => language(*identifier),
        (.., 0x01, [kind, count]) => {
            let kinds = ["voice", "fax", "e-mail", "other", "video"];
            let name = kinds.get(usize::from(kind & 0b111)).copied().unwrap_or("reserved");
            format!("{count} {name} messages wait")
        }
        (.., data) => to_hex(data),
    };
    Node::new(name, range, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::sms::from_hex;

    /// Each node as a line: depth, name, range and text.
    fn lines(node: &Node, depth: usize, out: &mut Vec<String>) {
        let Range { start, end } = node.range;
        let line = format!("{:depth$}{} {start}..{end} {}", "", node.name, node.text);
        out.push(line.trim_end().to_owned());
        for child in &node.children {
            lines(child, depth + 1, out);
        }
    }

    fn told(hex: &str, direction: Direction) -> Vec<String> {
        let mut out = Vec::new();
        lines(&outline_with_smsc(&from_hex(hex).unwrap(), direction), 0, &mut out);
        out
    }

    #[test]
    fn deliver_with_ports_and_a_part_of_a_text() {
        let hex = "07 91 447779070088 44 0B D0 C4F23C7D7603 00 00 62111201020304 10 \
                   0B 05 04 0B84 23F0 00 03 2A 02 01 A0D3";
        assert_eq!(
            told(hex, Direction::ToMobile),
            [
                "SMS 0..41",
                " SMSC 0..8 +447797700088 (international, ISDN (E.164))",
                " SMS-DELIVER 8..41",
                "  TP-MTI 8..9 0 (SMS-DELIVER)",
                "  TP-MMS 8..9 no more",
                "  TP-LP 8..9 no",
                "  TP-SRI 8..9 no",
                "  TP-UDHI 8..9 yes",
                "  TP-RP 8..9 no",
                "  TP-OA 9..17 Design (alphanumeric)",
                "  TP-PID 17..18 0x00 (short message)",
                "  TP-DCS 18..19 0x00 (GSM 7-bit)",
                "  TP-SCTS 19..26 2026-11-21T10:20:30 +10",
                "  TP-UDL 26..27 16",
                "  TP-UD 27..41",
                "   TP-UDHL 27..28 11",
                "   IEI 05 Application port addressing scheme, 16 bit address 28..34 \
                 to port 2948 (WAP Push), from port 9200 (WAP connectionless)",
                "   IEI 00 Concatenated short messages, 8-bit reference number 34..39 \
                 reference 42, part 1 of 2",
                "   text 39..41 hi",
            ]
        );
    }

    #[test]
    fn submit_and_status_report() {
        let submit = told("00 11 05 05 81 6888F8 00 F0 A7 02 E834", Direction::FromMobile);
        assert!(submit.contains(&"  TP-VP 10..11 1 d".to_owned()), "{submit:#?}");
        assert!(
            submit.contains(&"  TP-DCS 9..10 0xf0 (GSM 7-bit, class 0 (shown at once))".into())
        );
        assert_eq!(submit.last().unwrap(), "   text 12..14 hi");
        let hex = "00 06 2A 05 81 6888F8 62111201020300 62111201021300 46 00";
        let report = told(hex, Direction::ToMobile);
        assert_eq!(report[report.len() - 2], "  TP-ST 22..23 0x46 (validity period expired)");
        assert_eq!(report[report.len() - 1], "  TP-PI 23..24 nothing follows");
    }

    #[test]
    fn commands_and_reports() {
        let command = told("00 02 05 00 02 2A 05 81 6888F8 02 AABB", Direction::FromMobile);
        assert!(command.contains(&"  TP-CT 4..5 0x02 (delete the message)".to_owned()));
        assert_eq!(command.last().unwrap(), "  TP-CD 12..14 AABB");
        let refused = told("00 00 D3 00", Direction::FromMobile);
        assert!(refused.contains(&"  TP-FCS 2..3 0xd3 (memory capacity exceeded)".to_owned()));
        let taken = told("00 01 00 62111201020300", Direction::ToMobile);
        assert_eq!(taken.last().unwrap(), "  TP-SCTS 3..10 2026-11-21T10:20:30 +00");
    }

    #[test]
    fn what_cannot_be_read_says_so_to_the_end() {
        let cut = told("00 04 0B 91 44", Direction::ToMobile);
        assert_eq!(cut.last().unwrap(), "  TP-OA 4..5 cannot be read: the input ends here");
        assert_eq!(told("07 91 44", Direction::ToMobile).len(), 2);
        let odd = outline(&[0; MAX_TPDU + 9], Direction::ToMobile);
        assert_eq!(odd.children.last().unwrap().range, MAX_TPDU..MAX_TPDU + 9);
    }

    /// Children lie within their parent.
    fn nested(node: &Node, within: &Range<usize>) -> bool {
        within.start <= node.range.start
            && node.range.start <= node.range.end
            && node.range.end <= within.end
            && node.children.iter().all(|child| nested(child, &node.range))
    }

    proptest! {
        #[test]
        fn any_octets_have_an_outline_within_themselves(
            octets in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            for direction in [Direction::ToMobile, Direction::FromMobile] {
                prop_assert!(nested(&outline(&octets, direction), &(0..octets.len())));
                prop_assert!(nested(&outline_with_smsc(&octets, direction), &(0..octets.len())));
            }
        }
    }
}
