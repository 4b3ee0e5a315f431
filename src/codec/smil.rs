//! SMIL presentations (OMA-TS-MMS-CONF clause 8).
