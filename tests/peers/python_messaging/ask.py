"""Asks python-messaging what MMS PDUs, pushes and SMS mean to it, and for octets of its own.

A list of questions in JSON comes on standard input; the list of answers, each an object, goes to
standard output. The test python_messaging.rs starts this with the interpreter of the virtual
environment that tests/all makes. python-messaging is under the GPL: it is used here as a program
of its own and is no part of mm1gate.
"""
import array
import calendar
import datetime
import hashlib
import json
import logging
import sys
import warnings

# The library takes UTC times by a function that newer Pythons call deprecated.
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from messaging.mms import mms_pdu, wsp_pdu
from messaging.mms.iterator import PreviewIterator
from messaging.mms.message import DataPart, MMSMessage, MMSMessagePage
from messaging.sms import SmsDeliver, SmsSubmit
from messaging.sms.wap import extract_push_notification, is_a_wap_push_notification


def plain(value):
    """What JSON can hold: times as seconds since 1970, told apart from other numbers."""
    if isinstance(value, datetime.datetime):
        return {"time": calendar.timegm(value.timetuple())}
    if isinstance(value, bytes):
        return value.hex()
    return value


def content(data):
    data = data.encode("latin-1") if isinstance(data, str) else bytes(data)
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def mms_decode(question):
    """Header by header, since the message object keeps one value a name."""
    decoder = mms_pdu.MMSDecoder()
    decoder._mms_message = MMSMessage()
    octets = PreviewIterator(array.array("B", bytes.fromhex(question["octets"])))
    headers = []
    answer = {"headers": headers}
    while True:
        try:
            name, value = mms_pdu.MMSDecoder.decode_header(octets)
        except StopIteration:
            return answer
        if name == "Content-Type":
            break
        headers.append([name, plain(value)])
    answer["content_type"], answer["parameters"] = value
    if "multipart" not in answer["content_type"]:
        answer["body"] = content(list(octets))
        return answer
    decoder.decode_message_body(octets)
    answer["parts"] = [
        {
            "content_type": part.content_type,
            "parameters": part.content_type_parameters,
            **content(part.data),
        }
        for part in decoder._mms_message.data_parts
    ]
    answer["behind"] = len(list(octets))
    return answer


def mms_encode(question):
    message = MMSMessage()
    message.headers.update(question["headers"])
    for page in question.get("pages", []):
        slide = MMSMessagePage()
        if "text" in page:
            slide.add_text(page["text"])
        if "image" in page:
            part = DataPart()
            # The library writes the characters of a text as octets.
            part.set_data(bytes.fromhex(page["image"]).decode("latin-1"), page["type"])
            part.headers["Content-Location"] = page["name"]
            slide.image = (part, 0, 0)
        message.add_page(slide)
    smil = message.smil()
    return {"octets": message.encode().tobytes().hex(), "smil": smil}


def push_decode(question):
    octets = bytes.fromhex(question["octets"])
    answer = {"is_push": is_a_wap_push_notification(octets)}
    headers = extract_push_notification(octets).headers
    answer["headers"] = {name: plain(value) for name, value in headers.items()}
    return answer


def sms_deliver(question):
    sms = SmsDeliver(question["octets"])
    answer = {name: plain(value) for name, value in sms.data.items() if name != "sr"}
    if sms.udh is not None and sms.udh.ports is not None:
        answer["ports"] = [sms.udh.ports.dest_port, sms.udh.ports.orig_port]
    if sms.sr is not None:
        answer["sr"] = {name: plain(value) for name, value in sms.sr.items()}
    return answer


def sms_submit(question):
    sms = SmsSubmit(question["number"], question["text"])
    sms.ref = question["ref"]
    sms.rand_id = question["ref"]
    sms.csca = question.get("csca")
    sms.request_status = question.get("status_report", False)
    if "minutes" in question:
        sms.validity = datetime.timedelta(minutes=question["minutes"])
    if "class" in question:
        sms.klass = question["class"]
    return {"pdus": [{"octets": pdu.pdu, "length": int(pdu.length)} for pdu in sms.to_pdu()]}


def tables(_):
    return {
        "fields": {code: name for code, (name, _) in mms_pdu.mms_field_names.items()},
        "content_types": wsp_pdu.WELL_KNOWN_CONTENT_TYPES,
        "charsets": wsp_pdu.WELL_KNOWN_CHARSETS,
        "headers": wsp_pdu.HEADER_FIELD_NAMES,
        "parameters": {code: name for code, (name, _) in wsp_pdu.WELL_KNOWN_PARAMETERS.items()},
    }


QUESTIONS = {
    "mms-decode": mms_decode,
    "mms-encode": mms_encode,
    "push-decode": push_decode,
    "sms-deliver": sms_deliver,
    "sms-submit": sms_submit,
    "tables": tables,
}


def answer(question):
    try:
        return QUESTIONS[question["do"]](question)
    except BaseException as fault:
        return {"error": "%s: %s" % (type(fault).__name__, fault)}


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
