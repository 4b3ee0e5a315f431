#!/usr/bin/env python3
"""Makes src/operators/table.txt from three public lists of operator settings.

    tools/operators/make_table.py --mbpi serviceproviders.xml \
        --lineage DIRECTORY --aosp mms-config.csv > src/operators/table.txt

The lists are sources of facts and are not part of this project:

  --mbpi     GNOME mobile-broadband-provider-info, serviceproviders.xml (public domain)
  --lineage  LineageOS vendor/apn, a folder with one XML file a country (Apache-2.0)
  --aosp     res/xml-mcc*-mnc*/mms_config.xml of AOSP Messaging, flattened to
             mcc,mnc,type,key,value,origin (Apache-2.0)

Standard library only. The same input gives the same output. What was repaired, merged or left out
is told on standard error. The format is described in src/operators/table.rs.
"""

import argparse
import collections
import csv
import glob
import ipaddress
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

# Countries whose MNCs have three digits (ITU-T E.212 and its bulletins). Where a list writes both
# lengths, or none of the lists pads, this decides.
THREE_DIGITS = set(
    "302 310 311 312 313 314 315 316 334 338 342 344 346 348 352 354 356 358 360 365 366 376 708 "
    "714 722 732 750".split()
)

# Radio technologies of Android's bearer masks that a GSM or LTE modem never uses: CDMA and Wi-Fi.
FOREIGN_RADIO = {"4", "5", "6", "7", "8", "12", "13", "18"}

APN = re.compile(r"[A-Za-z0-9._-]{1,100}\Z")
HOST = re.compile(r"[A-Za-z0-9._-]{1,253}\Z")

COUNTRIES = os.path.join(os.path.dirname(__file__), "../../src/operators/countries.txt")

told = collections.Counter()


def note(what, *words):
    told[what] += 1
    print(f"{what}: {' '.join(str(word) for word in words)}", file=sys.stderr)


class Entry:
    """One set-up for MMS."""

    def __init__(self, source, name, apn, mmsc, proxy):
        self.sources = {source}
        self.name = name
        self.apn = apn
        self.mmsc = mmsc
        self.proxy = proxy
        self.user = ""
        self.password = ""
        self.auth = "any"
        self.pdp = "IP"
        self.match = ("", "")
        self.plan = ""
        self.shared = False
        self.size = 0

    def key(self):
        return (
            self.match[0], self.match[1].lower(), self.apn.lower(), self.mmsc.lower(),
            (self.proxy or "").lower(), self.user, self.password,
        )

    def wap(self):
        return (self.proxy or "").endswith((":9200", ":9201"))

    def rank(self):
        """Those for every SIM first, then what two lists agree upon, then the newer list."""
        agreed = {"ml": 0, "l": 1, "m": 2}["".join(sorted(self.sources, reverse=True))]
        return (bool(self.match[0]), self.wap(), agreed)

    def line(self):
        fields = ["+", self.apn, self.mmsc, self.proxy or "-"]
        if self.match[0]:
            fields.append(f"{self.match[0]}={self.match[1]}")
        if self.user:
            fields.append(f"user={self.user}")
        if self.password:
            fields.append(f"password={self.password}")
        if self.auth != "any":
            fields.append(f"auth={self.auth}")
        if self.pdp != "IP":
            fields.append(f"pdp={self.pdp}")
        if self.shared:
            fields.append("shared")
        if self.plan:
            fields.append(f"plan={self.plan}")
        if self.size:
            fields.append(f"size={self.size}")
        if self.name:
            fields.append(f"name={self.name}")
        fields.append("by=" + "".join(sorted(self.sources)))
        return "\t".join(fields)


class Network:
    """A PLMN."""

    def __init__(self):
        self.countries = []
        self.names = []
        self.carriers = []
        self.entries = []
        self.traits = {}
        self.codes = []


networks = collections.defaultdict(Network)


def plain(text):
    return " ".join((text or "").split())


def decimal(host):
    """Zeros in front of the numbers of an IPv4 address are decimal, never octal."""
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return ".".join(str(int(part)) for part in parts)
    return host


def host_of(text):
    host = decimal(text)
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host)}]"
        except ValueError:
            return None
    return host if HOST.match(host) else None


def apn_of(text, where):
    apn = plain(text).replace("\uff0e", ".")
    if APN.match(apn):
        return apn
    note("no access point name", where, repr(text))
    return None


