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

/// Takes the text behind `AT` apart: its commands as far as they can be told apart, and whether
/// that was all. What stands before a malformed one is carried out (V.250 clause 5.6).
pub(super) fn parse(line: &str) -> (Vec<Command>, Result<(), Malformed>) {
    let line = without_spaces(line);
    let mut commands = Vec::new();
    let mut rest = line.as_str();
    loop {
        rest = rest.trim_start_matches(';');
        if rest.is_empty() {
            return (commands, Ok(()));
        }
        match first_command(rest) {
            Ok((command, after)) if commands.len() < MAX_COMMANDS => {
                commands.push(command);
                rest = after;
            }
            _ => return (commands, Err(Malformed)),
        }
    }
}

fn first_command(text: &str) -> Result<(Command, &str), Malformed> {
    match text.chars().next().ok_or(Malformed)? {
        '+' | '^' | '$' | '%' | '#' | '*' | '!' | '_' => extended(text),
        'D' | 'd' => Ok((Command::Dial(text.get(1..).unwrap_or_default().to_owned()), "")),
        'S' | 's' => register(text),
        '&' => basic(text.get(1..).unwrap_or_default(), true),
        letter if letter.is_ascii_alphabetic() => basic(text, false),
        _ => Err(Malformed),
    }
}

/// Spaces mean nothing outside of strings (V.250 clause 5.2.1).
fn without_spaces(line: &str) -> String {
    let mut quoted = false;
    line.chars()
        .filter(|c| {
            quoted ^= *c == '"';
            quoted || *c != ' '
        })
        .collect()
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
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                inside = !inside;
                current.quoted = true;
            }
            '\\' if inside => match escaped(rest.as_str()) {
                Some(octet) => {
                    current.text.push(octet);
                    rest.nth(1);
                }
                None => current.text.push(c),
            },
            ',' if !inside => {
                found.push(std::mem::replace(
                    &mut current,
                    Arg { text: String::new(), quoted: false },
                ));
            }
            c => current.text.push(c),
        }
    }
    if inside {
        return Err(Malformed);
    }
    found.push(current);
    Ok(found)
}

/// The character that a backslash and two hexadecimal digits stand for (V.250 clause 5.4.2.2).
fn escaped(digits: &str) -> Option<char> {
    let digits = digits.get(..2).filter(|text| text.bytes().all(|c| c.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok().map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(line: &str) -> Result<Vec<Command>, Malformed> {
        let (commands, end) = parse(line);
        end.map(|()| commands)
    }

    fn set(name: &str, args: &[(&str, bool)]) -> Command {
        let args = args.iter().map(|(text, quoted)| Arg { text: (*text).into(), quoted: *quoted });
        Command::Extended { name: name.into(), op: Op::Set(args.collect()) }
    }

    #[test]
    fn joined_line_gives_each_command() {
        assert_eq!(
            whole("E0 +CMEE=1;+CREG=2;&D2S7=60").unwrap(),
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
            whole("+CGDCONT=1,\"IP\",\"a;b,c\",,0").unwrap(),
            [set(
                "+CGDCONT",
                &[("1", false), ("IP", true), ("a;b,c", true), ("", false), ("0", false)]
            )]
        );
        assert_eq!(whole("+CPIN=\"12"), Err(Malformed));
    }

    #[test]
    fn backslash_and_two_digits_are_one_character_of_a_string() {
        assert_eq!(
            whole("+CPBW=1,\"5\",129,\"a\\22b\\5Cc\\zz\"").unwrap(),
            [set("+CPBW", &[("1", false), ("5", true), ("129", false), ("a\"b\\c\\zz", true)])]
        );
    }

    #[test]
    fn spaces_are_ignored_outside_of_strings_and_a_broken_end_keeps_the_beginning() {
        assert_eq!(
            whole("E 0 + CMEE = 1 ; S7 = 4 5 ; +X = \" a \"").unwrap(),
            [
                Command::Basic { ampersand: false, letter: 'E', value: Some(0) },
                set("+CMEE", &[("1", false)]),
                Command::Register { number: 7, value: Some(45) },
                set("+X", &[(" a ", true)]),
            ]
        );
        let (commands, end) = parse("E0V1=?");
        assert_eq!((commands.len(), end), (2, Err(Malformed)));
    }

    #[test]
    fn dial_string_takes_the_rest_of_the_line() {
        assert_eq!(whole("DT*99***1#").unwrap(), [Command::Dial("T*99***1#".into())]);
    }

    #[test]
    fn other_first_signs_are_commands_of_vendors() {
        let name = |line| match whole(line).unwrap().remove(0) {
            Command::Extended { name, op } => (name, op),
            other => panic!("{other:?}"),
        };
        assert_eq!(name("^curc=0").0, "^CURC");
        assert_eq!(name("+cops?"), ("+COPS".into(), Op::Read));
        assert_eq!(name("$QCPDPP=?"), ("$QCPDPP".into(), Op::Test));
        assert_eq!(whole("12"), Err(Malformed));
        assert_eq!(whole("+"), Err(Malformed));
    }
}
