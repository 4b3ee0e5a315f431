//! How a modem is treated and what it dials: its profile, the context and the bearer, from the
//! configuration and the operator's settings.

use std::path::Path;
use std::sync::Arc;

use super::config::DataPolicy;
use crate::bearer::BearerConfig;
use crate::modem::{PdpAuth, PdpContext, ProfileChoice, Profiles};
use crate::operators::{Auth, Settings};
use crate::proto::ppp::{AuthProtocol, Credentials, Families};

pub(super) fn context(settings: &Settings) -> PdpContext {
    PdpContext {
        apn: settings.apn.clone(),
        pdp_type: settings.pdp_type.clone(),
        user: settings.user.clone(),
        password: settings.password.clone(),
        auth: match settings.auth {
            Auth::Any => PdpAuth::Any,
            Auth::None => PdpAuth::None,
            Auth::Pap => PdpAuth::Pap,
            Auth::Chap => PdpAuth::Chap,
        },
    }
}

pub(super) fn bearer_config(settings: &Settings, data: &DataPolicy) -> BearerConfig {
    let named = !settings.user.is_empty() || !settings.password.expose().is_empty();
    BearerConfig {
        credentials: named.then(|| Credentials {
            user: settings.user.clone(),
            password: settings.password.clone(),
        }),
        prefer: match settings.auth {
            Auth::Pap => Some(AuthProtocol::Pap),
            Auth::Chap => Some(AuthProtocol::ChapMd5),
            Auth::Any | Auth::None => None,
        },
        name_servers: settings.name_servers.clone(),
        mtu: data.mtu,
        mss: data.mss,
        user_timeout: data.user_timeout,
        families: Families { v4: settings.pdp_type != "IPV6", v6: settings.pdp_type != "IP" },
        ..BearerConfig::default()
    }
}

/// The profile that the configuration wants, from the user's folder or the program's own.
pub(super) fn profile(name: &str, dir: Option<&Path>) -> Result<ProfileChoice, String> {
    let profiles = match dir {
        Some(dir) => Arc::new(Profiles::with_folder(dir).map_err(|error| error.to_string())?),
        None => Profiles::embedded(),
    };
    if name == "auto" {
        return Ok(ProfileChoice::auto(&profiles, None));
    }
    profiles.named(name).map(ProfileChoice::fixed).map_err(|error| error.to_string())
}
