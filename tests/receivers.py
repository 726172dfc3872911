"""Receivers of notices: an HTTP listener that keeps what it hears, and a real SMTP server."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LINE_MAX = 1 << 16


@dataclass
class Heard:
    """One request as it arrived."""

    head: str
    body: bytes

    def header(self, name: str) -> str:
        lines = [line.partition(":") for line in self.head.splitlines()[1:]]
        return next(value.strip() for key, _, value in lines if key.lower() == name.lower())


@dataclass
class HttpReceiver:
    """Answers each POST with the next of its replies, or by a function of its own."""

    replies: list[bytes] = field(default_factory=list)
    answer: Callable[[socket.socket], None] | None = None
    heard: list[Heard] = field(default_factory=list)
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/hook"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                try:
                    self._one(connection)
                except OSError:
                    continue  # the caller left

    def _one(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _received(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode()
        heard = Heard(text, body)
        length = int(heard.header("content-length"))
        while len(heard.body) < length:
            heard.body += _received(connection)
        self.heard.append(heard)
        if self.answer is not None:
            self.answer(connection)
        else:
            connection.sendall(self.replies.pop(0) if self.replies else OK)


def _received(connection: socket.socket) -> bytes:
    """Return what came; a caller that left before its end is a broken connection."""
    data = connection.recv(LINE_MAX)
    if not data:
        raise ConnectionError
    return data


def reply(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


OK = reply("204 No Content")


@contextmanager
def http_receiver(
    *replies: bytes, answer: Callable[[socket.socket], None] | None = None
) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(list(replies), answer)
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.listening.shutdown(socket.SHUT_RDWR)
        receiver.listening.close()
        thread.join()


@dataclass
class Mailbox:
    """What an SMTP server took, and what it answers to some addresses."""

    port: int
    authority: Path
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    seconds_before: float = 0.0

    async def handle_RCPT(  # noqa: N802 - the server's own name for it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds_before)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return "250 OK"


@contextmanager
def smtp_server(directory: Path, *, tls: bool = True, name: str = "127.0.0.1") -> Iterator[Mailbox]:
    """Run a real SMTP server on the loopback; ``name`` is what its certificate is for."""
    certificate = directory / "smtp.pem"
    write_certificate(certificate, name)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    mailbox = Mailbox(port, certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    secured: dict[str, Any] = {"tls_context": context, "require_starttls": True} if tls else {}
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **secured)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def write_certificate(path: Path, name: str) -> None:
    """Write a key with a self-signed certificate for a name or an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    today = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=3_650))
        .not_valid_after(today + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    held = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(held + certificate.public_bytes(serialization.Encoding.PEM))
