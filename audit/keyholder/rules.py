"""Which entry opens which key: nothing else does.

A key that the entry itself names under ``key_names``; the key of an extract for a
``query:question:decided`` entry of the licence it was made for; the release desk's signature for
the entry that committed to the very document that is certified. An entry serves once for a key, but
for reading several private texts under one; and one long past opens nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.notes import BadNote, VerifierKey, parse_checkpoint
from audit.proofs import parse_receipt, verify_receipt
from audit.tags import EntryKind
from audit.tree import leaf_hash
from foundation.canonical import canonical_bytes, salted_commitment
from foundation.errors import Denied, Message
from foundation.keys import Citation

ENTRIES_BACK_MAX = 65_536  # how far behind the head an entry may lie that still opens a key
EXTRACT_KEY = "extract-"
APPROVED = "approved"  # the state that the last vote needed brings a release to
SALT_BYTES_MIN = 16
TEXTS_KEY = "texts."  # seals new private texts (audit.sealing): made freely, opened for an entry


_CERTIFYING: Mapping[bytes, tuple[frozenset[str], str | None]] = {
    b"sandgate/release-certificate@2": (
        frozenset({EntryKind.RELEASE_VOTED, EntryKind.RELEASE_AUTOMATIC}),
        APPROVED,
    ),
    b"sandgate/release-copy@1": (
        frozenset({EntryKind.RELEASE_COPIED, EntryKind.PRODUCT_FETCHED}),
        None,
    ),
    b"sandgate/release-recalls@1": (frozenset({EntryKind.RELEASE_RECALLED}), None),
    b"sandgate/sealed-decision@1": (frozenset({EntryKind.SEAL_ORDERED}), None),
}
"""Which entries certify what: the context that the signature covers, kinds, and their state."""


SEAL_KEY = "share-seal"  # 数据共享专用章
SEALED_CONTEXT = b"sandgate/sealed-decision@1"
_SEALED_ABOUT = ("share", "outcome", "sealed")


@dataclass(frozen=True)
class CitedEntry:
    """An entry whose place in the log was proved."""

    index: int
    leaf: bytes
    kind: str
    public: Mapping[str, Any]
    size: int
    root: bytes

    @property
    def licence(self) -> str:
        """The licence it is about, or nothing."""
        return str(self.public.get("licence", ""))


def proved(cited: Citation | None, key: VerifierKey) -> CitedEntry:
    """Check index, body and receipt against the log's key. Raises Denied where they fail."""
    if cited is None:
        raise refused(
            "no_entry_cited",
            "未引用日志条目，密钥不予使用。",
            "No entry of the log was cited, so the key is not used.",
        )
    leaf = leaf_hash(cited.body)
    try:
        place = verify_receipt(cited.receipt, leaf, key)
        note = parse_receipt(cited.receipt).checkpoint_note
        head = parse_checkpoint(note)
        body = json.loads(cited.body)
        public, kind = dict(body["public"]), str(body["kind"])
    except (BadNote, ValueError, KeyError, TypeError) as error:
        raise _not_proved() from error
    if place != cited.index or body.get("index") != place:
        raise _not_proved()
    return CitedEntry(place, leaf, kind, public, head.size, head.root)


def check_opens(entry: CitedEntry, name: str, made_for: str | None) -> None:
    """Raise Denied where this entry is none that opens this key."""
    if name in entry.public.get("key_names", ()):
        allowed = True
    elif entry.kind == EntryKind.QUESTION_DECIDED and name.startswith(EXTRACT_KEY):
        allowed = bool(made_for) and entry.licence == made_for
    else:
        allowed = False
    if not allowed:
        raise refused(
            "entry_opens_another_key",
            f"第 {entry.index} 号日志条目不涉及密钥“{name}”，不予使用。",
            f"Entry {entry.index} of the log does not ask for the key {name!r}.",
        )


def check_certifies(entry: CitedEntry, data: bytes) -> None:
    """Raise Denied where the entry does not commit to this very document.

    A release's certificate rests on the vote, or the rule, that approved it; a copy's on the entry
    that handed it over; a list of recalls on the newest recall; a seal on the order to use it.
    """
    context, _, text = data.partition(b"\n")
    try:
        document = json.loads(text)
        named = _SEALED_ABOUT if context == SEALED_CONTEXT else ("release", "licence")
        about = {name: document[name] for name in named}
        salt = bytes.fromhex(document["salt"])
        alike = canonical_bytes(document) == text  # no name twice, of which readers choose one
    except (ValueError, KeyError, TypeError, RecursionError):
        about, alike, salt = {}, False, b""
    kinds, state = _CERTIFYING.get(context, (frozenset(), None))
    stands = entry.kind in kinds and (state is None or entry.public.get("state") == state)
    committed = len(salt) >= SALT_BYTES_MIN and (
        entry.public.get("certifies") == salted_commitment(salt, text)
    )
    same = all(entry.public.get(name) == about[name] for name in about)
    if not (stands and alike and committed and same):
        raise refused(
            "entry_certifies_another_release",
            f"第 {entry.index} 号日志条目没有批准该出域申请，或不是就这份文件作出的，不予签名。",
            f"Entry {entry.index} of the log did not approve this release, or not this document; "
            "nothing is signed.",
        )


def refused(code: str, zh: str, en: str) -> Denied:
    """Say why the key holder does not do it."""
    return Denied(
        code,
        Message(zh, en),
        rule="key-holder",
        way_out=Message(
            "请先把该操作写入日志，再凭条目使用密钥。",
            "Log what is to be done first, and cite that entry.",
        ),
    )


def _not_proved() -> Denied:
    return refused(
        "entry_not_proved",
        "所引用的条目不能证明在日志之中，密钥不予使用。",
        "The entry that was cited is not proved to be in the log; the key is not used.",
    )
