//! What a disk has behind a power cut: all that was synced, and of the rest what chance wants, in
//! sectors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mm1gate::model::Random;

/// What was done to a file of the folder.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Write {
        at: usize,
        octets: Vec<u8>,
    },
    Truncate {
        length: usize,
    },
    Sync,
    /// Of the folder: names that came and went stay so.
    SyncFolder,
    Unlink,
}

/// One entry of the record.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) deed: Deed,
}

impl Entry {
    /// Reads what `writes.c` wrote.
    pub(crate) fn read_all(mut octets: &[u8]) -> Vec<Self> {
        /// What; length of the name, offset and count, little-endian as on every machine that Rust's
        /// standard library has been built for with this test.
        const HEAD: usize = 1 + 4 + 8 + 8;
        let mut all = Vec::new();
        while !octets.is_empty() {
            let (head, rest) = octets.split_at(HEAD);
            let number = |at: usize| {
                usize::try_from(u64::from_ne_bytes(head[at..at + 8].try_into().unwrap())).unwrap()
            };
            let length = u32::from_ne_bytes(head[1..5].try_into().unwrap()) as usize;
            let (offset, count) = (number(5), number(13));
            let (name, rest) = rest.split_at(length);
            let (written, rest) = rest.split_at(if head[0] == 1 { count } else { 0 });
            let deed = match head[0] {
                1 => Deed::Write { at: offset, octets: written.to_vec() },
                2 => Deed::Truncate { length: offset },
                3 => Deed::Sync,
                4 => Deed::SyncFolder,
                5 => Deed::Unlink,
                other => panic!("entry {other}"),
            };
            all.push(Self { name: String::from_utf8(name.to_vec()).unwrap(), deed });
            octets = rest;
        }
        all
    }
}

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// All of it is lost.
    Lost,
    /// All of it is there.
    Kept,
    /// Each sector of so many octets is there or not.
    Sectors(usize),
    /// The first writes are there, the next one in part, in their order.
    Torn,
}

#[derive(Debug, Clone, Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Deed>,
    /// The folder was synced since it came.
    named: bool,
    /// Its name went, which the folder does not know for certain yet.
    gone: bool,
}

/// The files of the folder, as they are synced and as they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(BTreeMap<String, File>);

impl Disk {
    pub(crate) fn apply(&mut self, entry: &Entry) {
        if entry.name.is_empty() {
            self.0.retain(|_, file| !file.gone);
            self.0.values_mut().for_each(|file| file.named = true);
            return;
        }
        let file = self.0.entry(entry.name.clone()).or_default();
        match &entry.deed {
            Deed::Sync => {
                let pending = std::mem::take(&mut file.pending);
                pending.iter().for_each(|deed| perform(&mut file.synced, deed));
            }
            Deed::SyncFolder => {}
            Deed::Unlink => file.gone = true,
            deed => {
                if file.gone {
                    // Another file by the same name.
                    *file = File::default();
                }
                file.pending.push(deed.clone());
            }
        }
    }

    /// Writes into `folder` what survives a cut now.
    pub(crate) fn survive(&self, folder: &Path, rest: Rest, random: &Random) {
        let chance = |one_in: u64| match rest {
            Rest::Lost => false,
            Rest::Kept => true,
            Rest::Sectors(_) | Rest::Torn => random.below(one_in) != 0,
        };
        for (name, file) in &self.0 {
            let stays = match (file.named, file.gone) {
                (true, false) => true,
                // Without its folder's word a file of that name may be there or not.
                (false, false) => chance(3),
                (_, true) => !chance(3),
            };
            if stays {
                std::fs::write(folder.join(name), file.content(rest, random)).unwrap();
            }
        }
    }
}

impl File {
    fn content(&self, rest: Rest, random: &Random) -> Vec<u8> {
        let mut content = self.synced.clone();
        match rest {
            Rest::Lost => {}
            Rest::Kept => self.pending.iter().for_each(|deed| perform(&mut content, deed)),
            Rest::Torn => {
                let count = random.below(self.pending.len() as u64 + 1);
                let (whole, others) = self.pending.split_at(usize::try_from(count).unwrap());
                whole.iter().for_each(|deed| perform(&mut content, deed));
                if let Some(Deed::Write { at, octets }) = others.first() {
                    let part = random.below(octets.len() as u64 + 1);
                    let octets = octets[..usize::try_from(part).unwrap()].to_vec();
                    perform(&mut content, &Deed::Write { at: *at, octets });
                }
            }
            Rest::Sectors(size) => {
                let mut whole = content.clone();
                let mut touched = BTreeSet::new();
                for deed in &self.pending {
                    perform(&mut whole, deed);
                    match deed {
                        Deed::Write { at, octets } => {
                            touched.extend(at / size..=(at + octets.len().max(1) - 1) / size);
                        }
                        Deed::Truncate { length } if random.below(2) == 0 => {
                            content.truncate(*length);
                        }
                        _ => {}
                    }
                }
                for sector in touched {
                    if random.below(2) == 0 {
                        continue;
                    }
                    let end = whole.len().min((sector + 1) * size);
                    if let Some(octets) = whole.get(sector * size..end) {
                        let octets = octets.to_vec();
                        perform(&mut content, &Deed::Write { at: sector * size, octets });
                    }
                }
            }
        }
        content
    }
}

fn perform(content: &mut Vec<u8>, deed: &Deed) {
    match deed {
        Deed::Write { at, octets } => {
            let end = at + octets.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*at..end].copy_from_slice(octets);
        }
        Deed::Truncate { length } => content.resize(*length, 0),
        Deed::Sync | Deed::SyncFolder | Deed::Unlink => {}
    }
}
