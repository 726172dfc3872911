"""SM2 with SM3 checked a second time, from the standard alone (GB/T 32918.2 and .5, GB/T 32905).

Pure integers and ``hashlib``: nothing here signs, and no library of the platform is used. The line
in a note is C2SP's type 0xff with a long identifier, beside the Ed25519 line over the same text.
"""

import hashlib

IDENTIFIER = b"sandgate.dev/sm2-sm3/v1"
MARK = b"\xff" + IDENTIFIER
IDENTITY = b"1234567812345678"  # GM/T 0009-2012
NUMBER_BYTES = 32
PUBLIC_KEY_BYTES = 2 * NUMBER_BYTES

# The curve of GB/T 32918.5-2017: y^2 = x^3 + a x + b over F_p, base point (gx, gy) of order n.
P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
GX = 0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7
GY = 0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123

Point = tuple[int, int] | None
_DOUBLE_AND_ADD_BITS = 256


class NoSM3(Exception):
    """This Python's hashlib was built without SM3."""


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest (32 bytes). Raises NoSM3 where hashlib has none."""
    try:
        return hashlib.new("sm3", data).digest()
    except ValueError as error:
        raise NoSM3 from error


def sm2_holds(public_key: bytes, signature: bytes, data: bytes, identity: bytes = IDENTITY) -> bool:
    """Tell whether r and s (64 bytes) are this key's signature over the data."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != 2 * NUMBER_BYTES:
        return False
    x, y = _number(public_key[:NUMBER_BYTES]), _number(public_key[NUMBER_BYTES:])
    r, s = _number(signature[:NUMBER_BYTES]), _number(signature[NUMBER_BYTES:])
    if not (x < P and y < P and (y * y - (x * x * x + A * x + B)) % P == 0):
        return False
    if not (0 < r < N and 0 < s < N) or (r + s) % N == 0:
        return False
    e = _number(sm3(_owner(public_key, identity) + data))
    point = _added(_times(s, (GX, GY)), _times((r + s) % N, (x, y)))
    return point is not None and (e + point[0]) % N == r


def _owner(public_key: bytes, identity: bytes) -> bytes:
    """Return Z_A: the digest that binds the signer's identity and curve."""
    curve = b"".join(number.to_bytes(NUMBER_BYTES, "big") for number in (A, B, GX, GY))
    return sm3((len(identity) * 8).to_bytes(2, "big") + identity + curve + public_key)


def _times(factor: int, point: Point) -> Point:
    found: Point = None
    for bit in range(_DOUBLE_AND_ADD_BITS - 1, -1, -1):
        found = _added(found, found)
        if factor >> bit & 1:
            found = _added(found, point)
    return found


def _added(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
