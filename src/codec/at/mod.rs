//! AT command lines and result lines (ITU-T V.250, 3GPP TS 27.007, 27.005).
