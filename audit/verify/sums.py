"""A payee's branch of the sum tree, checked: its leaf leads to the root that the log commits to.

Written apart from the ledger on purpose. Every sum on the way must be a whole number not below
zero: one negative sibling would let another payee's money hide behind it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

LEAF = b"sandgate/payee-leaf@1\n"
NODE = b"sandgate/payee-node@1\n"
SUM_BYTES = 16
_HASH_BYTES = 32
_SALT_BYTES = 16

Sums = tuple[bytes, int, int]


def branch_root(statement: Mapping[str, Any], salt: bytes, steps: Sequence[Any]) -> Sums:
    """Climb from a payee's own fen and micro-fen; return the root's hash, fen and micro-fen.

    Raises ValueError, KeyError or TypeError where a part of the branch is none.
    """
    payee = str(statement["payee"]).encode()
    fen, micro_fen = _amount(statement["fen"]), _amount(statement["micro_fen"])
    if len(salt) != _SALT_BYTES:
        raise ValueError("salt")
    data = salt + len(payee).to_bytes(4, "big") + payee + _written(fen, micro_fen)
    here = (hashlib.sha256(LEAF + data).digest(), fen, micro_fen)
    for step in steps:
        here = _joined(here, step)
    return here


def tree_root(public: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the fen and micro-fen of the tree that a closing entry names, None without one."""
    if "payees_root" not in public:
        return None
    return _amount(public["payees_fen"]), _amount(public["payees_micro_fen"])


def _joined(here: Sums, step: Mapping[str, Any]) -> Sums:
    beside = (bytes.fromhex(step["hash"]), _amount(step["fen"]), _amount(step["micro_fen"]))
    if len(beside[0]) != _HASH_BYTES or not isinstance(step["left"], bool):
        raise ValueError("step")
    pair = (beside, here) if step["left"] else (here, beside)
    data = b"".join(node[0] + _written(node[1], node[2]) for node in pair)
    return hashlib.sha256(NODE + data).digest(), pair[0][1] + pair[1][1], pair[0][2] + pair[1][2]


def _amount(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << (8 * SUM_BYTES - 1):
        raise ValueError("amount")
    return value


def _written(fen: int, micro_fen: int) -> bytes:
    return fen.to_bytes(SUM_BYTES, "big") + micro_fen.to_bytes(SUM_BYTES, "big")
