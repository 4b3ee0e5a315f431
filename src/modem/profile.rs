//! A modem's peculiarities as data: the steps and limits that drive the sequences.

/// A modem profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
}

/// A profile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("modem profile {name}: {reason}")]
pub struct ProfileError {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Profile {
    /// What suits most modems.
    #[must_use]
    pub fn generic() -> Self {
        todo!()
    }

    /// Reads a profile; unknown keys are errors.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ProfileError> {
        let _ = (name, text);
        todo!()
    }
}
