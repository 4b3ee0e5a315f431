"""Takes mail by aiosmtpd and tells what Python's own reader of MIME makes of it: one JSON line each.

The first mail is refused with 451, as greylisting does. Arguments: certificate, key (PEM).
"""

import asyncio
import email
import email.policy
import hashlib
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    refused = False

    async def handle_DATA(self, server, session, envelope):
        if not self.refused:
            self.refused = True
            return "451 4.7.1 Greylisted, come again"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain",))
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "login": session.auth_data,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "defects": [repr(defect) for part in mail.walk() for defect in part.defects],
            "text": body.get_content(),
            "attachments": [
                [part.get_content_type(), part.get_filename(),
                 hashlib.sha256(part.get_payload(decode=True)).hexdigest()]
                for part in mail.iter_attachments()
            ],
        }), flush=True)
        return "250 2.0.0 Queued as 4711"


def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"mms@shop.example", b"s3cret \xc3\xbc")
    return AuthResult(success=good, auth_data=data.login.decode() if good else None)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
handler = Handler()


async def main():
    loop = asyncio.get_running_loop()

    def session():
        return SMTP(
            handler, hostname="localhost", tls_context=context, require_starttls=True,
            auth_required=True, authenticator=login, loop=loop,
        )

    server = await loop.create_server(session, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
