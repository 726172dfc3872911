"""A real OpenID Connect server (Canaille) as its own process: run by its own environment's Python.

It serves over TLS with a certificate of its own authority, knows the people and clients that it is
told on the command line, and prints its address once it answers. No line of ours decides anything.
"""

import ipaddress
import json
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import JWKRegistry

HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def certify(directory: Path) -> ssl.SSLContext:
    """Write a self-signed certificate for our address, and serve under it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider of the tests")])
    now = datetime.now(UTC)  # noqa: TID251 - the provider keeps its own time
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "authority.pem").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "server.pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context


def main(directory: Path) -> None:
    world = json.loads((directory / "world.json").read_text())
    server = WSGIServer((HOST, 0), Quiet)
    server.base_environ["HTTPS"] = "on"  # so that its own addresses say so
    port = server.server_address[1]
    server.socket = certify(directory).wrap_socket(server.socket, server_side=True)
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    app = create_app(
        config={
            "TESTING": True,
            "ENV_FILE": None,
            "SECRET_KEY": "of the tests, for an hour",
            "WTF_CSRF_ENABLED": False,
            "PREFERRED_URL_SCHEME": "https",
            "SERVER_NAME": f"{HOST}:{port}",
            "CANAILLE": {
                "DATABASE": "memory",
                "JAVASCRIPT": False,
                "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
                "LOGGING": {"version": 1, "disable_existing_loggers": True},
            },
            "CANAILLE_OIDC": {
                "ACTIVE_JWKS": [key.as_dict(private=True)],
                "USERINFO_MAPPING": {"PREFERRED_USERNAME": "{{ user.employee_number or '' }}"},
            },
        }
    )
    with app.app_context():
        for person in world["people"]:
            Backend.instance.save(models.User(formatted_name="x", family_name="x", **person))
        for client in world["clients"]:
            made = models.Client(**client)
            Backend.instance.save(made)
            made.audience = [made]
            Backend.instance.save(made)
    server.set_app(app)
    sys.stdout.write(f"https://{HOST}:{port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
