"""A real mail server: prints its port, then every mail that it takes as one line of JSON.

Arguments: the certificate and key for TLS, or `-` for none; then `login` where mail is taken from those only who log in as
ann with the password `p@ss`; `full` where every mail is refused for good, `busy` where it is refused for now.
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes
from email.header import decode_header, make_header

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        mode = sys.argv[-1]
        if mode == "full":
            return "552 5.2.2 mailbox full"
        if mode == "busy":
            return "451 4.3.0 try again later"
        mail = message_from_bytes(envelope.content)
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(make_header(decode_header(mail["Subject"]))),
            "message_id": mail["Message-ID"],
            "references": mail["References"],
            "date": mail["Date"],
            "text": mail.get_payload(decode=True).decode("utf-8"),
            "tls": session.ssl is not None,
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 kept"


def log_in(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"ann", b"p@ss")
    return AuthResult(success=good, handled=False)


context = None
if sys.argv[1] != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
login = "login" in sys.argv
loop = asyncio.new_event_loop()
controller = UnthreadedController(
    Keeper(),
    hostname="127.0.0.1",
    port=0,
    loop=loop,
    tls_context=context,
    require_starttls=context is not None,
    authenticator=log_in if login else None,
    auth_required=login,
    auth_require_tls=False,
)
controller.begin()
print(controller.server.sockets[0].getsockname()[1], flush=True)
loop.run_forever()
