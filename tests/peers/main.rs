//! Tests against programs that nobody in this project wrote. Each is `#[ignore]` and run by
//! `tests/all`, which installs what they need.
