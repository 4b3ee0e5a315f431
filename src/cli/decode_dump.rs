//! Hexadecimal dumps as `xxd`, `hexdump`, `od` and `tshark -x` write them: an offset, octets, and
//! perhaps the characters they stand for.

use bytes::Bytes;

use super::decode_input::MAX_INPUT;

/// Octets of a line whose length nothing tells.
const USUAL_WIDTH: usize = 16;

/// A line: its offset in the text's own notation, and what stands behind it.
struct Row<'a> {
    offset: &'a str,
    colon: bool,
    rest: &'a str,
}

/// The octets of a dump; several where the offsets begin again, as `tshark` writes one packet after
/// the other.
pub(super) fn read(text: &str) -> Option<Vec<Bytes>> {
    let mut rows = Vec::new();
    for line in text.lines().map(str::trim) {
        if line == "*" {
            rows.push(None);
        } else if !line.is_empty() && !line.starts_with('#') && !is_heading(line) {
            rows.push(Some(row(line)?));
        }
    }
    // `od` counts in octal unless told otherwise; only one radix lets the offsets rise evenly.
    [16, 8, 10].into_iter().find_map(|radix| chunks(&rows, radix))
}

fn chunks(rows: &[Option<Row<'_>>], radix: u32) -> Option<Vec<Bytes>> {
    let number = |row: &Row<'_>| usize::from_str_radix(row.offset, radix).ok();
    let base = number(rows.first()?.as_ref()?)?;
    let mut done = Vec::new();
    let mut chunk: Vec<u8> = Vec::new();
    let mut last_row = Vec::new();
    let mut repeat = false;
    let mut width = USUAL_WIDTH;
    for (at, row) in rows.iter().enumerate() {
        let Some(row) = row else {
            repeat = true;
            continue;
        };
        let offset = number(row)?;
        if offset == base && !chunk.is_empty() {
            done.push(Bytes::from(std::mem::take(&mut chunk)));
            width = USUAL_WIDTH;
        }
        let place = offset.checked_sub(base)?;
        if repeat {
            if place > MAX_INPUT || last_row.is_empty() {
                return None;
            }
            while chunk.len() < place {
                let left = place - chunk.len();
                chunk.extend(last_row.iter().take(left));
            }
            repeat = false;
        }
        if chunk.len() != place {
            return None;
        }
        // The next line's offset tells how many octets this one has.
        let next = rows.get(at + 1).and_then(|row| row.as_ref().and_then(&number));
        let exact = next.and_then(|next| next.checked_sub(offset)).filter(|count| *count > 0);
        let octets = octets(row, exact, width)?;
        if exact.is_some() {
            width = octets.len();
        }
        chunk.extend_from_slice(&octets);
        last_row = octets;
    }
    done.push(Bytes::from(chunk));
    done.iter().all(|chunk| !chunk.is_empty()).then_some(done)
}

/// What `tshark -x` writes between packets.
fn is_heading(line: &str) -> bool {
    line.ends_with(" bytes):") || line.ends_with(" bytes:") || line.ends_with(" bytes)")
}

fn row(line: &str) -> Option<Row<'_>> {
    let end = line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len());
    let (offset, rest) = line.split_at_checked(end)?;
    let colon = rest.starts_with(':');
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let apart = rest.is_empty() || rest.starts_with([' ', '\t']);
    if !(4..=16).contains(&offset.len()) || !apart {
        return None;
    }
    // Digits in groups, of which the first is as wide as the others, are no offset.
    let first = rest.split_whitespace().next().unwrap_or_default();
    let told = colon || rest.is_empty() || first.len() < offset.len();
    told.then_some(Row { offset, colon, rest })
}

