//! How urgent a message is.

/// How urgent a message is: its place in the queue, and X-Mms-Priority (OMA-TS-MMS_ENC-V1_3), which
/// some phones show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// It gives way to others.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before others, in quiet hours too.
    High,
}

impl Priority {
    /// All of them, the least urgent first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text)
    }

    /// 0 for low to 2 for high.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
        }
    }

    /// Reads [`Self::rank`]; what is beyond is as urgent as can be.
    #[must_use]
    pub const fn of_rank(rank: i64) -> Self {
        match rank {
            i64::MIN..=0 => Self::Low,
            1 => Self::Normal,
            _ => Self::High,
        }
    }
}
