//! Who may open a port: judged by owner, group and mode, so that the answer holds for the user that
//! runs the gateway, whoever asks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Lines read of `/etc/passwd` and `/etc/group`.
const MAX_LINES: usize = 100_000;

/// A user with all groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// The name, or the number of a user without one.
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gids: Vec<u32>,
}

/// Owner, group and mode of a device or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl User {
    /// Who runs this process.
    pub(super) fn current(root: &Path) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let mut gids: Vec<u32> = rustix::process::getgroups()
            .unwrap_or_default()
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        gids.push(rustix::process::getegid().as_raw());
        let name = name_of(root, "passwd", uid).unwrap_or_else(|| format!("user {uid}"));
        Self { name, uid, gids }
    }

    /// The user of that name, with the groups that a new session would have; none when there is
    /// no such user.
    pub(super) fn named(root: &Path, name: &str) -> Option<Self> {
        let lines = lines(root, "passwd");
        let fields: Vec<&str> = lines
            .iter()
            .map(|it| it.split(':').collect())
            .find(|it: &Vec<&str>| it.first() == Some(&name))?;
        let uid = fields.get(2)?.parse().ok()?;
        let mut gids = vec![fields.get(3)?.parse().ok()?];
        for line in self::lines(root, "group") {
            let fields: Vec<&str> = line.split(':').collect();
            let member = fields.get(3).is_some_and(|it| it.split(',').any(|it| it == name));
            gids.extend(fields.get(2).and_then(|it| it.parse::<u32>().ok()).filter(|_| member));
        }
        Some(Self { name: name.to_owned(), uid, gids })
    }

    /// Whether this user may read and write it.
    pub(super) fn may_use(&self, node: Node) -> bool {
        const READ_WRITE: u32 = 0o6;
        if self.uid == 0 {
            return true;
        }
        // The first that fits decides, even when the next would allow more.
        let shift = if node.uid == self.uid {
            6
        } else if self.gids.contains(&node.gid) {
            3
        } else {
            0
        };
        (node.mode >> shift) & READ_WRITE == READ_WRITE
    }
}

impl Node {
    /// Of a path, links followed.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() & 0o777 })
    }

    /// What lets `user` use it.
    pub(super) fn remedy(self, root: &Path, user: &User, port: &str) -> String {
        let group_may = (self.mode >> 3) & 0o6 == 0o6;
        match name_of(root, "group", self.gid) {
            // Whoever joins the group of root can do more than use modems.
            Some(group) if group_may && self.gid != 0 => format!(
                "add {} to group {group}: `sudo usermod -aG {group} {}`, then log in again (a \
                 service: restart it)",
                user.name, user.name
            ),
            _ => format!(
                "let group dialout use it: `sudo chgrp dialout {port}; sudo chmod 660 {port}` until \
                 the next plug, and with a udev rule for good (SUBSYSTEM==\"tty\", GROUP=\"dialout\", \
                 MODE=\"0660\"); then `sudo usermod -aG dialout {}`",
                user.name
            ),
        }
    }
}

fn lines(root: &Path, file: &str) -> Vec<String> {
    let text = fs::read(root.join("etc").join(file)).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().take(MAX_LINES).map(str::to_owned).collect()
}

fn name_of(root: &Path, file: &str, number: u32) -> Option<String> {
    let number = number.to_string();
    lines(root, file).iter().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, gids: &[u32]) -> User {
        User { name: "ann".to_owned(), uid, gids: gids.to_vec() }
    }

    #[test]
    fn owner_group_and_others_decide_in_that_order() {
        let node = |uid, gid, mode| Node { uid, gid, mode };
        let ann = user(1000, &[1000, 20]);
        assert!(ann.may_use(node(0, 20, 0o660)));
        assert!(!ann.may_use(node(0, 5, 0o660)));
        assert!(!ann.may_use(node(0, 20, 0o640)), "reading is not enough");
        assert!(ann.may_use(node(0, 5, 0o666)));
        assert!(!ann.may_use(node(0, 20, 0o606)), "the group's bits count for its members");
        assert!(!ann.may_use(node(1000, 20, 0o060)), "the owner's bits count for the owner");
        assert!(user(0, &[]).may_use(node(1, 1, 0)));
    }

    #[test]
    fn groups_of_a_named_user_are_read() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        let write =
            |name: &str, text: &str| fs::write(root.path().join("etc").join(name), text).unwrap();
        write(
            "passwd",
            "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\nbob:x:q:1\n",
        );
        write("group", "root:x:0:\ndialout:x:20:bob,ann\nann:x:1000:\nanna:x:30:annabel\n:::\n");
        let ann = User::named(root.path(), "ann").unwrap();
        assert_eq!((ann.uid, ann.gids.as_slice()), (1000, &[1000, 20][..]));
        assert_eq!(User::named(root.path(), "bob"), None);
        assert_eq!(User::named(root.path(), "zoe"), None);
        let node = Node { uid: 0, gid: 20, mode: 0o660 };
        let remedy = node.remedy(root.path(), &ann, "/dev/ttyUSB2");
        assert!(remedy.contains("usermod -aG dialout ann"), "{remedy}");
        let node = Node { uid: 0, gid: 0, mode: 0o660 };
        let remedy = node.remedy(root.path(), &ann, "/dev/ttyUSB2");
        assert!(!remedy.contains("-aG root") && remedy.contains("udev"), "{remedy}");
    }
}
