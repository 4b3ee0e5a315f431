//! Phone books: the SIM's, which can be written, and the SIM's own numbers (3GPP TS 27.007 clauses
//! 8.11 to 8.14); finding is by the beginning of the name.

use super::command::{Arg, Op};
use super::failure::{
    INVALID_INDEX, INVALID_PARAMETER, MEMORY_FULL, NOT_FOUND, NOT_SUPPORTED, NUMBER_TOO_LONG,
    TEXT_TOO_LONG,
};
use super::text::Charset;
use super::{Cx, Failure, Step};

/// Places in the SIM's phone book.
const PLACES: u32 = 100;
/// Characters of a number and of a name (EF_ADN, 3GPP TS 51.011 clause 10.5.1).
const MAX_NUMBER: usize = 20;
const MAX_NAME: usize = 14;

/// Which one `+CPBS` chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Book {
    /// That of the SIM.
    #[default]
    Sm,
    /// Own numbers.
    On,
}

impl Book {
    const ALL: [Self; 2] = [Self::Sm, Self::On];

    const fn name(self) -> &'static str {
        match self {
            Self::Sm => "SM",
            Self::On => "ON",
        }
    }

    const fn places(self) -> u32 {
        match self {
            Self::Sm => PLACES,
            Self::On => 1,
        }
    }
}

/// One place of the SIM's phone book.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    number: String,
    /// `<type>`: 145 for an international number, else 129.
    kind: u8,
    name: String,
}

impl Entry {
    /// Behind its place in `+CPBR` and `+CPBF`.
    fn text(&self, set: Charset) -> String {
        format!("\"{}\",{},\"{}\"", self.number, self.kind, set.quote(&self.name))
    }
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if !matches!(name, "+CPBS" | "+CPBR" | "+CPBF" | "+CPBW") {
        return None;
    }
    if let Some(trouble) = cx.shared.sim_trouble(cx.state) {
        return Some(Step::Fail(trouble));
    }
    let done = match name {
        "+CPBS" => choose(cx, op),
        "+CPBR" => read(cx, op),
        "+CPBF" => find(cx, op),
        _ => write(cx, op),
    };
    Some(match done {
        Ok(()) => Step::Done,
        Err(failure) => Step::Fail(failure),
    })
}

fn choose(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let settings = cx.state.settings_mut(cx.port);
    match op {
        Op::Test => cx.say("+CPBS: (\"SM\",\"ON\")"),
        Op::Read => {
            let book = settings.phone_book;
            let used = (1..=book.places()).filter(|at| entry(cx, book, *at).is_some()).count();
            cx.say(format!("+CPBS: \"{}\",{used},{}", book.name(), book.places()));
        }
        Op::Set(args) => {
            let text = args.first().and_then(|arg| settings.charset.decode(&arg.text));
            // Hosts name it in plain letters whatever the character set is.
            let named = |name: &str| Book::ALL.into_iter().find(|book| book.name() == name);
            let plain = args.first().and_then(|arg| named(&arg.text));
            let book = plain.or_else(|| named(&text?));
            settings.phone_book = book.ok_or(INVALID_PARAMETER)?;
        }
        Op::Run => return Err(NOT_SUPPORTED),
    }
    Ok(())
}

fn entry(cx: &Cx<'_>, book: Book, at: u32) -> Option<Entry> {
    match book {
        Book::Sm => cx.state.phone_book.get(&at).cloned(),
        Book::On => (at == 1 && cx.shared.subscriber.number_on_sim).then(|| {
            let number = cx.shared.subscriber.number.clone();
            Entry { kind: kind_of(&number), number, name: String::new() }
        }),
    }
}

fn kind_of(number: &str) -> u8 {
    if number.starts_with('+') { 145 } else { 129 }
}

fn read(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let settings = cx.state.settings(cx.port);
    let (book, set) = (settings.phone_book, settings.charset);
    match op {
        Op::Test => {
            cx.say(format!("+CPBR: (1-{}),{MAX_NUMBER},{MAX_NAME}", book.places()));
            Ok(())
        }
        Op::Set(args) => {
            let first = args.first().and_then(Arg::number).ok_or(INVALID_PARAMETER)?;
            let last = args.get(1).map_or(Some(first), Arg::number).ok_or(INVALID_PARAMETER)?;
            if first == 0 || last < first || last > book.places() {
                return Err(INVALID_INDEX);
            }
            for at in first..=last {
                if let Some(entry) = entry(cx, book, at) {
                    cx.say(format!("+CPBR: {at},{}", entry.text(set)));
                }
            }
            Ok(())
        }
        Op::Read | Op::Run => Err(NOT_SUPPORTED),
    }
}

fn find(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let settings = cx.state.settings(cx.port);
    let (book, set) = (settings.phone_book, settings.charset);
    let args = match op {
        Op::Test => {
            cx.say(format!("+CPBF: {MAX_NUMBER},{MAX_NAME}"));
            return Ok(());
        }
        Op::Set(args) => args,
        Op::Read | Op::Run => return Err(NOT_SUPPORTED),
    };
    let wanted = args.first().and_then(|arg| set.decode(&arg.text)).ok_or(INVALID_PARAMETER)?;
    let found: Vec<String> = (1..=book.places())
        .filter_map(|at| Some((at, entry(cx, book, at)?)))
        .filter(|(_, entry)| entry.name.starts_with(&wanted))
        .map(|(at, entry)| format!("+CPBF: {at},{}", entry.text(set)))
        .collect();
    if found.is_empty() {
        return Err(NOT_FOUND);
    }
    found.into_iter().for_each(|line| cx.say(line));
    Ok(())
}

fn write(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let settings = cx.state.settings(cx.port);
    let (book, set) = (settings.phone_book, settings.charset);
    if book == Book::On {
        return Err(NOT_SUPPORTED);
    }
    let args = match op {
        Op::Test => {
            cx.say(format!("+CPBW: (1-{PLACES}),{MAX_NUMBER},(129,145),{MAX_NAME}"));
            return Ok(());
        }
        Op::Set(args) => args,
        Op::Read | Op::Run => return Err(NOT_SUPPORTED),
    };
    let given = |at: usize| args.get(at).filter(|arg| !arg.text.is_empty());
    let place = match given(0) {
        Some(arg) => arg.number().filter(|at| (1..=PLACES).contains(at)).ok_or(INVALID_INDEX)?,
        None => {
            let free = (1..=PLACES).find(|at| !cx.state.phone_book.contains_key(at));
            free.ok_or(MEMORY_FULL)?
        }
    };
    // A place alone empties it.
    let Some(number) = given(1).map(|arg| arg.text.clone()) else {
        cx.state.phone_book.remove(&place);
        return Ok(());
    };
    // The plus is in the type, not among the digits (TS 51.011 clause 10.5.1).
    if number.trim_start_matches('+').len() > MAX_NUMBER {
        return Err(NUMBER_TOO_LONG);
    }
    if !number.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c)) {
        return Err(INVALID_PARAMETER);
    }
    let kind = given(2).map_or_else(|| Some(u32::from(kind_of(&number))), Arg::number);
    let kind = kind.and_then(|kind| u8::try_from(kind).ok()).filter(|kind| kind & 0x80 != 0);
    let kind = kind.ok_or(INVALID_PARAMETER)?;
    let name = args.get(3).map_or(Some(String::new()), |arg| set.decode(&arg.text));
    let name = name.ok_or(INVALID_PARAMETER)?;
    if name.chars().count() > MAX_NAME {
        return Err(TEXT_TOO_LONG);
    }
    cx.state.phone_book.insert(place, Entry { number, kind, name });
    Ok(())
}
