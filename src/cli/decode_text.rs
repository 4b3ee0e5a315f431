//! What `decode` prints for people: every field with its place and octets, parts with their text,
//! what was odd beside the octets and once more at the end. It needs no colour to be read.

use std::fmt::Write;

use serde_json::Value;

use super::decode_report::{PartReport, Report, UNKNOWN, View};
use super::term::{Paint, plain};
use crate::codec::{Node, Warning, smil};

/// Columns of a line.
const WIDTH: usize = 110;
/// Octets that are printed in front of a field.
const SHOWN: usize = 8;
/// Columns that they take.
const OCTETS: usize = SHOWN * 3;
/// Characters of a value that are printed.
const MAX_VALUE: usize = 800;
/// Characters of a text part that are printed.
const MAX_TEXT: usize = 4000;
/// Lines of one annotated tree: beyond it nobody reads, and the JSON has everything.
const MAX_ROWS: usize = 20_000;
/// Rows in front of a warning's place among which its own is looked for.
const MAX_NEAR: usize = 64;
/// Lines of the summary of each sort.
const MAX_SUMMARY: usize = 1000;

/// The whole report.
pub(super) fn render(report: &Report, form: &str, paint: Paint) -> String {
    let mut out = Out { text: String::new(), paint };
    let octets = report.view.as_ref().map_or(0, |view| view.octets.len());
    let size = if octets > 0 { format!(", {octets} octets") } else { String::new() };
    let read = if form == "binary" { String::new() } else { format!(", read from {form}") };
    out.line(
        0,
        &format!("{}{}", out.paint.bold(&title(report)), plain(&format!("{size}{read}"), false)),
    );
    out.report(report, 1);
    out.summary(report);
    out.text
}

/// What it is, in a few words.
fn title(report: &Report) -> String {
    let family = match report.kind {
        "mms" => "MMS PDU",
        "push" => "WAP Push",
        "tpdu" => "SMS",
        "http" => "HTTP",
        "ppp" => "PPP",
        "pcapng" => "capture",
        "wsp" => "WSP PDU",
        "wtp" => "WTP PDU",
        "si" => "SI",
        "sl" => "SL",
        "co" => "CO",
        "emn" => "EMN",
        UNKNOWN => return "Nothing that is known".to_owned(),
        other => other,
    };
    match &report.pdu {
        Some(pdu) => format!("{} ({family})", plain(pdu, false)),
        None => match &report.list {
            Some((key, list)) => format!("{family}: {} {key}", list.len()),
            None => family.to_owned(),
        },
    }
}

struct Out {
    text: String,
    paint: Paint,
}

/// One line of a tree, before it is printed.
struct Row<'a> {
    node: &'a Node,
    depth: usize,
    warnings: Vec<&'a Warning>,
}

