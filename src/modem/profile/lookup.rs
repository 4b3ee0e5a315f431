//! All profiles: those of the program and those of the user's folder, found by name, by USB
//! identity, or by what the modem says of itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::read::{Draft, Source};
use super::{Profile, ProfileError, UsbEntry};
use crate::model::suggest;

/// Profiles that stand on each other.
const MAX_DEPTH: usize = 8;
/// Profiles in the user's folder.
const MAX_FILES: usize = 256;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../modem-profiles/", $name, ".toml")))),*]
    };
}

/// What the program brings along.
pub(super) const EMBEDDED: &[(&str, &str)] = embedded![
    "cinterion",
    "cinterion-imt",
    "generic",
    "huawei",
    "multitech",
    "option",
    "quectel",
    "quectel-bg9x",
    "quectel-m95",
    "quectel-uc20",
    "siemens",
    "sierra",
    "sierra-mc7",
    "simcom",
    "simcom-7000",
    "simcom-7070",
    "simcom-800",
    "simcom-a76xx",
    "telit",
    "ublox",
    "ublox-r4",
    "ublox-r5",
    "ublox-u2",
    "wavecom",
    "zte"
];

/// A set of profiles. A profile of the user's folder takes the place of a built-in one of the same
/// name, and its USB identities and patterns come before all built-in ones.
#[derive(Debug)]
pub struct Profiles {
    /// In the order in which they are asked: the user's, then the built-in ones, by name.
    all: Vec<Arc<Profile>>,
}

/// A profile that was found by a USB identity, and the entry that did it.
#[derive(Debug, Clone, Copy)]
pub struct UsbProfile<'a> {
    /// The profile.
    pub profile: &'a Arc<Profile>,
    /// Roles and mode.
    pub entry: &'a UsbEntry,
}

impl Profiles {
    /// Those of the program.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the texts are part of the program and read by a test")]
    pub fn embedded() -> Arc<Self> {
        static ONCE: OnceLock<Arc<Profiles>> = OnceLock::new();
        let read = || Arc::new(Self::read(&[]).expect("the embedded profiles are well-formed"));
        Arc::clone(ONCE.get_or_init(read))
    }

    /// Those of the program and those of a folder (`*.toml`).
    ///
    /// # Errors
    /// A profile of the folder that cannot be read or is not well-formed, with key and line.
    pub fn with_folder(folder: &Path) -> Result<Self, ProfileError> {
        let io = |name: String, error: &std::io::Error| ProfileError {
            name,
            line: None,
            key: None,
            reason: error.to_string(),
        };
        let mut texts = Vec::new();
        let entries =
            std::fs::read_dir(folder).map_err(|error| io(folder.display().to_string(), &error))?;
        for entry in entries {
            let path = entry.map_err(|error| io(folder.display().to_string(), &error))?.path();
            let stem = path.file_stem().and_then(|it| it.to_str());
            let (Some(name), Some("toml")) = (stem, path.extension().and_then(|it| it.to_str()))
            else {
                continue;
            };
            if texts.len() >= MAX_FILES {
                let reason = format!("the folder holds more than {MAX_FILES} profiles");
                let name = folder.display().to_string();
                return Err(ProfileError { name, line: None, key: None, reason });
            }
            let text = std::fs::read_to_string(&path)
                .map_err(|error| io(path.display().to_string(), &error))?;
            texts.push((name.to_owned(), text));
        }
        texts.sort();
        Self::read(&texts)
    }

