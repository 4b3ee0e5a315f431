//! What `decode` prints: fields in the order of the wire, parts, what was forgiven; as text or as
//! one JSON object.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::term::plain;
use crate::codec::wsp::Part;
use crate::codec::{DecodeError, Warning};

/// Characters of a text part that are printed.
const MAX_TEXT: usize = 2000;

/// A decoded thing, and what it carries.
pub(super) struct Report {
    kind: &'static str,
    name: String,
    headers: Vec<(String, Value)>,
    parts: Option<Vec<Part>>,
    pub(super) items: Vec<(&'static str, Value)>,
    /// The thing inside.
    pub(super) content: Option<Box<Self>>,
    pub(super) warnings: Vec<Warning>,
}

impl Report {
    pub(super) fn new(kind: &'static str, name: &str, warnings: Vec<Warning>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            headers: Vec::new(),
            parts: None,
            items: Vec::new(),
            content: None,
            warnings,
        }
    }

    /// Adds a header field; of several with one name the later ones join the first.
    pub(super) fn field(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.headers.iter_mut().find(|(known, _)| known == name) {
            None => self.headers.push((name.to_owned(), value)),
            Some((_, Value::Array(values))) => values.push(value),
            Some((_, first)) => *first = json!([first.take(), value]),
        }
    }

    /// Adds a header field that may be absent.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// Adds one of a list of things.
    pub(super) fn item(&mut self, kind: &'static str, value: impl Into<Value>) {
        self.items.push((kind, value.into()));
    }

    pub(super) fn parts(&mut self, parts: Vec<Part>) {
        self.parts = Some(parts);
    }

    /// One object; what cannot be there is left out.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".to_owned(), self.kind.into());
        let name_key = if self.kind == "mms" { "pdu" } else { "name" };
        object.insert(name_key.to_owned(), self.name.as_str().into());
        if !self.headers.is_empty() {
            let headers: Map<String, Value> = self.headers.iter().cloned().collect();
            object.insert("headers".to_owned(), headers.into());
        }
        if let Some(parts) = &self.parts {
            object.insert("parts".to_owned(), parts.iter().map(part_json).collect());
        }
        if !self.items.is_empty() {
            let items = self.items.iter().map(|(kind, value)| match value {
                Value::Object(_) => value.clone(),
                value => json!({ *kind: value }),
            });
            object.insert("items".to_owned(), items.collect());
        }
        if let Some(content) = &self.content {
            object.insert("content".to_owned(), content.json());
        }
        object.insert("warnings".to_owned(), self.warnings.iter().map(warning_json).collect());
        object.into()
    }

    /// The object for octets that do not decode.
    pub(super) fn failed(kind: &'static str, error: &DecodeError) -> Value {
        json!({
            "kind": kind,
            "error": {
                "field": error.field,
                "offset": error.offset,
                "text": error.kind.to_string(),
            },
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        let _ = writeln!(out, "{indent}{} ({})", self.name, self.kind);
        for (name, value) in &self.headers {
            field_line(out, &indent, name, value);
        }
        for (number, (kind, value)) in self.items.iter().enumerate() {
            match value {
                Value::Object(fields) => {
                    let _ = writeln!(out, "{indent}  {kind} {}", number + 1);
                    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                        field_line(out, &format!("{indent}  "), name, value);
                    }
                }
                value => field_line(out, &indent, kind, value),
            }
        }
        for (number, part) in self.parts.iter().flatten().enumerate() {
            part_lines(out, &indent, number + 1, part);
        }
        if let Some(content) = &self.content {
            let _ = writeln!(out, "{indent}  carries:");
            content.write(out, depth + 2);
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "{indent}  warning: {}", plain(&warning.to_string(), false));
        }
    }
}

fn field_line(out: &mut String, indent: &str, name: &str, value: &Value) {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    for value in values {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(out, "{indent}  {name}: {}", plain(&shown, false));
    }
}

fn part_lines(out: &mut String, indent: &str, number: usize, part: &Part) {
    let _ = writeln!(
        out,
        "{indent}  part {number}: {}, {} octets",
        plain(part.content_type.media_type.as_str(), false),
        part.body.len()
    );
    let Value::Object(fields) = part_json(part) else { return };
    for key in ["name", "content_id", "content_location", "charset", "sha256"] {
        if let Some(Value::String(value)) = fields.get(key) {
            let _ = writeln!(out, "{indent}    {key}: {}", plain(value, false));
        }
    }
    if let Some(text) = part.text() {
        let short: String = text.chars().take(MAX_TEXT).collect();
        for line in plain(&short, true).lines() {
            let _ = writeln!(out, "{indent}    | {line}");
        }
    }
}

fn part_json(part: &Part) -> Value {
    json!({
        "content_type": part.content_type.media_type.as_str(),
        "name": part.content_type.name,
        "content_id": part.content_id,
        "content_location": part.content_location,
        "charset": part.content_type.charset,
        "length": part.body.len(),
        "sha256": hex::encode(Sha256::digest(&part.body)),
    })
}

fn warning_json(warning: &Warning) -> Value {
    json!({ "field": warning.field, "offset": warning.offset, "text": warning.text })
}
