//! HDLC framing an octet at a time with one table, as RFC 1662 appendix C does it: what the codec is
//! measured against.

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x8408 } else { value >> 1 };
            bit += 1;
        }
        table[octet] = value;
        octet += 1;
    }
    table
}

fn step(fcs: u16, octet: u8) -> u16 {
    (fcs >> 8) ^ TABLE[usize::from((fcs ^ u16::from(octet)) as u8)]
}

/// Appends a frame of this header and payload: FCS and escapes in one pass.
pub(crate) fn frame(accm: u32, header: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x7E);
    let mut put = |octet: u8| {
        if octet == 0x7E || octet == 0x7D || (octet < 0x20 && accm >> octet & 1 == 1) {
            out.push(0x7D);
            out.push(octet ^ 0x20);
        } else {
            out.push(octet);
        }
    };
    let mut fcs = 0xFFFF;
    for &octet in header.iter().chain(payload) {
        fcs = step(fcs, octet);
        put(octet);
    }
    let [low, high] = (!fcs).to_le_bytes();
    put(low);
    put(high);
    out.push(0x7E);
}

/// Reads one frame with its flags into `frame`, its FCS taken off; false when the FCS is wrong.
pub(crate) fn deframe(line: &[u8], frame: &mut Vec<u8>) -> bool {
    let mut fcs = 0xFFFF;
    let mut escaped = false;
    for &octet in line {
        match octet {
            0x7E if frame.is_empty() => {}
            0x7E => break,
            0x7D => escaped = true,
            octet => {
                let octet = if escaped { octet ^ 0x20 } else { octet };
                escaped = false;
                fcs = step(fcs, octet);
                frame.push(octet);
            }
        }
    }
    frame.truncate(frame.len().saturating_sub(2));
    fcs == 0xF0B8
}
