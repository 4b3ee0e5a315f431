//! What a token may allow.

/// One kind of thing that may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Hand in messages, send again, forward, withdraw, forget; fetch, reject and mark as read what
    /// came in, since of each of these something leaves to the MMSC or to a sender.
    MessagesSend,
    /// Read messages, their parts and what happens to them; with the token of an account only of what
    /// that has handed in.
    MessagesRead,
    /// See the modems.
    ModemsRead,
    /// Test and pause modems.
    ModemsManage,
    /// See webhooks, routes, limits, blocked numbers.
    SettingsRead,
    /// Change those.
    SettingsManage,
    /// Read the figures for Prometheus.
    MetricsRead,
    /// Everything, tokens and accounts included.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::MessagesSend,
        Self::MessagesRead,
        Self::ModemsRead,
        Self::ModemsManage,
        Self::SettingsRead,
        Self::SettingsManage,
        Self::MetricsRead,
        Self::Admin,
    ];

    /// Its name in requests and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagesSend => "messages:send",
            Self::MessagesRead => "messages:read",
            Self::ModemsRead => "modems:read",
            Self::ModemsManage => "modems:manage",
            Self::SettingsRead => "settings:read",
            Self::SettingsManage => "settings:manage",
            Self::MetricsRead => "metrics:read",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}
