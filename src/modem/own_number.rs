//! The number under which others reach a SIM, where the SIM tells it (3GPP TS 27.007 clause 7.1,
//! `+CNUM`).

use super::ModemError;
use super::driver::Driver;
use crate::codec::at::{Field, fields, value_behind};
use crate::model::Address;

/// `<type>` of an international number (3GPP TS 24.008 clause 10.5.4.7).
const INTERNATIONAL: u8 = 145;

impl Driver {
    /// The SIM's number; none where it is empty or not in international form.
    pub(super) async fn ask_own_number(&mut self) -> Result<Option<String>, ModemError> {
        let limit = self.command_timeout();
        // A SIM without that file, or a modem without the command, refuses it.
        let response = self.at()?.response("AT+CNUM", limit).await?;
        Ok(response.lines.iter().find_map(|line| number_in(line)))
    }
}

/// `+CNUM: [<alpha>],<number>,<type>[,...]`
fn number_in(line: &str) -> Option<String> {
    let list = fields(value_behind(line, "+CNUM:")?);
    let text = list.get(1)?.text.trim();
    let kind: Option<u8> = list.get(2).and_then(Field::number);
    let number = match text.strip_prefix('+') {
        None if kind == Some(INTERNATIONAL) => format!("+{text}"),
        _ => text.to_owned(),
    };
    match Address::parse_recipient(&number) {
        Ok(Address::Msisdn(number)) if number.starts_with('+') => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_number_is_read_as_modems_write_it() {
        for (line, told) in [
            ("+CNUM: ,\"+447700900001\",145", Some("+447700900001")),
            ("+CNUM: \"Own Number\",\"447700900001\",145,7,4", Some("+447700900001")),
            ("+CNUM: \"\",\"\",129", None),
            ("+CNUM: ,,", None),
            // A national number cannot be written to from everywhere.
            ("+CNUM: ,\"07700900001\",129", None),
            ("OK", None),
        ] {
            assert_eq!(number_in(line).as_deref(), told, "{line}");
        }
    }
}
