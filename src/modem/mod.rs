//! One physical modem.