    /// Those of the program and those of the texts, given by name.
    ///
    /// # Errors
    /// The first that is not well-formed, with key and line.
    pub fn read(own: &[(String, String)]) -> Result<Self, ProfileError> {
        let mut reader = Reader { own, done: BTreeMap::new() };
        let mut all: Vec<Arc<Profile>> = Vec::new();
        for (name, _) in own {
            all.push(Arc::new(reader.source(name, &[])?.profile));
        }
        for (name, _) in EMBEDDED {
            if !own.iter().any(|(other, _)| other == name) {
                all.push(Arc::new(reader.source(name, &[])?.profile));
            }
        }
        Ok(Self { all })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.all.iter()
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// Names the nearest one.
    pub fn named(&self, name: &str) -> Result<Arc<Profile>, ProfileError> {
        if let Some(found) = self.all.iter().find(|it| it.name == name) {
            return Ok(Arc::clone(found));
        }
        let names: Vec<&str> = self.all.iter().map(|it| it.name.as_str()).collect();
        let reason = match suggest::nearest(name, names.iter().copied()) {
            Some(near) => format!("there is no such profile; did you mean '{near}'?"),
            None => format!("there is no such profile; known are auto, {}", names.join(", ")),
        };
        Err(ProfileError { name: name.to_owned(), line: None, key: None, reason })
    }

    /// What suits a modem of which nothing is known.
    ///
    /// # Panics
    /// Never: every set holds `generic`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "`read` puts it in")]
    pub fn generic(&self) -> Arc<Profile> {
        let found = self.all.iter().find(|it| it.name == "generic");
        Arc::clone(found.expect("every set holds the generic profile"))
    }

    /// The profile for a USB identity: exact ones before those for a whole vendor.
    #[must_use]
    pub fn for_usb(&self, vid: u16, pid: u16) -> Option<UsbProfile<'_>> {
        let fitting = || {
            self.all.iter().flat_map(|profile| {
                let entries = profile.usb.iter().filter(|entry| entry.id.covers(vid, pid));
                entries.map(move |entry| UsbProfile { profile, entry })
            })
        };
        fitting().find(|it| it.entry.id.pid.is_some()).or_else(|| fitting().next())
    }

    /// The profile for what a modem answers to `+CGMI` and `+CGMM`: the one whose patterns say
    /// most, the model's before the manufacturer's.
    #[must_use]
    pub fn for_identity(&self, manufacturer: &str, model: &str) -> Option<Arc<Profile>> {
        let mut best: Option<((usize, usize), &Arc<Profile>)> = None;
        for profile in &self.all {
            if let Some(score) = profile.identity.fits(manufacturer, model)
                && best.is_none_or(|(other, _)| score > other)
            {
                best = Some((score, profile));
            }
        }
        best.map(|(_, profile)| Arc::clone(profile))
    }
}

struct Reader<'a> {
    own: &'a [(String, String)],
    /// By name, and whether it is the user's.
    done: BTreeMap<(String, bool), Source>,
}

impl Reader<'_> {
    fn source(&mut self, name: &str, above: &[&str]) -> Result<Source, ProfileError> {
        // One that extends its own name stands on the built-in one.
        let own = self.own.iter().find(|(other, _)| other == name && !above.contains(&name));
        let key = (name.to_owned(), own.is_some());
        if let Some(done) = self.done.get(&key) {
            return Ok(done.clone());
        }
        let embedded = || EMBEDDED.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
        let text = own.map(|(_, text)| text.as_str()).or_else(embedded);
        let Some(text) = text else {
            let reason = "there is no such profile".to_owned();
            return Err(ProfileError { name: name.to_owned(), line: None, key: None, reason });
        };
        let draft = Draft::new(name, text)?;
        let parent = match draft.extends()? {
            Some(parent) => {
                let again =
                    above.iter().filter(|it| **it == parent).count() + usize::from(name == parent);
                if above.len() >= MAX_DEPTH || again > usize::from(own.is_some() && name == parent)
                {
                    return Err(draft.error("extends", "profiles extend each other in a circle"));
                }
                let mut path = above.to_vec();
                path.push(name);
                let source = self.source(parent, &path);
                Some(source.map_err(|error| match error {
                    it if it.name == parent && it.line.is_none() && it.key.is_none() => {
                        draft.error("extends", format!("there is no profile '{parent}'"))
                    }
                    it => it,
                })?)
            }
            None => None,
        };
        let source = draft.on(parent.as_ref())?;
        self.done.insert(key, source.clone());
        Ok(source)
    }
}
