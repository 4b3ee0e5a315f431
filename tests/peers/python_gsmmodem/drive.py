"""Drives a modem with python-gsmmodem: a JSON object a line in, its answer a line out.

The test python_gsmmodem.rs starts this with the interpreter of the virtual environment that
tests/all makes; arguments are the port and, where the SIM asks for one, the PIN.
"""

import json
import queue
import sys
import warnings

# Comparisons of texts with `is` in its code.
warnings.simplefilter("ignore", SyntaxWarning)
from gsmmodem.modem import GsmModem, StatusReport

ARRIVED = queue.Queue()
WAIT_SECONDS = 30


def told(sms):
    if isinstance(sms, StatusReport):
        return {"report_of": sms.reference, "number": sms.number, "status": sms.deliveryStatus}
    return {"number": sms.number, "text": sms.text, "time": sms.time.isoformat()}


def identity(modem, _):
    names = ["manufacturer", "model", "revision", "imei", "imsi", "networkName"]
    names += ["signalStrength", "smsc", "ownNumber"]
    return {name: getattr(modem, name) for name in names}


def arrived(_, __):
    return told(ARRIVED.get(timeout=WAIT_SECONDS))


def stored(modem, question):
    return [told(sms) for sms in modem.listStoredSms(memory=question["memory"])]


def delete(modem, question):
    modem.deleteMultipleStoredSms(memory=question["memory"])


def send(modem, question):
    return {"reference": modem.sendSms(question["to"], question["text"]).reference}


def text_mode(modem, question):
    modem.smsTextMode = question["on"]


def ussd(modem, question):
    return modem.sendUssd(question["code"]).message


def main():
    modem = GsmModem(
        sys.argv[1],
        115200,
        smsReceivedCallbackFunc=ARRIVED.put,
        smsStatusReportCallback=ARRIVED.put,
    )
    modem.connect(sys.argv[2] if len(sys.argv) > 2 else None)
    modem.waitForNetworkCoverage()
    does = [identity, arrived, stored, delete, send, text_mode, ussd]
    does = {function.__name__: function for function in does}
    print(json.dumps("connected"), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(does[question["do"]](modem, question)), flush=True)
    modem.close()


main()
