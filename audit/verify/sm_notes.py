"""SM2 keys and signature lines in C2SP's form: type 0xff, a long identifier, 64 public bytes."""

import base64
import hashlib

from audit.verify.findings import Unusable
from audit.verify.sm import MARK, PUBLIC_KEY_BYTES, sm2_holds

_KEY_PARTS = 3


def read_sm_key(text: str) -> tuple[str, bytes]:
    """Read the name and the 64 public bytes of an SM2 key. Raises Unusable."""
    parts = text.strip().split("+", _KEY_PARTS - 1)
    try:
        material = base64.b64decode(parts[2], validate=True)
    except (ValueError, IndexError) as error:
        raise _no_sm_key() from error
    public_key = material.removeprefix(MARK)
    named = hashlib.sha256(parts[0].encode() + b"\n" + material).digest()[:4].hex()
    if len(public_key) != PUBLIC_KEY_BYTES or not material.startswith(MARK) or named != parts[1]:
        raise _no_sm_key()
    return parts[0], public_key


def sm_line_holds(note: str, name: str, public_key: bytes) -> bool:
    """Tell whether the note carries a good SM2 line by this key. Raises NoSM3."""
    signed, _, signatures = note.rpartition("\n\n")
    text = (signed + "\n").encode()
    key_id = hashlib.sha256(name.encode() + b"\n" + MARK + public_key).digest()[:4]
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        claimed, _, encoded = rest.partition(" ")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if mark == "—" and claimed == name and blob[:4] == key_id:
            return sm2_holds(public_key, blob[4:], text)
    return False


def _no_sm_key() -> Unusable:
    return Unusable("SM2 公钥格式应为 名称+指纹+公钥。", "The SM2 key must read name+hash+key.")
