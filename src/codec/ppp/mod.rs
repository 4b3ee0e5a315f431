//! HDLC-like framing and PPP control packets (RFC 1662, 1661, 1334, 1994, 1332, 1877).
