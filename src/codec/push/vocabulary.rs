//! What the tokens of the document types of WAP Push mean: Service Indication (WAP-167 clause 8),
//! Service Loading (WAP-168 clause 8), Cache Operation (WAP-175 clause 9), E-Mail Notification
//! (OMA-WAP-TS-EMN-V1_0 clause 7), Provisioning (OMA-WAP-TS-ProvCont-V1_1 clause 7) and the settings
//! of its forerunner by Nokia and Ericsson (Over The Air Settings Specification 7.0).

/// An attribute and how its value begins.
type Start = (&'static str, &'static str);

/// Tokens of one document type.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Page, token and name of the tags.
    tags: &'static [(u8, u8, &'static str)],
    /// Page, first token, and for each token from there the attribute and how its value begins.
    attributes: &'static [(u8, u8, &'static [Start])],
    /// Page, first token, and for each token from there a part of a value.
    values: &'static [(u8, u8, &'static [&'static str])],
    /// Attributes whose opaque value is a date.
    pub(super) dates: &'static [&'static str],
}

impl Vocabulary {
    pub(super) fn tag(&self, page: u8, token: u8) -> Option<&'static str> {
        let found = self.tags.iter().find(|(of, known, _)| (*of, *known) == (page, token));
        found.map(|(_, _, name)| *name)
    }

    /// The attribute and how its value begins.
    pub(super) fn attribute(&self, page: u8, token: u8) -> Option<Start> {
        self.attributes.iter().find_map(|(of, first, row)| {
            let index = token.checked_sub(*first).filter(|_| *of == page)?;
            row.get(usize::from(index)).copied()
        })
    }

    /// A part of a value.
    pub(super) fn value(&self, page: u8, token: u8) -> Option<&'static str> {
        self.values.iter().find_map(|(of, first, row)| {
            let index = token.checked_sub(*first).filter(|_| *of == page)?;
            row.get(usize::from(index)).copied()
        })
    }

    /// The token with the longest beginning that `value` has, and that beginning.
    pub(super) fn begin(&self, attribute: &str, value: &str) -> Option<(u8, &'static str)> {
        let every = self
            .attributes
            .iter()
            .filter(|(page, ..)| *page == 0)
            .flat_map(|(_, first, row)| (*first..).zip(row.iter().copied()));
        every
            .filter(|(_, (name, begin))| *name == attribute && value.starts_with(begin))
            .map(|(token, (_, begin))| (token, begin))
            .max_by_key(|(_, begin)| begin.len())
    }

    /// The first place in `text` that a token stands for: what is before it, the token, and what
    /// is behind.
    pub(super) fn split<'a>(&self, text: &'a str) -> Option<(&'a str, u8, &'a str)> {
        let every = self
            .values
            .iter()
            .filter(|(page, ..)| *page == 0)
            .flat_map(|(_, first, row)| (*first..).zip(row.iter().copied()));
        every
            .filter_map(|(token, part)| {
                let (before, behind) = text.split_once(part)?;
                Some((before, token, behind))
            })
            .min_by_key(|(before, ..)| before.len())
    }
}

const DOMAINS: &[&str] = &[".com/", ".edu/", ".net/", ".org/"];

pub(super) const SERVICE_INDICATION: Vocabulary = Vocabulary {
    tags: &[(0, 5, "si"), (0, 6, "indication"), (0, 7, "info"), (0, 8, "item")],
    attributes: &[(
        0,
        0x05,
        &[
            ("action", "signal-none"),
            ("action", "signal-low"),
            ("action", "signal-medium"),
            ("action", "signal-high"),
            ("action", "delete"),
            ("created", ""),
            ("href", ""),
            ("href", "http://"),
            ("href", "http://www."),
            ("href", "https://"),
            ("href", "https://www."),
            ("si-expires", ""),
            ("si-id", ""),
            ("class", ""),
        ],
    )],
    values: &[(0, 0x85, DOMAINS)],
    dates: &["created", "si-expires"],
};