def mmsc_of(text, where):
    url = plain(text).replace(" ", "")
    if not url:
        return None
    found = re.match(r"(?i)(https?)(?::/+|//+)(.+)\Z", url)
    scheme, rest = (found[1].lower(), found[2]) if found else ("http", url)
    if not url.lower().startswith(scheme + "://"):
        note("scheme mended", where, url)
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    name = host_of(name)
    if name is None or (colon and not (port.isdigit() and 0 < int(port) < 65536)):
        note("no MMSC", where, repr(text))
        return None
    if any(not "!" <= octet <= "~" for octet in path):
        note("no MMSC", where, repr(text))
        return None
    return f"{scheme}://{name}{colon}{port}/{path}"


def proxy_of(host, port, where):
    """`host:port`, "" for none, None for one that is none."""
    host = re.sub(r"(?i)^https?:/*", "", plain(host)).rstrip("/")
    port = plain(port)
    if not host:
        return ""
    if host.count(":") == 1:
        host, port = host.split(":")
    if not port:
        # What Android dials where a list names no port.
        note("proxy without a port, 80 taken", where, host)
        port = "80"
    name = host_of(host)
    if name is None or not port.isdigit() or not 0 < int(port) < 65536:
        note("no proxy", where, host, port)
        return None
    if int(port) in (9202, 9203):
        note("WTLS port of a WAP gateway, the one without taken", where, host, port)
        port = str(int(port) - 2)
    return f"{name}:{int(port)}"


def condition(kind, text, plmn, where):
    """What a SIM of a virtual operator is told by. Lists mix the kinds up; the value decides."""
    kind = {"gid": "gid1"}.get(kind, kind)
    text = plain(text)
    if not kind or not text:
        return ("", "")
    if kind not in ("spn", "gid1", "imsi", "iccid"):
        note("unknown condition", where, kind, text)
        return None
    digits = re.fullmatch(r"[0-9]{5,}[xX]*[0-9xX]*", text)
    if digits and text.startswith(plmn[0]) and kind != "iccid":
        right = "imsi"
    elif kind == "iccid":
        right = "iccid" if re.fullmatch(r"[0-9]+", text) else None
    elif re.fullmatch(r"[0-9A-Fa-f]{2,}", text) and len(text) % 2 == 0 and (
        kind == "gid1" or kind == "imsi" or re.fullmatch(r"[0-9]{8}", text)
    ):
        right = "gid1"
    else:
        right = "spn"
    if right is None:
        note("condition without sense", where, kind, text)
        return None
    if right != kind:
        note("condition is another kind", where, f"{kind} {text} is {right}")
    if right == "gid1":
        text = text.upper()
    if right == "imsi":
        text = text.lower().rstrip("x")
    return (right, text)


def credential(text, where):
    text = plain(text).strip('"')
    if any(not " " <= octet <= "~" or octet == '"' for octet in text):
        note("no user or password", where, repr(text))
        return ""
    return text


