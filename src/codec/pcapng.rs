//! pcapng files with a PPP and an AT interface (draft-ietf-opsawg-pcapng).