pub(super) const SERVICE_LOADING: Vocabulary = Vocabulary {
    tags: &[(0, 5, "sl")],
    attributes: &[(
        0,
        0x05,
        &[
            ("action", "execute-low"),
            ("action", "execute-high"),
            ("action", "cache"),
            ("href", ""),
            ("href", "http://"),
            ("href", "http://www."),
            ("href", "https://"),
            ("href", "https://www."),
        ],
    )],
    values: &[(0, 0x85, DOMAINS)],
    dates: &[],
};

pub(super) const CACHE_OPERATION: Vocabulary = Vocabulary {
    tags: &[(0, 5, "co"), (0, 6, "invalidate-object"), (0, 7, "invalidate-service")],
    attributes: &[(
        0,
        0x05,
        &[
            ("uri", ""),
            ("uri", "http://"),
            ("uri", "http://www."),
            ("uri", "https://"),
            ("uri", "https://www."),
        ],
    )],
    values: &[(0, 0x85, DOMAINS)],
    dates: &[],
};

pub(super) const EMAIL_NOTIFICATION: Vocabulary = Vocabulary {
    tags: &[(0, 5, "emn")],
    attributes: &[(
        0,
        0x05,
        &[
            ("timestamp", ""),
            ("mailbox", ""),
            ("mailbox", "mailat:"),
            ("mailbox", "pop://"),
            ("mailbox", "imap://"),
            ("mailbox", "http://"),
            ("mailbox", "http://www."),
            ("mailbox", "https://"),
            ("mailbox", "https://www."),
        ],
    )],
    values: &[(0, 0x85, &[".com", ".edu", ".net", ".org"])],
    dates: &["timestamp"],
};