impl Out {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{}{text}", "  ".repeat(depth));
    }

    fn report(&mut self, report: &Report, depth: usize) {
        match &report.view {
            Some(view) if view.nodes.is_empty() => self.fields(report, depth),
            Some(view) => self.tree(view, &report.warnings, depth),
            None if report.list.is_none() => self.fields(report, depth),
            None => {}
        }
        if let Some(error) = &report.error {
            let text = format!("does not decode: {error}");
            let red = self.paint.state("failed");
            let mark = if red == "failed" { "!!".to_owned() } else { red.replace("failed", "!!") };
            self.line(depth, &format!("{mark} {}", plain(&text, false)));
        }
        for (kind, failure) in &report.tried {
            self.line(depth, &format!("not {kind}: {}", plain(&failure.to_string(), false)));
        }
        if let Some(parts) = &report.parts {
            self.parts(parts, depth);
        }
        if let Some(Value::String(text)) = report.headers.get("text")
            && report.list.is_some()
        {
            self.line(depth, "Text");
            self.quoted(text, depth + 1);
        }
        if let Some(body) = &report.body {
            let text = format!("{}, {} octets", body.content_type, body.octets.len());
            self.line(depth, &format!("Body: {}", plain(&text, false)));
            self.saved(body.file.as_deref(), depth + 1);
        }
        // Told by the tree already: frames, and the only segment of a message.
        let shown = report.view.is_some() && report.error.is_none();
        let list = report.list.iter().filter(|_| !shown);
        for (number, inner) in list.flat_map(|(_, list)| list).enumerate() {
            let place = inner.view.as_ref().map(|view| view.title.as_str()).unwrap_or_default();
            let place = if place.is_empty() { String::new() } else { format!(", {place}") };
            let name = title(inner);
            let text =
                format!("{}. {}{}", number + 1, self.paint.bold(&name), plain(&place, false));
            self.line(depth, &text);
            self.report(inner, depth + 1);
        }
        if let Some(content) = &report.content {
            let place = content.view.as_ref().map(|view| view.title.as_str()).unwrap_or_default();
            let place = if place.is_empty() { String::new() } else { format!(", {place}") };
            let name = title(content);
            self.line(
                depth,
                &format!("Inside: {}{}", self.paint.bold(&name), plain(&place, false)),
            );
            self.report(content, depth + 1);
        }
    }

    /// The fields of something whose octets are not shown.
    fn fields(&mut self, report: &Report, depth: usize) {
        for (name, value) in &report.headers {
            let values = match value {
                Value::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            for value in values {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.wrapped(&"  ".repeat(depth), 2, &format!("{name}: {}", plain(&shown, false)));
            }
        }
    }

    fn tree(&mut self, view: &View, warnings: &[Warning], depth: usize) {
        let mut rows = Vec::new();
        // What is one piece as a whole has been named above.
        let top = match view.nodes.as_slice() {
            [whole] if !whole.children.is_empty() => whole.children.as_slice(),
            nodes => nodes,
        };
        for node in top {
            flatten(node, 0, &mut rows);
        }
        let mut starts: Vec<(usize, usize)> =
            rows.iter().enumerate().map(|(at, row)| (row.node.range.start, at)).collect();
        starts.sort_unstable();
        for warning in warnings {
            if let Some(row) = place_of(warning, &starts, &rows).and_then(|at| rows.get_mut(at)) {
                row.warnings.push(warning);
            }
        }
        let digits = if view.octets.len() > 0xFFFF { 6 } else { 4 };
        let indent = "  ".repeat(depth);
        for row in rows.iter().take(MAX_ROWS) {
            let Node { name, text, range, children } = row.node;
            let octets = if children.is_empty() || range.len() <= SHOWN {
                shown_octets(view.octets.get(range.clone()).unwrap_or_default())
            } else {
                format!("[{} octets]", range.len())
            };
            let left = format!("{indent}{:0digits$x}  {octets:<OCTETS$}", range.start);
            let inner = "  ".repeat(row.depth);
            let mut value = plain(text, false);
            if let Some((cut, _)) = value.char_indices().nth(MAX_VALUE) {
                let more = value.chars().count() - MAX_VALUE;
                value.truncate(cut);
                let _ = write!(value, "… ({more} characters more)");
            }
            let name = plain(name, false);
            let line = if value.is_empty() { name } else { format!("{name}: {value}") };
            let lead = format!("{}{inner}", self.paint.dim(&left));
            let columns = left.chars().count() + inner.len();
            self.wrapped_at(&lead, columns, 2, &line);
            for warning in &row.warnings {
                let mark = if warning.understood { "~" } else { "!" };
                let lead = " ".repeat(columns);
                self.wrapped(&lead, 2, &format!("{mark} {}", plain(&warning.text, false)));
            }
        }
        if rows.len() > MAX_ROWS {
            self.line(depth, &format!("… {} lines more; --json has all", rows.len() - MAX_ROWS));
        }
    }

    fn parts(&mut self, parts: &[PartReport], depth: usize) {
        self.line(depth, if parts.is_empty() { "No parts" } else { "Parts" });
        self.part_list(parts, depth + 1, "");
    }

    fn part_list(&mut self, parts: &[PartReport], depth: usize, prefix: &str) {
        for (at, one) in parts.iter().enumerate() {
            let number = format!("{prefix}{}", at + 1);
            let media_type = one.part.content_type.media_type.as_str();
            let mut line = format!("{number:<3} {}", self.paint.bold(&plain(media_type, false)));
            if let Some(name) = one.name().or_else(|| one.part.file_name()) {
                let _ = write!(line, "  {}", plain(&name, false));
            }
            let _ = write!(line, "  {} octets", one.part.body.len());
            if let Some(offset) = one.offset {
                let _ = write!(line, " at {offset:04x}");
            }
            if let Some(charset) = &one.part.content_type.charset {
                let _ = write!(line, ", {}", plain(charset, false));
            }
            self.line(depth, &line);
            self.saved(one.file.as_deref(), depth + 2);
            if let Some(inner) = &one.parts {
                self.part_list(inner, depth + 1, &format!("{number}."));
            } else if one.part.content_type.media_type.is_smil() {
                self.slides(one, parts, depth + 2);
            } else if let Some(text) = one.part.text() {
                self.quoted(&text, depth + 2);
            }
        }
    }

    /// What a presentation shows, slide by slide, and what it leaves out.
    fn slides(&mut self, presentation: &PartReport, parts: &[PartReport], depth: usize) {
        let part = &presentation.part;
        let charset = part.content_type.charset.as_deref();
        let Ok(smil) = smil::decode(&part.body, charset) else { return };
        let smil = smil.value;
        let names: Vec<smil::PartNames<'_>> =
            parts.iter().map(|one| smil::PartNames::of(&one.part)).collect();
        let resolved = smil::resolve(smil.sources(), &names);
        let mut found = resolved.parts.into_iter();
        for (number, slide) in smil.slides.iter().enumerate() {
            let duration = match slide.duration {
                Some(smil::Span::For(time)) => format!(", {} s", time.as_secs_f64()),
                Some(smil::Span::Indefinite) => ", until the page is turned".to_owned(),
                None => String::new(),
            };
            let shown: Vec<String> = slide
                .media
                .iter()
                .map(|media| {
                    let target = match found.next().flatten() {
                        Some(at) => format!("part {}", at + 1),
                        None => "no part".to_owned(),
                    };
                    format!("{} {} ({target})", media.kind.element(), media.src)
                })
                .collect();
            let shown = if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") };
            let lead = "  ".repeat(depth);
            let text = format!("slide {}{duration}: {shown}", number + 1);
            self.wrapped(&lead, 2, &plain(&text, false));
        }
        let left: Vec<String> =
            resolved.unreferenced.iter().map(|at| (at + 1).to_string()).collect();
        if !left.is_empty() {
            self.line(depth, &format!("not on a slide: part {}", left.join(", ")));
        }
    }

    /// A text as it was written, with a bar in front of every line.
    pub(super) fn quoted(&mut self, text: &str, depth: usize) {
        let shown: String = text.chars().take(MAX_TEXT).collect();
        let lead = format!("{}| ", "  ".repeat(depth));
        for line in plain(&shown, true).lines() {
            self.wrapped(&lead, 0, line);
        }
        let more = text.chars().count().saturating_sub(MAX_TEXT);
        if more > 0 {
            self.line(depth, &format!("… {more} characters more"));
        }
    }

    fn saved(&mut self, file: Option<&str>, depth: usize) {
        if let Some(file) = file {
            self.line(depth, &format!("saved as {file}"));
        }
    }

    fn wrapped(&mut self, lead: &str, hang: usize, text: &str) {
        self.wrapped_at(lead, lead.chars().count(), hang, text);
    }

    /// A line that is continued under its own beginning, words kept whole where they are short.
    fn wrapped_at(&mut self, lead: &str, columns: usize, hang: usize, text: &str) {
        let bar = if lead.trim_end().ends_with('|') { "| " } else { "" };
        let mut first = true;
        let mut rest = text;
        loop {
            let indent = columns + if first { 0 } else { hang };
            let room = WIDTH.saturating_sub(indent).max(30);
            let (line, more) = split_at_column(rest, room);
            if first {
                let _ = writeln!(self.text, "{}", format!("{lead}{line}").trim_end());
            } else {
                let _ = writeln!(self.text, "{}{bar}{line}", " ".repeat(indent - bar.len()));
            }
            first = false;
            rest = more;
            if rest.is_empty() {
                break;
            }
        }
    }

    /// Everything that was odd, once more.
    fn summary(&mut self, report: &Report) {
        let all = report.walk();
        let warnings: Vec<&Warning> = all.iter().flat_map(|it| &it.warnings).collect();
        for (understood, words) in [(false, "Not understood"), (true, "Forgiven")] {
            let some = warnings.iter().filter(|it| it.understood == understood);
            let count = some.clone().count();
            if count == 0 {
                continue;
            }
            self.line(0, &format!("{}:", self.paint.bold(words)));
            for warning in some.take(MAX_SUMMARY) {
                let Warning { field, offset, text, .. } = warning;
                let line = format!("{field} at octet {offset} (0x{offset:x}): {text}");
                self.wrapped("  ", 2, &plain(&line, false));
            }
            if count > MAX_SUMMARY {
                self.line(1, &format!("… {} more; --json has all", count - MAX_SUMMARY));
            }
        }
    }
}