/// The octets of one line: `exact` of them if that is known, else at most `width`.
fn octets(row: &Row<'_>, exact: Option<usize>, width: usize) -> Option<Vec<u8>> {
    let mut rest = row.rest.split(" |").next()?.split("  >").next()?;
    let mut octets = Vec::with_capacity(width);
    let limit = exact.unwrap_or(width);
    loop {
        let word_at = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (gap, tail) = rest.split_at_checked(word_at)?;
        // A wide gap stands before the characters, and in some layouts in the middle of the octets.
        let middle = octets.len() == 8 && gap.len() == 2 && !row.colon;
        let wide = gap.len() >= 2 && !octets.is_empty() && !middle;
        if tail.is_empty() || exact.is_none() && wide {
            break;
        }
        let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let (word, after) = tail.split_at_checked(end)?;
        if octets.len() >= limit {
            // More digits than the offsets leave room for: these are no offsets.
            let more = exact.is_some() && !wide && hex::decode(word).is_ok();
            if more {
                return None;
            }
            break;
        }
        let Ok(mut group) = hex::decode(word) else { break };
        if !row.colon && group.len() > 2 {
            return None;
        }
        // Words of two octets have the lower one behind in `hexdump` and `od -x`.
        if !row.colon && group.len() == 2 {
            group.reverse();
        }
        octets.extend_from_slice(&group);
        rest = after;
    }
    match exact {
        // The last word of an odd number of octets is filled up.
        Some(exact) if octets.len() == exact || octets.len() == exact + 1 => {
            octets.truncate(exact);
            Some(octets)
        }
        Some(_) => None,
        None => Some(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Vec<u8>> {
        match read(text)?.as_slice() {
            [one] => Some(one.to_vec()),
            more => panic!("{} chunks", more.len()),
        }
    }

    fn counted(count: u8) -> Vec<u8> {
        (0..count).map(|n| n.wrapping_mul(7) ^ 0x8C).collect()
    }

    fn hex_row(octets: &[u8], group: usize) -> String {
        octets.chunks(group).map(hex::encode).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn xxd_in_its_layouts() {
        let octets = counted(39);
        for group in [1, 2, 4] {
            let mut text = String::new();
            for (row, chunk) in octets.chunks(16).enumerate() {
                text.push_str(&format!(
                    "{:08x}: {:<50}  abcd ef\n",
                    row * 16,
                    hex_row(chunk, group)
                ));
            }
            assert_eq!(one(&text), Some(octets.clone()), "groups of {group}");
        }
        assert_eq!(one("00000000: 8c84 9831 00  ab cd\n"), Some(vec![0x8C, 0x84, 0x98, 0x31, 0]));
    }

    #[test]
    fn hexdump_with_characters() {
        let text = "00000000  8c 84 98 31 00 8d 92 84  a3 01 04 02 03 83 81 ea  |...1............|\n\
                    *\n\
                    00000030  61 62                                             |ab|\n\
                    00000032\n";
        let octets = one(text).expect("a dump");
        assert_eq!(octets.len(), 0x32);
        assert_eq!(octets[..2], octets[0x20..0x22]);
        assert_eq!(octets[0x30..], *b"ab");
    }

    #[test]
    fn od_in_octets_and_in_words() {
        let octets =
            b"\x8c\x84\x98\x31\x00\x8d\x92\x84\xa3\x01\x04\x02\x03\x83\x81\xea\x68\x69\x6a";
        let plain =
            "000000 8c 84 98 31 00 8d 92 84 a3 01 04 02 03 83 81 ea\n000010 68 69 6a\n000013\n";
        assert_eq!(one(plain).as_deref(), Some(&octets[..]));
        let octal = plain.replace("000010", "0000020").replace("000013", "0000023");
        assert_eq!(one(&octal.replacen("000000", "0000000", 1)).as_deref(), Some(&octets[..]));
        let words = "0000000 848c 3198 8d00 8492 01a3 0204 8303 ea81\n0000010 6968 006a\n0000013\n";
        assert_eq!(one(words).as_deref(), Some(&octets[..]));
    }

    #[test]
    fn tshark_packets_come_apart() {
        let text = "Frame (18 bytes):\n\
            0000  8c 84 98 31 00 8d 92 84 a3 01 04 02 03 83 81 ea   ...1............\n\
            0010  68 69                                             hi\n\n\
            0000  01 02                                             ab\n";
        let chunks = read(text).expect("dumps");
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [18, 2]);
        assert_eq!(chunks[0][16..], *b"hi");
        let wireshark =
            "0000   8c 84 98 31 00 8d 92 84  a3 01 04 02 03 83 81 ea   ...1.... ........\n";
        assert_eq!(one(wireshark).map(|it| it.len()), Some(16));
    }

    #[test]
    fn plain_digits_are_no_dump() {
        for text in ["8c84 9831 008d", "8c8498\n31008d", "0011 2233\n4455 6677", "000000", "hello"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_that_do_not_fit_are_no_dump() {
        let text = "00000000: 8c84 9831\n00000020: 0000\n";
        assert_eq!(read(text), None);
        assert_eq!(read("00000000  01 02\n*\nffffffffffffffff\n"), None, "no end to repeat to");
    }
}
