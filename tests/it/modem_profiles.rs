//! The README's table of modems says what the profiles say.

use std::fmt::Write as _;
use std::path::Path;

use mm1gate::modem::{Profile, Profiles, UsbMode};

const BEGIN: &str = "<!-- the modems: made from modem-profiles/ -->\n";
const END: &str = "<!-- end of the modems -->\n";

fn state(profile: &Profile) -> String {
    match (&profile.refuse, profile.is_verified()) {
        (Some(reason), _) => format!("**no**: {reason}"),
        (None, true) => format!("seen to work: {}", profile.evidence.verified.join(", ")),
        (None, false) => "unverified".to_owned(),
    }
}

fn table(profiles: &Profiles) -> String {
    let mut text = String::from(
        "\n| modems | profile | USB identities | state |\n| --- | --- | --- | --- |\n",
    );
    let mut all: Vec<_> = profiles.iter().collect();
    // The last resort stands last.
    all.sort_by_key(|it| (it.name == "generic", it.name.clone()));
    for profile in all {
        let usable = |it: &&mm1gate::modem::UsbEntry| it.mode == UsbMode::Modem;
        let mut ids: Vec<String> =
            profile.usb.iter().filter(usable).map(|it| format!("`{}`", it.id)).collect();
        if ids.len() > 8 {
            let more = ids.len() - 8;
            ids.truncate(8);
            ids.push(format!("{more} more"));
        }
        writeln!(
            text,
            "| {} | `{}` | {} | {} |",
            profile.title,
            profile.name,
            ids.join(" "),
            state(profile)
        )
        .unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn readme_lists_the_modems_of_the_profiles() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README marks where the table begins");
    let (found, after) = rest.split_once(END).expect("the README marks where the table ends");
    let wanted = table(&Profiles::embedded());
    if found != wanted && std::env::var_os("MM1GATE_WRITE_README").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == wanted,
        "the README's table of modems is not that of modem-profiles/: run \
         `MM1GATE_WRITE_README=1 cargo test --test it readme_lists`\n{wanted}"
    );
}