pub(super) const PROVISIONING: Vocabulary = Vocabulary {
    tags: &[
        (0, 5, "wap-provisioningdoc"),
        (0, 6, "characteristic"),
        (0, 7, "parm"),
        (1, 6, "characteristic"),
        (1, 7, "parm"),
    ],
    attributes: &[
        (
            0,
            0x05,
            &[
                ("name", ""),
                ("value", ""),
                ("name", "NAME"),
                ("name", "NAP-ADDRESS"),
                ("name", "NAP-ADDRTYPE"),
                ("name", "CALLTYPE"),
                ("name", "VALIDUNTIL"),
                ("name", "AUTHTYPE"),
                ("name", "AUTHNAME"),
                ("name", "AUTHSECRET"),
                ("name", "LINGER"),
                ("name", "BEARER"),
                ("name", "NAPID"),
                ("name", "COUNTRY"),
                ("name", "NETWORK"),
                ("name", "INTERNET"),
                ("name", "PROXY-ID"),
                ("name", "PROXY-PROVIDER-ID"),
                ("name", "DOMAIN"),
                ("name", "PROVURL"),
                ("name", "PXAUTH-TYPE"),
                ("name", "PXAUTH-ID"),
                ("name", "PXAUTH-PW"),
                ("name", "STARTPAGE"),
                ("name", "BASAUTH-ID"),
                ("name", "BASAUTH-PW"),
                ("name", "PUSHENABLED"),
                ("name", "PXADDR"),
                ("name", "PXADDRTYPE"),
                ("name", "TO-NAPID"),
                ("name", "PORTNBR"),
                ("name", "SERVICE"),
                ("name", "LINKSPEED"),
                ("name", "DNLINKSPEED"),
                ("name", "LOCAL-ADDR"),
                ("name", "LOCAL-ADDRTYPE"),
                ("name", "CONTEXT-ALLOW"),
                ("name", "TRUST"),
                ("name", "MASTER"),
                ("name", "SID"),
                ("name", "SOC"),
                ("name", "WSP-VERSION"),
                ("name", "PHYSICAL-PROXY-ID"),
                ("name", "CLIENT-ID"),
                ("name", "DELIVERY-ERR-SDU"),
                ("name", "DELIVERY-ORDER"),
                ("name", "TRAFFIC-CLASS"),
                ("name", "MAX-SDU-SIZE"),
                ("name", "MAX-BITRATE-UPLINK"),
                ("name", "MAX-BITRATE-DNLINK"),
                ("name", "RESIDUAL-BER"),
                ("name", "SDU-ERROR-RATIO"),
                ("name", "TRAFFIC-HANDL-PRIO"),
                ("name", "TRANSFER-DELAY"),
                ("name", "GUARANTEED-BITRATE-UPLINK"),
                ("name", "GUARANTEED-BITRATE-DNLINK"),
                ("name", "PXADDR-FQDN"),
                ("name", "PROXY-PW"),
                ("name", "PPGAUTH-TYPE"),
            ],
        ),
        (0, 0x45, &[("version", ""), ("version", "1.0")]),
        (
            0,
            0x47,
            &[
                ("name", "PULLENABLED"),
                ("name", "DNS-ADDR"),
                ("name", "MAX-NUM-RETRY"),
                ("name", "FIRST-RETRY-TIMEOUT"),
                ("name", "REREG-THRESHOLD"),
                ("name", "T-BIT"),
            ],
        ),
        (0, 0x4e, &[("name", "AUTH-ENTITY"), ("name", "SPI")]),
        (
            0,
            0x50,
            &[
                ("type", ""),
                ("type", "PXLOGICAL"),
                ("type", "PXPHYSICAL"),
                ("type", "PORT"),
                ("type", "VALIDITY"),
                ("type", "NAPDEF"),
                ("type", "BOOTSTRAP"),
                ("type", "VENDORCONFIG"),
                ("type", "CLIENTIDENTITY"),
                ("type", "PXAUTHINFO"),
                ("type", "NAPAUTHINFO"),
                ("type", "ACCESS"),
            ],
        ),
        (1, 0x05, &[("name", ""), ("value", ""), ("name", "NAME")]),
        (1, 0x14, &[("name", "INTERNET")]),
        (1, 0x1c, &[("name", "STARTPAGE")]),
        (1, 0x22, &[("name", "TO-NAPID"), ("name", "PORTNBR"), ("name", "SERVICE")]),
        (
            1,
            0x2e,
            &[
                ("name", "AACCEPT"),
                ("name", "AAUTHDATA"),
                ("name", "AAUTHLEVEL"),
                ("name", "AAUTHNAME"),
                ("name", "AAUTHSECRET"),
                ("name", "AAUTHTYPE"),
                ("name", "ADDR"),
                ("name", "ADDRTYPE"),
                ("name", "APPID"),
                ("name", "APROTOCOL"),
                ("name", "PROVIDER-ID"),
                ("name", "TO-PROXY"),
                ("name", "URI"),
                ("name", "RULE"),
            ],
        ),
        (1, 0x50, &[("type", "")]),
        (1, 0x53, &[("type", "PORT")]),
        (
            1,
            0x55,
            &[
                ("type", "APPLICATION"),
                ("type", "APPADDR"),
                ("type", "APPAUTH"),
                ("type", "CLIENTIDENTITY"),
                ("type", "RESOURCE"),
            ],
        ),
    ],
    values: &[
        (0, 0x85, &["IPV4", "IPV6", "E164", "ALPHA", "APN", "SCODE", "TETRA-ITSI", "MAN"]),
        (
            0,
            0x90,
            &[
                "ANALOG-MODEM",
                "V.120",
                "V.110",
                "X.31",
                "BIT-TRANSPARENT",
                "DIRECT-ASYNCHRONOUS-DATA-SERVICE",
            ],
        ),
        (0, 0x9a, &["PAP", "CHAP", "HTTP-BASIC", "HTTP-DIGEST", "WTLS-SS", "MD5"]),
        (
            0,
            0xa2,
            &[
                "GSM-USSD",
                "GSM-SMS",
                "ANSI-136-GUTS",
                "IS-95-CDMA-SMS",
                "IS-95-CDMA-CSD",
                "IS-95-CDMA-PACKET",
                "ANSI-136-CSD",
                "ANSI-136-GPRS",
                "GSM-CSD",
                "GSM-GPRS",
                "AMPS-CDPD",
                "PDC-CSD",
                "PDC-PACKET",
                "IDEN-SMS",
                "IDEN-CSD",
                "IDEN-PACKET",
                "FLEX/REFLEX",
                "PHS-SMS",
                "PHS-CSD",
                "TETRA-SDS",
                "TETRA-PACKET",
                "ANSI-136-GHOST",
                "MOBITEX-MPAK",
                "CDMA2000-1X-SIMPLE-IP",
                "CDMA2000-1X-MOBILE-IP",
            ],
        ),
        (0, 0xc5, &["AUTOBAUDING"]),
        (
            0,
            0xca,
            &[
                "CL-WSP",
                "CO-WSP",
                "CL-SEC-WSP",
                "CO-SEC-WSP",
                "CL-SEC-WTA",
                "CO-SEC-WTA",
                "OTA-HTTP-TO",
                "OTA-HTTP-TLS-TO",
                "OTA-HTTP-PO",
                "OTA-HTTP-TLS-PO",
            ],
        ),
        (0, 0xe0, &["AAA", "HA"]),
        (1, 0x80, &[",", "HTTP-", "BASIC", "DIGEST"]),
        (1, 0x86, &["IPV6", "E164", "ALPHA"]),
        (1, 0x8d, &["APPSRV", "OBEX"]),
    ],
    dates: &[],
};

