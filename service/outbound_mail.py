"""Every e-mail leaves through here: one configured server, over TLS, one message to one address.

The server's certificate is checked against its name. Plain text is spoken only with a server on
this machine's loopback, named as an address, and then no password is sent. What is written into a
header is one line, or the message is refused: a header cannot be added from a subject.
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path

from foundation.errors import InvalidInput, Message
from service.outbound import NotSent, resolved

ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
ADDRESS_CHARACTERS_MAX = 254
PERMANENT = 500


class Rejected(NotSent):
    """The server will never take this message: a permanent answer (5xx), or a refused address."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. ``security`` is ``tls``, ``starttls`` or ``none`` (loopback)."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str = ""
    password_file: Path | None = None
    certificate_authority: Path | None = None
    seconds_max: float = 10.0

    def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        """Hand one message over. Raises NotSent, or Rejected where trying again is no use."""
        message = composed(self.sender, to, subject, text, message_id)
        try:
            with self._connected() as server, _ended_after(server, self.seconds_max):
                server.send_message(message, self.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            refused = bool(codes) and min(codes) >= PERMANENT
            raise (Rejected if refused else NotSent)("recipient_refused") from error
        except smtplib.SMTPResponseException as error:
            kind = Rejected if error.smtp_code >= PERMANENT and _of_message(error) else NotSent
            raise kind(f"smtp_{error.smtp_code}") from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotSent(type(error).__name__) from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Connect to the very address that was judged, and speak TLS for the host's own name."""
        address = resolved(self.host, self.port)
        if self.security == "none" and not _is_loopback_literal(self.host):
            raise NotSent("plain_text_refused")
        raw = socket.create_connection((str(address), self.port), self.seconds_max)
        server = _OnSocket(raw, self, self._context())
        try:
            if self.security == "starttls":
                server.starttls(context=self._context())
            if self.user and self.security != "none":
                server.login(self.user, self._password())
            yield server
        finally:
            server.close()

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate_authority)

    def _password(self) -> str:
        return self.password_file.read_text().strip() if self.password_file else ""


class _OnSocket(smtplib.SMTP):
    """An SMTP conversation over a socket that is connected already."""

    def __init__(self, raw: socket.socket, settings: MailServer, context: ssl.SSLContext) -> None:
        self._raw, self._tls = raw, settings.security == "tls"
        self._asked, self._context_of = settings.host, context
        super().__init__(
            settings.host,
            settings.port,
            local_hostname="sandgate.invalid",
            timeout=settings.seconds_max,
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Give the socket in hand; the name is only what the certificate is checked against."""
        del host, port
        self._raw.settimeout(timeout)
        if not self._tls:
            return self._raw
        return self._context_of.wrap_socket(self._raw, server_hostname=self._asked)


def checked_mail_address(address: str) -> str:
    """Return a plain e-mail address. Raises InvalidInput; nothing else could end a header."""
    if len(address) > ADDRESS_CHARACTERS_MAX or not ADDRESS.fullmatch(address):
        raise InvalidInput(
            "mail_address_invalid",
            Message("请填写有效的电子邮箱地址。", "Give a plain e-mail address."),
            field="$.address",
        )
    return address


def composed(sender: str, to: str, subject: str, text: str, message_id: str) -> EmailMessage:
    """Write a message of plain text. Raises Rejected where a header would hold a second line."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(addr_spec=checked_mail_address(sender))
        message["To"] = Address(addr_spec=checked_mail_address(to))
        if any(not letter.isprintable() for letter in subject + message_id):
            raise Rejected("header_of_two_lines")
        message["Subject"] = subject
        message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
    except (ValueError, InvalidInput) as error:
        raise Rejected("header_refused") from error
    return message


def _of_message(error: smtplib.SMTPResponseException) -> bool:
    """Tell whether a permanent answer was to the message, and not to our own login."""
    return not isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError)


def _is_loopback_literal(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _ended_after(server: smtplib.SMTP, seconds_max: float) -> Iterator[None]:
    """Close the conversation when its time as a whole is up, however slowly it goes on."""
    timer = threading.Timer(seconds_max, _shut, [server])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(server: smtplib.SMTP) -> None:
    held = server.sock
    if held is not None:
        with_shutdown = getattr(held, "shutdown", None)
        if with_shutdown is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it had ended by itself
