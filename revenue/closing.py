"""What a closing entry commits to besides the whole statement: each pool, and each payee's sum.

The pools are leaves of a salted tree, the payees those of a sum tree. So one pool and one payee's
payment can be shown to follow from the log while every other stays closed.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.tree import complete_root, inclusion_proof, leaf_hash, range_root
from foundation.canonical import digest
from revenue.closing_store import closing_salt
from revenue.sum_tree import SALT_BYTES, Payment, branch_of, root_of

POOL_TAG = b"sandgate/pool-leaf@1\n"
PAYEE = "payee"
POOL = "pool"


@dataclass(frozen=True)
class Salts:
    """The salts of one close, by payee and by licence."""

    payees: Mapping[str, bytes]
    pools: Mapping[str, bytes]


def commit_close(
    connection: Connection, period_id: str, document: Mapping[str, Any]
) -> dict[str, object]:
    """Draw the salts of a close and return the public fields that its entry commits to."""
    salts = Salts(
        {payee: secrets.token_bytes(SALT_BYTES) for payee in _sums(document)},
        {pool["licence"]: secrets.token_bytes(SALT_BYTES) for pool in document["pools"]},
    )
    rows = [
        {"period_id": period_id, "kind": kind, "name": name, "salt": salt}
        for kind, held in ((PAYEE, salts.payees), (POOL, salts.pools))
        for name, salt in sorted(held.items())
    ]
    if rows:
        connection.execute(insert(closing_salt), rows)
    payees = root_of(payments_of(document, salts))
    leaves = pool_leaves(document, salts)
    return {
        "payees_root": payees.hash.hex(),
        "payees_fen": payees.fen,
        "payees_micro_fen": payees.micro_fen,
        "pools_root": _root(leaves).hex(),
        "pool_count": len(leaves),
    }


def salts_of(connection: Connection, period_id: str) -> Salts:
    """Return the salts of a closed period."""
    held: dict[str, dict[str, bytes]] = {PAYEE: {}, POOL: {}}
    query = select(closing_salt).where(closing_salt.c.period_id == period_id)
    for row in connection.execute(query):
        held[row.kind][row.name] = bytes(row.salt)
    return Salts(held[PAYEE], held[POOL])


def payments_of(document: Mapping[str, Any], salts: Salts) -> list[Payment]:
    """Return every payee's payment of a period: its fen and micro-fen over all pools."""
    return [
        Payment(payee, fen, micro_fen, salts.payees[payee])
        for payee, (fen, micro_fen) in sorted(_sums(document).items())
    ]


def payee_branch(document: Mapping[str, Any], salts: Salts, payee: str) -> dict[str, object]:
    """Return a payee's salt and its steps to the root. Raises KeyError for a stranger."""
    steps = branch_of(payments_of(document, salts), payee)
    return {"salt": salts.payees[payee].hex(), "steps": [step.as_json() for step in steps]}


def pool_proof(document: Mapping[str, Any], salts: Salts, place: int) -> dict[str, object]:
    """Return the salt of the pool at a place, and the hashes that lead to the pools' root."""
    leaves = pool_leaves(document, salts)
    proof = inclusion_proof(
        place, len(leaves), lambda height, number: _subtree(leaves, height, number)
    )
    licence = document["pools"][place]["licence"]
    hashes = [sibling.hex() for sibling in proof]
    return {"place": place, "salt": salts.pools[licence].hex(), "proof": hashes}


def pool_leaves(document: Mapping[str, Any], salts: Salts) -> list[bytes]:
    """Return the leaves of the pools in the order of the statement."""
    return [
        leaf_hash(POOL_TAG + salts.pools[pool["licence"]] + digest(pool).encode())
        for pool in document["pools"]
    ]


def _root(leaves: Sequence[bytes]) -> bytes:
    return range_root(0, len(leaves), lambda height, number: _subtree(leaves, height, number))


def _subtree(leaves: Sequence[bytes], height: int, number: int) -> bytes:
    return complete_root(leaves[number << height : (number + 1) << height])


def _sums(document: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in document["lines"]:
        sums[line["payee"]][0] += line["fen"]
        sums[line["payee"]][1] += line["micro_fen"]
    return {payee: (fen, micro_fen) for payee, (fen, micro_fen) in sums.items()}
