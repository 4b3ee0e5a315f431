//! A cursor over a TPDU that names the field in every error (3GPP TS 23.040).

use crate::codec::{DecodeError, DecodeErrorKind};

pub(super) struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// The offset behind the last octet.
    pub(super) const fn end(&self) -> usize {
        self.octets.len()
    }

    /// The octet at an offset, wherever the cursor stands.
    pub(super) fn at(&self, offset: usize) -> Option<u8> {
        self.octets.get(offset).copied()
    }

    /// The next octet, not taken.
    pub(super) fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    pub(super) fn octet(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let value = self.octets.get(self.at).copied().ok_or_else(|| self.truncated(field))?;
        self.at += 1;
        Ok(value)
    }

    pub(super) fn take(
        &mut self,
        field: &'static str,
        length: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let end = self.at.saturating_add(length);
        let value = self.octets.get(self.at..end).ok_or_else(|| self.truncated(field))?;
        self.at = end;
        Ok(value)
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let offset = self.at;
        let octets = self.take(field, N)?;
        octets.try_into().map_err(|_| DecodeError {
            field,
            offset,
            kind: DecodeErrorKind::Truncated,
        })
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        self.at = self.octets.len();
        rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.at >= self.octets.len()
    }

    fn truncated(&self, field: &'static str) -> DecodeError {
        DecodeError { field, offset: self.at, kind: DecodeErrorKind::Truncated }
    }
}
