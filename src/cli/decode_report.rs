//! What `decode` found, before it is printed: one object for each thing, with what it carries; and
//! its JSON, which `decode --help` documents.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::error::CliError;
use super::save;
use crate::codec::wsp::{self, ContentType, MAX_DEPTH, Part, Reader, Warnings};
use crate::codec::{DecodeError, Node, Warning};

/// Octets in which no kind was recognised.
pub(super) const UNKNOWN: &str = "unknown";

/// Why something did not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) field: String,
    pub(super) offset: usize,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(field: &str, offset: usize, text: impl Into<String>) -> Self {
        Self { field: field.to_owned(), offset, text: text.into() }
    }

    /// The same where the octets begin at `base` of those that offsets count from.
    pub(super) fn shifted(mut self, base: usize) -> Self {
        self.offset += base;
        self
    }

    fn json(&self) -> Value {
        json!({ "field": self.field, "offset": self.offset, "text": self.text })
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::new(error.field, error.offset, error.kind.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at octet {}: {}", self.field, self.offset, self.text)
    }
}

/// The octets that offsets count from, annotated.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// What the octets are where that is not plain, for example `line 3`.
    pub(super) title: String,
    pub(super) octets: Bytes,
    pub(super) nodes: Vec<Node>,
}

/// A decoded thing, and what it carries.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// `mms`, `push`, `tpdu` and so on.
    pub(super) kind: &'static str,
    /// What of that kind it is, as its specification calls it, in lower case.
    pub(super) pdu: Option<String>,
    /// Keys of its own, beside the common ones.
    pub(super) extra: Vec<(&'static str, Value)>,
    pub(super) headers: Map<String, Value>,
    pub(super) parts: Option<Vec<PartReport>>,
    /// Several of a kind, under the key that they have in JSON.
    pub(super) list: Option<(&'static str, Vec<Self>)>,
    /// The thing inside.
    pub(super) content: Option<Box<Self>>,
    pub(super) warnings: Vec<Warning>,
    pub(super) error: Option<Failure>,
    /// Of unknown octets: what they were tried as, and why they are not that.
    pub(super) tried: Vec<(&'static str, Failure)>,
    /// `None` where the octets are shown with the thing that carries this one.
    pub(super) view: Option<View>,
    /// A body that is no decoded thing: what `--extract` saves, and its type.
    pub(super) body: Option<BodyReport>,
}

/// A body that is kept as it is.
#[derive(Debug, Clone)]
pub(super) struct BodyReport {
    /// Its name without extension where it is saved.
    pub(super) name: &'static str,
    pub(super) content_type: String,
    pub(super) octets: Bytes,
    pub(super) file: Option<String>,
}

/// A part of a message.
#[derive(Debug, Clone)]
pub(super) struct PartReport {
    pub(super) part: Part,
    /// Where its body begins, if the body stands in the octets as it is.
    pub(super) offset: Option<usize>,
    /// The parts of a multipart within.
    pub(super) parts: Option<Vec<Self>>,
    /// Where it was saved.
    pub(super) file: Option<String>,
}

impl Report {
    pub(super) fn new(kind: &'static str, pdu: impl Into<String>) -> Self {
        Self { kind, pdu: Some(pdu.into()), ..Self::default() }
    }

    /// Octets that do not decode as `kind`.
    pub(super) fn failed(kind: &'static str, failure: Failure) -> Self {
        Self { kind, error: Some(failure), ..Self::default() }
    }

    /// Adds a key beside `headers`.
    pub(super) fn extra(&mut self, name: &'static str, value: impl Into<Value>) {
        self.extra.push((name, value.into()));
    }

    /// Adds a header field that may be absent.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.headers.insert(name.to_owned(), value.into());
        }
    }

    /// Everything in here, this first, what is carried last.
    pub(super) fn walk(&self) -> Vec<&Self> {
        let mut all = vec![self];
        for inner in self.list.iter().flat_map(|(_, list)| list).chain(self.content.as_deref()) {
            all.extend(inner.walk());
        }
        all
    }

    /// What was not understood, in the order of reading.
    pub(super) fn problems(&self) -> Vec<Failure> {
        let mut all = Vec::new();
        for report in self.walk() {
            all.extend(report.error.clone());
            let strange = report.warnings.iter().filter(|warning| !warning.understood);
            all.extend(strange.map(|it| Failure::new(&it.field, it.offset, it.text.clone())));
        }
        all
    }

    /// Moves every offset of this and of what stands in the same octets.
    pub(super) fn shifted(mut self, base: usize) -> Self {
        for warning in &mut self.warnings {
            warning.offset += base;
        }
        self.error = self.error.map(|error| error.shifted(base));
        for part in self.parts.iter_mut().flatten() {
            part.shift(base);
        }
        self
    }

    /// Saves parts and bodies in `dir` and notes their names.
    pub(super) fn extract(&mut self, dir: &Path) -> Result<Vec<String>, CliError> {
        let mut saved = Vec::new();
        for part in self.parts.iter_mut().flatten() {
            part.extract(dir, &mut saved)?;
        }
        if let Some(body) = &mut self.body {
            let path = save::save(dir, None, body.name, &body.content_type, &body.octets)?;
            body.file = Some(file_name(&path));
            saved.push(path.display().to_string());
        }
        let list = self.list.iter_mut().flat_map(|(_, list)| list);
        for inner in list.chain(self.content.as_deref_mut()) {
            saved.extend(inner.extract(dir)?);
        }
        Ok(saved)
    }

    /// The object that `decode --help` documents.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".to_owned(), self.kind.into());
        object.insert("pdu".to_owned(), self.pdu.clone().into());
        for (key, value) in &self.extra {
            object.insert((*key).to_owned(), value.clone());
        }
        object.insert("headers".to_owned(), self.headers.clone().into());
        if let Some(parts) = &self.parts {
            object.insert("parts".to_owned(), parts.iter().map(PartReport::json).collect());
        }
        if let Some(body) = &self.body {
            object.insert("body".to_owned(), body.json());
        }
        if let Some((key, list)) = &self.list {
            object.insert((*key).to_owned(), list.iter().map(Self::json).collect());
        }
        if let Some(content) = &self.content {
            object.insert("content".to_owned(), content.json());
        }
        object.insert("warnings".to_owned(), self.warnings.iter().map(warning_json).collect());
        if let Some(error) = &self.error {
            object.insert("error".to_owned(), error.json());
        }
        if !self.tried.is_empty() {
            let tried = self.tried.iter().map(|(kind, failure)| {
                let mut one = failure.json();
                one["kind"] = (*kind).into();
                one
            });
            object.insert("tried".to_owned(), tried.collect());
        }
        object.into()
    }
}

