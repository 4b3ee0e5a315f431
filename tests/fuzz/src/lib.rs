//! What the fuzz targets run. The same properties are compiled into the project's own tests, which
//! replay the corpora on any toolchain.

mod properties;

/// Checks one target's properties.
///
/// # Panics
/// When one does not hold, or there is no such target.
pub fn check(target: &str, octets: &[u8]) {
    let found = properties::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, property) = found.expect("a known target");
    property(octets);
}
