"""The sum tree of a period: one root that fixes what every payee is paid and what all add up to.

A node's hash covers the sums of *each* child, not only their total (ePrint 2018/1139 breaks the
tree that hashes totals), and no sum is negative, so that a branch shows its payee that all payees
together are paid the pool and nothing is hidden in another branch. A leaf is salted: a branch
tells nothing of others but how much the payees beside it are paid together.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from audit.tree import split_point

LEAF_TAG = b"sandgate/payee-leaf@1\n"
NODE_TAG = b"sandgate/payee-node@1\n"
EMPTY_TAG = b"sandgate/payee-none@1\n"
SALT_BYTES = 16
_SUM_BYTES = 16


@dataclass(frozen=True)
class Payment:
    """One payee of a period: whole fen paid, and the exact micro-fen that accrued."""

    payee: str
    fen: int
    micro_fen: int
    salt: bytes


@dataclass(frozen=True)
class SumNode:
    """A subtree: its hash, and what all payees beneath it are paid and accrued."""

    hash: bytes
    fen: int
    micro_fen: int

    def as_json(self) -> dict[str, object]:
        """Return the node as a branch writes it."""
        return {"hash": self.hash.hex(), "fen": self.fen, "micro_fen": self.micro_fen}


@dataclass(frozen=True)
class Step:
    """One step of a branch towards the root: the node beside, and whether it stands left."""

    sibling: SumNode
    is_left: bool

    def as_json(self) -> dict[str, object]:
        """Return the step as a branch writes it."""
        return {**self.sibling.as_json(), "left": self.is_left}


def leaf_of(payment: Payment) -> SumNode:
    """Return the leaf of one payee. Raises ValueError where a sum is negative or the salt short."""
    if payment.fen < 0 or payment.micro_fen < 0:
        raise ValueError("a payee is never paid less than nothing")
    if len(payment.salt) != SALT_BYTES:
        raise ValueError(f"a leaf's salt has {SALT_BYTES} bytes")
    name = payment.payee.encode()
    data = payment.salt + len(name).to_bytes(4, "big") + name
    data += _sums(payment.fen, payment.micro_fen)
    return SumNode(hashlib.sha256(LEAF_TAG + data).digest(), payment.fen, payment.micro_fen)


def node_of(left: SumNode, right: SumNode) -> SumNode:
    """Join two subtrees; the hash covers the sums of each."""
    data = b"".join(node.hash + _sums(node.fen, node.micro_fen) for node in (left, right))
    return SumNode(
        hashlib.sha256(NODE_TAG + data).digest(),
        left.fen + right.fen,
        left.micro_fen + right.micro_fen,
    )


def root_of(payments: Sequence[Payment]) -> SumNode:
    """Return the root over all payees, in the order of their names; a name stands once."""
    leaves = _leaves(payments)
    return _subtree(leaves) if leaves else SumNode(hashlib.sha256(EMPTY_TAG).digest(), 0, 0)


def branch_of(payments: Sequence[Payment], payee: str) -> tuple[Step, ...]:
    """Return the steps from a payee's leaf to the root. Raises KeyError for a stranger."""
    names = sorted(payment.payee for payment in payments)
    if payee not in names:
        raise KeyError(payee)
    return tuple(_branch(_leaves(payments), names.index(payee)))


def _leaves(payments: Sequence[Payment]) -> list[SumNode]:
    ordered = sorted(payments, key=lambda payment: payment.payee)
    if len({payment.payee for payment in ordered}) != len(ordered):
        raise ValueError("a payee stands in the tree once, with all its lines added up")
    return [leaf_of(payment) for payment in ordered]


def _subtree(leaves: Sequence[SumNode]) -> SumNode:
    if len(leaves) == 1:
        return leaves[0]
    middle = split_point(len(leaves))
    return node_of(_subtree(leaves[:middle]), _subtree(leaves[middle:]))


def _branch(leaves: Sequence[SumNode], place: int) -> list[Step]:
    if len(leaves) == 1:
        return []
    middle = split_point(len(leaves))
    if place < middle:
        beside = Step(_subtree(leaves[middle:]), is_left=False)
        return [*_branch(leaves[:middle], place), beside]
    beside = Step(_subtree(leaves[:middle]), is_left=True)
    return [*_branch(leaves[middle:], place - middle), beside]


def _sums(fen: int, micro_fen: int) -> bytes:
    return fen.to_bytes(_SUM_BYTES, "big") + micro_fen.to_bytes(_SUM_BYTES, "big")
