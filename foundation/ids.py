"""The only maker of identifiers: a typed prefix and 128 random bits, never reused."""

import base64
import re
import secrets

ID_RANDOM_BYTES = 16
_ID = re.compile(r"[a-z]{2,12}_[a-z2-7]{26}")


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and 26 characters of lower-case base32 (128 random bits)."""
    return f"{prefix}_{random_name()}"


def random_name() -> str:
    """Return 26 lower-case base32 characters holding 128 random bits."""
    return base64.b32encode(secrets.token_bytes(ID_RANDOM_BYTES)).decode().rstrip("=").lower()


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text is an identifier made here with the given prefix."""
    return bool(_ID.fullmatch(text)) and text.startswith(f"{prefix}_")