/// The row that a warning is shown at: the smallest piece that has its place, of bits in one octet
/// the field's own; else the last piece before it. `starts` are those of the rows, sorted.
fn place_of(warning: &Warning, starts: &[(usize, usize)], rows: &[Row<'_>]) -> Option<usize> {
    let offset = warning.offset;
    let before = starts.partition_point(|(start, _)| *start <= offset);
    let near = starts.get(before.saturating_sub(MAX_NEAR)..before).unwrap_or_default();
    let piece = |at: &usize| rows.get(*at).map(|row| row.node);
    let inside = near.iter().map(|(_, at)| *at).filter(|at| {
        piece(at).is_some_and(|it| it.range.contains(&offset) || it.range.start == offset)
    });
    let smallest =
        inside.min_by_key(|at| piece(at).map(|it| (it.range.len(), it.name != warning.field, *at)));
    smallest.or_else(|| near.last().map(|(_, at)| *at))
}

fn flatten<'a>(node: &'a Node, depth: usize, rows: &mut Vec<Row<'a>>) {
    rows.push(Row { node, depth, warnings: Vec::new() });
    for child in &node.children {
        flatten(child, depth + 1, rows);
    }
}

fn shown_octets(octets: &[u8]) -> String {
    let pairs =
        |octets: &[u8]| octets.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().join(" ");
    match octets.get(..SHOWN - 1) {
        Some(first) if octets.len() > SHOWN => format!("{} …", pairs(first)),
        _ => pairs(octets),
    }
}

/// As many words as fit into `room` columns, and the rest.
fn split_at_column(text: &str, room: usize) -> (&str, &str) {
    let Some((cut, _)) = text.char_indices().nth(room) else { return (text, "") };
    let (head, _) = text.split_at_checked(cut).unwrap_or((text, ""));
    let end = match head.rfind(' ') {
        Some(blank) if blank > room / 2 => blank,
        _ => cut,
    };
    let (line, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (line, rest.trim_start_matches(' '))
}
