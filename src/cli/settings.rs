//! Where the configuration file is looked for (XDG Base Directory Specification).

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

/// What `serve` says when there is no configuration at all.
pub(super) fn missing() -> CliError {
    let places: Vec<String> = searched().iter().map(|path| path.display().to_string()).collect();
    CliError::new(
        Exit::Config,
        format!("there is no configuration file; looked at {}", places.join(" and ")),
    )
    .remedy(
        "begin with the one that 'mm1gate config example' prints; or see how it all works without a \
         modem: mm1gate demo",
    )
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn searched_in(environment: Environment<'_>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(base) = config_home(environment) {
        places.push(base.join(NAME).join("mm1gate.toml"));
    }
    places.push(Path::new("/etc").join(NAME).join("mm1gate.toml"));
    places
}

/// Relative paths in these variables are to be ignored.
fn config_home(environment: Environment<'_>) -> Option<PathBuf> {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
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
        let relative = environment(&[("XDG_CONFIG_HOME", "c")]);
        assert_eq!(searched_in(&relative), [PathBuf::from("/etc/mm1gate/mm1gate.toml")]);
    }
}