impl BodyReport {
    fn json(&self) -> Value {
        let mut value = json!({
            "content_type": self.content_type,
            "length": self.octets.len(),
            "sha256": hex::encode(Sha256::digest(&self.octets)),
        });
        if let Some(file) = &self.file {
            value["file"] = file.as_str().into();
        }
        value
    }
}

impl PartReport {
    /// The parts of a body that is a slice of `input`, those within them too.
    pub(super) fn list(parts: Vec<Part>, input: &Bytes) -> Vec<Self> {
        parts.into_iter().map(|part| Self::new(part, input, MAX_DEPTH)).collect()
    }

    fn new(part: Part, input: &Bytes, depth: usize) -> Self {
        let parts = (depth > 0 && part.content_type.is_multipart())
            .then(|| wsp::decode_multipart(&mut Reader::new(&part.body), &mut Warnings::new()))
            .and_then(Result::ok)
            .map(|inner| inner.into_iter().map(|it| Self::new(it, input, depth - 1)).collect());
        let offset = place_in(&part.body, input);
        Self { part, offset, parts, file: None }
    }

    /// The name for people: Name, Filename, the disposition's Filename.
    pub(super) fn name(&self) -> Option<String> {
        let content_type = &self.part.content_type;
        let disposition = self.part.header("content-disposition").map(ContentType::from_mime);
        [
            content_type.name.clone(),
            content_type.filename.clone(),
            disposition.and_then(|value| value.filename),
        ]
        .into_iter()
        .flatten()
        .find(|name| !name.trim().is_empty())
    }

    fn shift(&mut self, base: usize) {
        self.offset = self.offset.map(|offset| offset + base);
        for inner in self.parts.iter_mut().flatten() {
            inner.shift(base);
        }
    }

    fn extract(&mut self, dir: &Path, saved: &mut Vec<String>) -> Result<(), CliError> {
        if let Some(parts) = &mut self.parts {
            for inner in parts {
                inner.extract(dir, saved)?;
            }
            return Ok(());
        }
        let name = self.part.file_name();
        let fallback = format!("part-{}", saved.len() + 1);
        let content_type = self.part.content_type.media_type.as_str();
        let path = save::save(dir, name.as_deref(), &fallback, content_type, &self.part.body)?;
        self.file = Some(file_name(&path));
        saved.push(path.display().to_string());
        Ok(())
    }

    fn json(&self) -> Value {
        let Part { content_type, content_id, content_location, headers, body } = &self.part;
        let mut value = json!({
            "content_type": content_type.media_type.as_str(),
            "name": self.name(),
            "content_id": content_id,
            "content_location": content_location,
            "charset": content_type.charset,
            "length": body.len(),
            "sha256": hex::encode(Sha256::digest(body)),
        });
        let mut parameters = Map::new();
        let named = [
            ("filename", &content_type.filename),
            ("start", &content_type.start),
            ("type", &content_type.kind),
        ];
        for (name, text) in
            named.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)))
        {
            parameters.insert(name.to_owned(), text.as_str().into());
        }
        for (name, text) in &content_type.others {
            add(&mut parameters, name, text);
        }
        if !parameters.is_empty() {
            value["parameters"] = parameters.into();
        }
        if !headers.is_empty() {
            let mut map = Map::new();
            headers.iter().for_each(|(name, text)| add(&mut map, name, text));
            value["headers"] = map.into();
        }
        if let Some(parts) = &self.parts {
            value["parts"] = parts.iter().map(Self::json).collect();
        }
        if let Some(file) = &self.file {
            value["file"] = file.as_str().into();
        }
        value
    }
}

/// Adds a text to an object; of several with one name the later ones join the first.
pub(super) fn add(map: &mut Map<String, Value>, name: &str, text: &str) {
    add_value(map, name, text.into());
}

/// The same of any value.
pub(super) fn add_value(map: &mut Map<String, Value>, name: &str, value: Value) {
    match map.get_mut(name) {
        None => {
            map.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = json!([first.take(), value]),
    }
}

/// Where a slice of `input` begins in it.
pub(super) fn place_in(slice: &Bytes, input: &Bytes) -> Option<usize> {
    let start = (slice.as_ptr() as usize).checked_sub(input.as_ptr() as usize)?;
    (!slice.is_empty() && start + slice.len() <= input.len()).then_some(start)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn warning_json(warning: &Warning) -> Value {
    json!({
        "field": warning.field,
        "offset": warning.offset,
        "text": warning.text,
        "understood": warning.understood,
    })
}
