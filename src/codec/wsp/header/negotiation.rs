//! Accept-Charset, Accept-Encoding, Accept-Language and TE: a word and how much it is liked
//! (WAP-230 clauses 8.4.2.8 to 8.4.2.10 and 8.4.2.64).

use super::languages;
use super::table::CODINGS;
use crate::codec::wsp::charset;
use crate::codec::wsp::reader::{Reader, big_endian};
use crate::codec::wsp::values::{canonical_number, quality, quality_uintvar};
use crate::codec::wsp::writer::{put_integer, put_text_string, put_uintvar, with_length};
use crate::codec::{DecodeError, DecodeErrorKind};

const FIELD: &str = "header";
/// Stands for every content coding, in the general form alone.
const ANY_CODING: u64 = 3;
/// Transfer codings from number 2.
const TRANSFER_CODINGS: &[&str] = &["chunked", "identity", "gzip", "compress", "deflate"];
const FIRST_TRANSFER_CODING: u64 = 2;
/// Before the Q-value of TE.
const Q_TOKEN: u8 = 0x80;

/// What the word is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Charsets,
    Codings,
    Languages,
    TransferCodings,
}

impl Words {
    pub(super) fn of_number(self, number: u64) -> Option<String> {
        match self {
            Self::Charsets => Some(charset::name(number).into_owned()),
            Self::Languages => languages::tag(number).map(str::to_owned),
            Self::Codings if number == ANY_CODING => Some("*".to_owned()),
            Self::Codings => at(CODINGS, number),
            Self::TransferCodings => {
                at(TRANSFER_CODINGS, number.checked_sub(FIRST_TRANSFER_CODING)?)
            }
        }
    }

    pub(super) fn number_of(self, word: &str) -> Option<u64> {
        match self {
            Self::Charsets => charset::mib_of(word),
            Self::Languages => languages::number(word),
            Self::Codings if word == "*" => Some(ANY_CODING),
            Self::Codings => position(CODINGS, word),
            Self::TransferCodings => {
                position(TRANSFER_CODINGS, word).map(|index| index + FIRST_TRANSFER_CODING)
            }
        }
    }
}

fn at(words: &[&str], index: u64) -> Option<String> {
    usize::try_from(index).ok().and_then(|index| words.get(index)).map(|word| (*word).to_owned())
}

fn position(words: &[&str], word: &str) -> Option<u64> {
    let index = words.iter().position(|known| *known == word)?;
    u64::try_from(index).ok()
}

/// The general form: a word by number or text, and its Q-value if it has one. A bare number of
/// several octets, which some write for a charset, is read as well.
pub(super) fn read(words: Words, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let whole = reader.left();
    let form = with_quality(words, reader).and_then(|text| match reader.peek() {
        None => Ok(text),
        Some(_) => Err(reader.error(FIELD, DecodeErrorKind::TrailingData)),
    });
    form.or_else(|error| {
        let number = big_endian(whole);
        let known = words == Words::Charsets && charset::is_known(number);
        let named = if known { words.of_number(number) } else { None };
        reader.rest();
        named.ok_or(error)
    })
}

fn with_quality(words: Words, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let mut text = match reader.peek() {
        Some(0x20..=0x7F) => reader.text(FIELD)?,
        _ => {
            let number = reader.integer(FIELD)?;
            let unknown = reader.error(FIELD, DecodeErrorKind::InvalidText);
            words.of_number(number).ok_or(unknown)?
        }
    };
    if words == Words::TransferCodings && reader.peek() == Some(Q_TOKEN) {
        reader.u8(FIELD)?;
    }
    if !reader.is_empty() {
        text.push_str("; q=");
        text.push_str(&quality(reader.uintvar(FIELD)?));
    }
    Ok(text)
}

/// The value of a text that has a number or a Q-value.
pub(super) fn write(words: Words, text: &str) -> Option<Vec<u8>> {
    let (word, quality) = match text.split_once("; q=") {
        Some((word, quality)) => (word, Some(quality_uintvar(quality)?)),
        None => (text, None),
    };
    let number = words.number_of(word);
    let general = quality.is_some()
        || number.is_some_and(|number| number > 0x7F)
        || words == Words::TransferCodings
        || (words == Words::Codings && number == Some(ANY_CODING));
    let mut value = Vec::new();
    match number {
        Some(number) => put_integer(&mut value, number),
        None if general && canonical_number(word).is_none() => put_text_string(&mut value, word),
        None => return None,
    }
    if let Some(coded) = quality {
        if words == Words::TransferCodings {
            value.push(Q_TOKEN);
        }
        put_uintvar(&mut value, coded);
    }
    if !general {
        return Some(value);
    }
    Some(with_length(&value))
}
