//! Where the configuration file is looked for, and where data goes without one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{CliError, Exit};

/// Name of the folder and, with `.toml`, of the file.
const NAME: &str = "mm1gate";

/// Where to look, in this order.
pub(super) fn searched() -> Vec<PathBuf> {
    searched_in(&|name| std::env::var_os(name))
}

/// The first file that exists; `given` must exist.
///
/// # Errors
/// When `given` does not exist.
pub(super) fn find(given: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
    if let Some(path) = given {
        if !path.exists() {
            return Err(CliError::new(
                Exit::Config,
                format!("the configuration file {} does not exist", path.display()),
            )
            .remedy("check the path of --config"));
        }
        return Ok(Some(path.to_owned()));
    }
    Ok(searched().into_iter().find(|path| path.exists()))
}

/// The user's state folder: `$XDG_STATE_HOME/mm1gate`, else `~/.local/state/mm1gate`, else the
/// system's.
pub(super) fn default_data_dir() -> PathBuf {
    data_dir_in(&|name| std::env::var_os(name))
}

/// What `serve` says when there is no configuration at all.
pub(super) fn missing() -> CliError {
    let places: Vec<String> = searched().iter().map(|path| path.display().to_string()).collect();
    CliError::new(
        Exit::Config,
        format!("there is no configuration file; looked at {}", places.join(" and ")),
    )
    .remedy(
        "write one that begins with [[modem]] and port = \"/dev/ttyUSB0\", or see how it all \
         works without a modem: mm1gate demo",
    )
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn searched_in(environment: Environment<'_>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(base) = base_dir(environment, "XDG_CONFIG_HOME", ".config") {
        places.push(base.join(NAME).join("mm1gate.toml"));
    }
    places.push(Path::new("/etc").join(NAME).join("mm1gate.toml"));
    places
}

fn data_dir_in(environment: Environment<'_>) -> PathBuf {
    base_dir(environment, "XDG_STATE_HOME", ".local/state")
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join(NAME)
}

/// Relative paths in these variables are to be ignored (XDG Base Directory Specification).
fn base_dir(environment: Environment<'_>, variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[test]
    fn users_folder_comes_before_the_systems() {
        let home = environment(&[("HOME", "/home/ann")]);
        assert_eq!(
            searched_in(&home),
            [
                PathBuf::from("/home/ann/.config/mm1gate/mm1gate.toml"),
                PathBuf::from("/etc/mm1gate/mm1gate.toml")
            ]
        );
        let xdg = environment(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "/c")]);
        assert_eq!(searched_in(&xdg)[0], PathBuf::from("/c/mm1gate/mm1gate.toml"));
        assert_eq!(data_dir_in(&home), PathBuf::from("/home/ann/.local/state/mm1gate"));
        let relative = environment(&[("XDG_STATE_HOME", "state")]);
        assert_eq!(data_dir_in(&relative), PathBuf::from("/var/lib/mm1gate"));
    }
}
