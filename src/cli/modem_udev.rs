//! `mm1gate modem udev`: a rule that tells ModemManager to leave the modems alone, and lets the
//! group of serial ports reset them.

use super::error::{CliError, Exit};
use super::machine::{Machine, MachineArgs};
use super::term;
use crate::modem::usb::Candidate;

/// Where the rule belongs: before the rules by which ModemManager chooses (80-mm-candidate.rules).
const FILE: &str = "/etc/udev/rules.d/77-mm1gate.rules";

/// What to print.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate modem udev | sudo tee /etc/udev/rules.d/77-mm1gate.rules\n  \
    sudo udevadm control --reload\n\n\
    Then plug the modem out and in.")]
pub(super) struct Args {
    #[command(flatten)]
    machine: MachineArgs,
}

/// Prints the rule.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let modems = Machine::look(&args.machine)?.modems();
    if modems.is_empty() {
        return Err(CliError::new(Exit::Unavailable, "no modem is plugged in")
            .remedy("plug the modem in that the rule is for, and run the command again"));
    }
    term::print(&rule(&modems))?;
    term::note(&format!(
        "Put this into {FILE}, run `sudo udevadm control --reload`, and plug the modem out and in."
    ));
    Ok(())
}

/// The rule for these modems.
pub(super) fn rule(modems: &[Candidate]) -> String {
    let mut text = String::from(
        "# ModemManager leaves these modems alone; group dialout may reset them (mm1gate).\n",
    );
    let mut done = Vec::new();
    for modem in modems {
        let (vid, pid) = (modem.device.vid, modem.device.pid);
        if done.contains(&(vid, pid)) {
            continue;
        }
        done.push((vid, pid));
        text.push_str(&format!(
            "# {}\nSUBSYSTEM==\"usb\", ENV{{DEVTYPE}}==\"usb_device\", \
             ATTR{{idVendor}}==\"{vid:04x}\", ATTR{{idProduct}}==\"{pid:04x}\", \
             ENV{{ID_MM_DEVICE_IGNORE}}=\"1\", GROUP=\"dialout\", MODE=\"0664\"\n",
            term::plain(&modem.title(), false),
        ));
    }
    text
}
