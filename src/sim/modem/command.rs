//! A command line taken apart (ITU-T V.250 clause 5, 3GPP TS 27.007 clause 4).

/// Longest command line taken, in octets; real modems stop between 500 and 2 000.
pub(super) const MAX_LINE: usize = 1_600;
/// Most commands on one line.
const MAX_COMMANDS: usize = 40;

/// What is asked of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// `+X`
    Run,
    /// `+X?`
    Read,
    /// `+X=?`
    Test,
    /// `+X=...`
    Set(Vec<Arg>),
}

/// One value behind `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arg {
    /// Without its quotes.
    pub(super) text: String,
    /// Whether it was quoted.
    pub(super) quoted: bool,
}

impl Arg {
    /// The number, when it is one.
    pub(super) fn number(&self) -> Option<u32> {
        if self.quoted { None } else { self.text.trim().parse().ok() }
    }
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// A letter (with `&` before it in upper half) and its number, `E1`, `&C1`.
    Basic {
        /// Whether `&` stands before the letter.
        ampersand: bool,
        /// Upper case.
        letter: char,
        /// The number behind it, if any.
        value: Option<u32>,
    },
    /// `Sn?` or `Sn=v`.
    Register {
        /// n
        number: u32,
        /// v, or nothing for a question.
        value: Option<u32>,
    },
    /// `D` and all that follows.
    Dial(String),
    /// `+X`, also `^X`, `$X`, `%X`, `#X`, `*X`, `!X` and `_X`: the name with its first sign, upper case.
    Extended {
        /// For example `+CMGF`.
        name: String,
        /// What is asked.
        op: Op,
    },
}

/// The line is no list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes the text behind `AT` apart.
pub(super) fn parse(line: &str) -> Result<Vec<Command>, Malformed> {
    let mut commands = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', ';', '\t']);
        let Some(first) = rest.chars().next() else { return Ok(commands) };
        if commands.len() == MAX_COMMANDS {
            return Err(Malformed);
        }
        let (command, after) = match first {
            '+' | '^' | '$' | '%' | '#' | '*' | '!' | '_' => extended(rest)?,
            'D' | 'd' => (Command::Dial(rest.get(1..).unwrap_or_default().trim().to_owned()), ""),
            'S' | 's' => register(rest)?,
            '&' => basic(rest.get(1..).unwrap_or_default(), true)?,
            letter if letter.is_ascii_alphabetic() => basic(rest, false)?,
            _ => return Err(Malformed),
        };
        commands.push(command);
        rest = after;
    }
}

fn digits(text: &str) -> (Option<u32>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.parse().ok(), rest)
}

fn basic(text: &str, ampersand: bool) -> Result<(Command, &str), Malformed> {
    let letter = text.chars().next().filter(char::is_ascii_alphabetic).ok_or(Malformed)?;
    let (value, rest) = digits(text.get(1..).unwrap_or_default());
    Ok((Command::Basic { ampersand, letter: letter.to_ascii_uppercase(), value }, rest))
}

fn register(text: &str) -> Result<(Command, &str), Malformed> {
    let (number, rest) = digits(text.get(1..).unwrap_or_default());
    let number = number.ok_or(Malformed)?;
    if let Some(rest) = rest.strip_prefix('?') {
        return Ok((Command::Register { number, value: None }, rest));
    }
    let (value, rest) = digits(rest.strip_prefix('=').ok_or(Malformed)?);
    Ok((Command::Register { number, value: Some(value.unwrap_or(0)) }, rest))
}

fn extended(text: &str) -> Result<(Command, &str), Malformed> {
    let name_end = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '/')))
        .map_or(text.len(), |(at, _)| at);
    let (name, rest) = text.split_at(name_end);
    if name.len() < 2 {
        return Err(Malformed);
    }
    let name = name.to_ascii_uppercase();
    let end = end_of_command(rest);
    let (body, after) = rest.split_at(end);
    let body = body.trim();
    let op = match body {
        "" => Op::Run,
        "?" => Op::Read,
        "=?" => Op::Test,
        _ => Op::Set(arguments(body.strip_prefix('=').ok_or(Malformed)?)?),
    };
    Ok((Command::Extended { name, op }, after))
}

fn end_of_command(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn arguments(text: &str) -> Result<Vec<Arg>, Malformed> {
    let mut found = Vec::new();
    let mut current = Arg { text: String::new(), quoted: false };
    let mut inside = false;
    for c in text.chars() {
        match c {
            '"' => {
                inside = !inside;
                current.quoted = true;
            }
            ',' if !inside => {
                found.push(std::mem::replace(
                    &mut current,
                    Arg { text: String::new(), quoted: false },
                ));
            }
            ' ' if !inside => {}
            c => current.text.push(c),
        }
    }
    if inside {
        return Err(Malformed);
    }
    found.push(current);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, args: &[(&str, bool)]) -> Command {
        let args = args.iter().map(|(text, quoted)| Arg { text: (*text).into(), quoted: *quoted });
        Command::Extended { name: name.into(), op: Op::Set(args.collect()) }
    }

    #[test]
    fn joined_line_gives_each_command() {
        assert_eq!(
            parse("E0 +CMEE=1;+CREG=2;&D2S7=60").unwrap(),
            [
                Command::Basic { ampersand: false, letter: 'E', value: Some(0) },
                set("+CMEE", &[("1", false)]),
                set("+CREG", &[("2", false)]),
                Command::Basic { ampersand: true, letter: 'D', value: Some(2) },
                Command::Register { number: 7, value: Some(60) },
            ]
        );
    }

    #[test]
    fn quotes_protect_semicolons_and_commas() {
        assert_eq!(
            parse("+CGDCONT=1,\"IP\",\"a;b,c\",,0").unwrap(),
            [set(
                "+CGDCONT",
                &[("1", false), ("IP", true), ("a;b,c", true), ("", false), ("0", false)]
            )]
        );
        assert_eq!(parse("+CPIN=\"12"), Err(Malformed));
    }

    #[test]
    fn dial_string_takes_the_rest_of_the_line() {
        assert_eq!(parse("DT*99***1#").unwrap(), [Command::Dial("T*99***1#".into())]);
    }

    #[test]
    fn other_first_signs_are_commands_of_vendors() {
        let name = |line| match parse(line).unwrap().remove(0) {
            Command::Extended { name, op } => (name, op),
            other => panic!("{other:?}"),
        };
        assert_eq!(name("^curc=0").0, "^CURC");
        assert_eq!(name("+cops?"), ("+COPS".into(), Op::Read));
        assert_eq!(name("$QCPDPP=?"), ("$QCPDPP".into(), Op::Test));
        assert_eq!(parse("12"), Err(Malformed));
        assert_eq!(parse("+"), Err(Malformed));
    }
}
