//! IP over a data call.
