//! WAP Push over SMS and UDP (WAP-235-PushOTA, WAP-230 clause 8.2.4).
