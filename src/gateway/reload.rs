//! What of a configuration can be changed while the gateway runs, and what cannot.

use super::{Config, Gateway};
use crate::store::StoreError;

impl Gateway {
    /// Goes by another configuration from now on, as far as that is possible while it runs: what may
    /// leave when (`[sending]`, `[limits]`), what is done about what comes (`[receiving]`), and the
    /// world, which the caller begins anew. What waited by the old rules is judged by the new ones.
    /// Names the tables that have changed and want a restart.
    ///
    /// # Errors
    /// When the store fails; the new rules hold all the same.
    pub async fn reload(&self, new: Config) -> Result<Vec<&'static str>, StoreError> {
        let tables = needing_restart(&self.inner.config, &new);
        let core = &self.inner.core;
        core.sending.set(new.sending);
        core.receiving.set(new.receiving);
        self.set_world(new.world);
        for line in &self.inner.lines {
            let Some(sim) = line.last_sim() else { continue };
            core.store.resume(&line.config().name, &sim, core.now()).await?;
            line.show_holds(Some(&sim)).await?;
            line.wake_now();
        }
        Ok(tables)
    }
}

/// The tables in which `new` differs from what this run was started with, and whose changes want a
/// restart: ports, modems and what each modem's workers were made with.
pub(super) fn needing_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let (timing, sending) = (old.timing, &old.sending);
    let differing = [
        ("data_dir", old.data_dir != new.data_dir),
        ("profile_dir", old.profile_dir != new.profile_dir),
        ("[api]", old.listen != new.listen || old.api != new.api),
        (
            "[sending] give_up_after_hours, resend_unknown and sms_languages",
            timing.give_up_after != new.timing.give_up_after
                || old.resend_unknown != new.resend_unknown
                || old.sms_languages != new.sms_languages,
        ),
        ("[receiving] texts_may_wait_seconds", timing.longest_call != new.timing.longest_call),
        ("[data]", old.data != new.data || timing.linger != new.timing.linger),
        // Their limits are not theirs alone: what a modem is called decides whose they are.
        (
            "[[modem]]",
            old.modems != new.modems || sending.limits_of.keys().any(|name| !has_modem(new, name)),
        ),
    ];
    differing.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn has_modem(config: &Config, name: &str) -> bool {
    config.modems.iter().any(|modem| modem.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "data_dir = \"/d\"\n[[modem]]\nname = \"desk\"\nport = \"/dev/ttyUSB0\"\n";

    fn differing(change: &str) -> Vec<&'static str> {
        let parse = |text: &str| Config::parse(text, "/etc/gate.toml").unwrap();
        needing_restart(&parse(BASE), &parse(change))
    }

    #[test]
    fn tables_that_want_a_restart_are_named_and_the_others_are_not() {
        assert_eq!(differing(BASE), [] as [&str; 0]);
        for free in [
            "[limits]\nper_day = 5\n",
            "[sending]\nquiet_hours = \"21:00-08:00\"\n",
            "[receiving]\nretrieve = \"deferred\"\n",
            "[webhooks]\nallow = [\"10.0.0.0/8\"]\n",
            "[[hook]]\ncommand = [\"/bin/true\"]\n",
            "[retention]\nmessages_days = 3\n",
        ] {
            let text = BASE.replace("[[modem]]", &format!("{free}[[modem]]"));
            assert_eq!(differing(&text), [] as [&str; 0], "{free}");
        }
        for (change, table) in [
            ("[api]\nlisten = \"127.0.0.1:1\"\n", "[api]"),
            ("[api]\nrequire_token = true\n", "[api]"),
            ("[data]\nmtu = 1000\n", "[data]"),
            ("[data]\nlinger_seconds = 1\n", "[data]"),
        ] {
            let text = BASE.replace("[[modem]]", &format!("{change}[[modem]]"));
            assert_eq!(differing(&text), [table], "{change}");
        }
        assert_eq!(differing(&format!("{BASE}pin = \"1234\"\n")), ["[[modem]]"]);
        assert_eq!(differing(&BASE.replace("\"/d\"", "\"/e\"")), ["data_dir"]);
    }
}
