//! What `+CLAC` lists (3GPP TS 27.007 clause 8.37).

use super::plain;

/// Commands besides those that are only remembered.
const NAMES: &[&str] = &[
    "&C", "&D", "&F", "&V", "&W", "A", "D", "E", "H", "I", "L", "M", "O", "Q", "S0", "S3", "S4",
    "S5", "S6", "S7", "S8", "S10", "S12", "V", "X", "Z", "+CBC", "+CCID", "+CCLK", "+CEER",
    "+CEREG", "+CESQ", "+CFUN", "+CGACT", "+CGATT", "+CGAUTH", "+CGDATA", "+CGDCONT", "+CGMI",
    "+CGMM", "+CGMR", "+CGPADDR", "+CGREG", "+CGSN", "+CHUP", "+CIMI", "+CLAC", "+CLCC", "+CLCK",
    "+CMEE", "+CMGC", "+CMGD", "+CMGF", "+CMGL", "+CMGR", "+CMGS", "+CMGW", "+CMSS", "+CMUX",
    "+CNMA", "+CNMI", "+CNUM", "+COPS", "+CPAS", "+CPBF", "+CPBR", "+CPBS", "+CPBW", "+CPIN",
    "+CPINR", "+CPMS", "+CPWD", "+CREG", "+CRES", "+CRSM", "+CSAS", "+CSCA", "+CSCS", "+CSDH",
    "+CSIM", "+CSMP", "+CSMS", "+CSQ", "+CUSD", "+GCAP", "+GMI", "+GMM", "+GMR", "+GSN",
];

/// Every command, without its `AT`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().chain(plain::names())
}
