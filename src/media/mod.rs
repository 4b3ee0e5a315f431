//! Sniffing, thumbnails, SMIL composition.
