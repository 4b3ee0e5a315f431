//! Words for whoever runs a test: declared first in its binary, as `#[macro_use]`.

/// Tells the result of a run also where test runners keep what tests print to themselves.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}