def read_lineage(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
        country = os.path.basename(path)[:-4].lower()
        for apn in ElementTree.parse(path).getroot().findall("apn"):
            mcc, mnc = apn.get("mcc"), apn.get("mnc")
            where = f"{mcc}-{mnc} {apn.get('carrier')} (lineage)"
            if not apn.get("mvno_type") and plain(apn.get("carrier")):
                networks[mcc, int(mnc)].carriers.append(plain(apn.get("carrier")))
            types = set((apn.get("type") or "*").replace(" ", "").split(","))
            if not types & {"mms", "*"} or not plain(apn.get("mmsc")):
                continue
            bearers = set((apn.get("bearer_bitmask") or "").split("|")) - {""}
            if bearers and bearers <= FOREIGN_RADIO:
                note("for CDMA or Wi-Fi alone", where)
                continue
            if apn.get("carrier_enabled") == "false":
                note("switched off", where)
                continue
            name = apn_of(apn.get("apn"), where)
            mmsc = mmsc_of(apn.get("mmsc"), where)
            proxy = proxy_of(apn.get("mmsproxy"), apn.get("mmsport"), where)
            match = condition(apn.get("mvno_type"), apn.get("mvno_match_data"), (mcc, mnc), where)
            if name is None or mmsc is None or proxy is None or match is None:
                continue
            entry = Entry("l", plain(apn.get("carrier")), name, mmsc, proxy)
            entry.user = credential(apn.get("user"), where)
            entry.password = credential(apn.get("password"), where)
            entry.auth = {"0": "none", "1": "pap", "2": "chap"}.get(apn.get("authtype"), "any")
            if entry.auth == "none" and entry.user:
                entry.auth = "any"
            entry.pdp = apn.get("protocol") or "IP"
            entry.match = match
            entry.shared = bool(types & {"default", "*"})
            network = networks[mcc, int(mnc)]
            network.countries.append(country)
            network.entries.append(entry)


def read_mbpi(path):
    for country in ElementTree.parse(path).getroot().findall("country"):
        code = country.get("code")
        for provider in country.findall("provider"):
            title = plain(provider.findtext("name"))
            gsm = provider.find("gsm")
            if gsm is None:
                continue
            gids = [plain(gid.text).upper() for gid in gsm.findall("gid1")]
            balance = gsm.find("balance-check/ussd")
            number = gsm.find("msisdn-query/ussd")
            for place in gsm.findall("network-id"):
                mcc, mnc = place.get("mcc"), place.get("mnc")
                network = networks[mcc, int(mnc)]
                network.countries.append(code)
                if not gids and provider.get("primary") != "false":
                    network.names.append(title)
                for kind, code_of in (("balance", balance), ("number", number)):
                    text = "" if code_of is None else plain(code_of.text)
                    if re.fullmatch(r"[*#0-9]{2,40}", text):
                        network.codes.append((kind, text, gids[0] if gids else "", title))
                    elif text:
                        note("no code", f"{mcc}-{mnc} {title} (mbpi)", kind, text)
                for apn in gsm.findall("apn"):
                    where = f"{mcc}-{mnc} {title} (mbpi)"
                    usages = {usage.get("type") for usage in apn.findall("usage")}
                    kinds = {kind for usage in usages for kind in usage.split("-")}
                    if "mms" not in kinds or not plain(apn.findtext("mmsc")):
                        continue
                    name = apn_of(apn.get("value"), where)
                    mmsc = mmsc_of(apn.findtext("mmsc"), where)
                    proxy = proxy_of(apn.findtext("mmsproxy"), "", where)
                    if name is None or mmsc is None or proxy is None:
                        continue
                    own = plain(apn.findtext("name"))
                    names_itself = title.lower().split()[0] in own.lower()
                    shown = own if names_itself else plain(f"{title} {own}")
                    for gid in gids or [""]:
                        entry = Entry("m", shown, name, mmsc, proxy)
                        entry.user = credential(apn.findtext("username"), where)
                        entry.password = credential(apn.findtext("password"), where)
                        method = apn.find("authentication")
                        if method is not None and method.get("method") in ("pap", "chap"):
                            entry.auth = method.get("method")
                        plans = {plan.get("type") for plan in apn.findall("plan")}
                        entry.plan = plans.pop() if len(plans) == 1 else ""
                        entry.shared = "internet" in kinds
                        if gid:
                            entry.match = ("gid1", gid)
                        size = plain(apn.findtext("mmsattachmentsize"))
                        entry.size = int(size) if size.isdigit() else 0
                        network.entries.append(entry)


def traits_of(key, value):
    """One line of AOSP's overrides as key and value of ours; None for what MM1 has no use for."""
    value = value.strip()
    if key == "maxMessageSize":
        return [("size", value)]
    if key in ("maxImageWidth", "maxImageHeight"):
        return [(key, value)]
    if key == "recipientLimit":
        return [("recipients", value if int(value) > 0 else "unlimited")]
    if key == "maxSubjectLength":
        return [("subject", value)]
    if key == "httpSocketTimeout":
        return [("timeout", str(int(value) // 1000))]
    if key == "uaProfTagName":
        return [("uaprof-header", value)]
    if key == "naiSuffix":
        return [("nai-suffix", value)]
    if key == "httpParams":
        macros = {"LINE1": "LINE1", "LINE1NOCOUNTRYCODE": "LINE1NOCC", "NAI": "NAI"}
        headers = []
        for pair in value.split("|"):
            header, _, text = pair.partition(":")
            text = re.sub(r"##(\w+)##", lambda found: "{%s}" % macros[found[1]], text.strip())
            headers.append((f"header:{header.strip()}", text))
        return headers
    flags = {
        "enabledTransID": ("true", "append-transaction-id"),
        "enabledNotifyWapMMSC": ("true", "ack-to-location"),
        "enableGroupMms": ("false", "no-group"),
        "enabledMMS": ("false", "no-mms"),
        "enableMMSDeliveryReports": ("false", "no-delivery-reports"),
        "enableMMSReadReports": ("false", "no-read-reports"),
        "supportMmsContentDisposition": ("false", "no-content-disposition"),
        "allowAttachAudio": ("false", "no-audio"),
    }
    if key in flags:
        said, trait = flags[key]
        return [(trait, "")] if value == said else []
    return None


def read_aosp(path):
    everywhere = collections.defaultdict(dict)
    left_out = collections.Counter()
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = traits_of(row["key"], row["value"])
            if found is None:
                left_out[row["key"]] += 1
                continue
            if row["mnc"]:
                traits = networks[row["mcc"], int(row["mnc"])].traits
            else:
                traits = everywhere[row["mcc"]]
            traits.update(found)
    for (mcc, _), network in networks.items():
        network.traits = {**everywhere[mcc], **network.traits}
    for key, count in sorted(left_out.items()):
        note("no matter of MM1", key, count)


NOISE = re.compile(
    r"(?i)[\s_(\-]*\b(mms|mms portal|portalmmm|internet|wap|gprs|prepaid|postpaid|contract|web|"
    r"default|new|lte|3g|4g|5g|apn|port ?8080|phone|picture messaging|multimedia)\b\)?"
)


def first_word(name):
    found = re.search(r"[^\W_]+", name.lower())
    return found[0] if found else ""


def name_of(network, brands):
    """The name by which most of the world knows it, of those that the lists give this network: a
    brand in many networks is the operator, one in a single network its reseller."""
    names = list(network.names) or [
        NOISE.sub("", carrier).strip(" -_()") or carrier for carrier in network.carriers
    ]
    return max(names, key=lambda name: brands[first_word(name)], default="")


def plmn_of(mcc, number):
    """MCC and MNC with as many digits as the country's MNCs have."""
    return f"{mcc}{number:03}" if number >= 100 or mcc in THREE_DIGITS else f"{mcc}{number:02}"


def merged(entries):
    found = {}
    for entry in entries:
        before = found.get(entry.key())
        if before is None:
            found[entry.key()] = entry
            continue
        before.sources |= entry.sources
        before.size = before.size or entry.size
        if entry.sources == {"l"}:
            # The newer list knows the versions of IP and the way to log in.
            before.pdp, before.auth = entry.pdp, entry.auth
        if before.plan != entry.plan:
            before.plan = ""
        told["merged"] += 1
    return sorted(found.values(), key=Entry.rank)


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--mbpi", required=True, metavar="FILE")
    reader.add_argument("--lineage", required=True, metavar="DIRECTORY")
    reader.add_argument("--aosp", required=True, metavar="FILE")
    args = reader.parse_args()
    read_lineage(args.lineage)
    read_mbpi(args.mbpi)
    read_aosp(args.aosp)

    countries = {}
    with open(COUNTRIES, encoding="ascii") as file:
        for line in file:
            if not line.startswith("#"):
                mcc, *codes = line.split()
                countries[mcc] = codes

    brands = collections.Counter()
    for network in networks.values():
        brands.update({first_word(name) for name in network.names + network.carriers})

    blocks = {}
    with_mms = 0
    for (mcc, number), network in networks.items():
        entries = merged(network.entries)
        if not entries and not network.traits and not network.codes:
            continue
        if mcc not in countries:
            note("no mobile country code", mcc, number)
            continue
        here = [code for code in network.countries if code in countries[mcc]]
        for code in {*network.countries} - {*here, "intl"}:
            note("another country's code", f"{mcc}-{number} listed under {code}")
        country = (here or countries[mcc])[0]
        name = name_of(network, brands)
        plmn = plmn_of(mcc, number)
        lines = ["\t".join([f"={plmn}", country, name or "-"])]
        traits = dict(network.traits)
        width, height = traits.pop("maxImageWidth", ""), traits.pop("maxImageHeight", "")
        if width and height:
            traits["image"] = f"{width}x{height}"
        if traits:
            shown = [f"{key}={value}" if value else key for key, value in sorted(traits.items())]
            lines.append("\t".join(["!", *shown]))
        for kind, text, gid, title in sorted(set(network.codes)):
            fields = ["?", f"{kind}={text}"]
            if gid:
                fields.append(f"gid1={gid}")
            fields.append(f"name={title}")
            lines.append("\t".join(fields))
        lines.extend(entry.line() for entry in entries)
        assert plmn not in blocks, plmn
        with_mms += bool(entries)
        blocks[plmn] = lines

    out = sys.stdout
    out.reconfigure(encoding="utf-8", newline="\n")
    out.write(
        "# Operator table of mm1gate, format 1. Made by tools/operators/make_table.py: change that,\n"
        "# or the lists it reads, not this file. Format: src/operators/table.rs.\n"
        "# Facts taken from: mobile-broadband-provider-info (GNOME; dedicated to the public domain),\n"
        "# LineageOS vendor/apn (Apache-2.0, copyright Google Inc and The LineageOS Project) and\n"
        "# AOSP Messaging (Apache-2.0, copyright The Android Open Source Project). See NOTICE.\n"
    )
    for plmn in sorted(blocks):
        out.write("\n".join(blocks[plmn]) + "\n")
    entries = sum(line.startswith("+") for lines in blocks.values() for line in lines)
    print(f"{len(blocks)} networks, {with_mms} with MMS, {entries} set-ups", file=sys.stderr)
    for what, count in sorted(told.items()):
        print(f"  {what}: {count}", file=sys.stderr)


if __name__ == "__main__":
    main()