pub(super) const OTA_SETTINGS: Vocabulary = Vocabulary {
    tags: &[(0, 5, "CHARACTERISTIC-LIST"), (0, 6, "CHARACTERISTIC"), (0, 7, "PARM")],
    attributes: &[
        (0, 0x06, &[("TYPE", "ADDRESS"), ("TYPE", "URL"), ("TYPE", "NAME")]),
        (
            0,
            0x10,
            &[
                ("NAME", ""),
                ("VALUE", ""),
                ("NAME", "BEARER"),
                ("NAME", "PROXY"),
                ("NAME", "PORT"),
                ("NAME", "NAME"),
                ("NAME", "PROXY_TYPE"),
                ("NAME", "URL"),
                ("NAME", "PROXY_AUTHNAME"),
                ("NAME", "PROXY_AUTHSECRET"),
                ("NAME", "SMS_SMSC_ADDRESS"),
                ("NAME", "USSD_SERVICE_CODE"),
                ("NAME", "GPRS_ACCESSPOINTNAME"),
                ("NAME", "PPP_LOGINTYPE"),
                ("NAME", "PROXY_LOGINTYPE"),
            ],
        ),
        (
            0,
            0x21,
            &[
                ("NAME", "CSD_DIALSTRING"),
                ("NAME", "PPP_AUTHTYPE"),
                ("NAME", "PPP_AUTHNAME"),
                ("NAME", "PPP_AUTHSECRET"),
            ],
        ),
        (0, 0x28, &[("NAME", "CSD_CALLTYPE"), ("NAME", "CSD_CALLSPEED")]),
        (
            0,
            0x45,
            &[
                ("VALUE", "GSM/CSD"),
                ("VALUE", "GSM/SMS"),
                ("VALUE", "GSM/USSD"),
                ("VALUE", "IS-136/CSD"),
                ("VALUE", "GPRS"),
            ],
        ),
        (
            0,
            0x60,
            &[
                ("VALUE", "9200"),
                ("VALUE", "9201"),
                ("VALUE", "9202"),
                ("VALUE", "9203"),
                ("VALUE", "AUTOMATIC"),
                ("VALUE", "MANUAL"),
            ],
        ),
        (
            0,
            0x6a,
            &[
                ("VALUE", "AUTO"),
                ("VALUE", "9600"),
                ("VALUE", "14400"),
                ("VALUE", "19200"),
                ("VALUE", "28800"),
                ("VALUE", "38400"),
                ("VALUE", "PAP"),
                ("VALUE", "CHAP"),
                ("VALUE", "ANALOGUE"),
                ("VALUE", "ISDN"),
                ("VALUE", "43200"),
                ("VALUE", "57600"),
                ("VALUE", "MSISDN_NO"),
                ("VALUE", "IPV4"),
                ("VALUE", "MS_CHAP"),
            ],
        ),
        (
            0,
            0x7c,
            &[("TYPE", "MMSURL"), ("TYPE", "ID"), ("NAME", "ISP_NAME"), ("TYPE", "BOOKMARK")],
        ),
    ],
    values: &[],
    dates: &[],
};
