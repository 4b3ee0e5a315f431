//! REST and the page.
