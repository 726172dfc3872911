"""What the service itself, once taken over, would have the key holder do: each is refused.

The caller speaks to the holder as the service does and logs whatever it likes; it lacks only the
keys.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Never

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.keyholder.client import HolderOptions, RemoteKeyStore, start_holder
from audit.keyholder.log_head import LogHead, Mark
from audit.tags import EntryKind
from audit.tree import EMPTY_ROOT
from audit.writer import GroupCommitWriter
from disclosure.release.states import ReleaseState
from foundation.canonical import canonical_bytes, salted_commitment
from foundation.db import metadata
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import Citation, signature_holds
from tests.fakes import SteppedClock

ORIGIN = "test.example/log"
SALT = bytes(range(32))
CONTEXT = b"sandgate/release-certificate@2\n"
DOCUMENT = canonical_bytes({"licence": "lic_a", "release": "rel_a", "salt": SALT.hex()})
CERTIFICATE = CONTEXT + DOCUMENT
VOTE = {
    "release": "rel_a",
    "licence": "lic_a",
    "revision": 1,
    "state": ReleaseState.APPROVED.value,
    "certifies": salted_commitment(SALT, DOCUMENT),
}


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[RemoteKeyStore]:
    found = start_holder(HolderOptions(tmp_path / "holder", ORIGIN))
    yield found
    found.close()


@pytest.fixture
def writer(engine: Engine, holder: RemoteKeyStore, tmp_path: Path) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    head = tmp_path / "head"
    with GroupCommitWriter(engine, holder, SteppedClock(), ORIGIN, head) as found:
        yield found


def voted(writer: GroupCommitWriter, **public: object) -> Citation:
    event = AuditEvent(EntryKind.RELEASE_VOTED, SYSTEM_ACTOR, {**VOTE, **public})
    return writer.submit(event, no_effect).citation


def test_only_the_vote_that_approved_certifies(
    writer: GroupCommitWriter, holder: RemoteKeyStore
) -> None:
    public_key = holder.ensure_signing_key("release-desk")
    for state in ReleaseState:
        cited = voted(writer, state=state.value)
        if state is ReleaseState.APPROVED:
            signature = holder.sign("release-desk", CERTIFICATE, cited)
            assert signature_holds(public_key, signature, CERTIFICATE)
            continue
        with pytest.raises(Denied, match="entry_certifies_another_release"):
            holder.sign("release-desk", CERTIFICATE, cited)


@pytest.mark.parametrize(
    "changed",
    [
        {"licence": "lic_a", "release": "rel_a", "salt": SALT.hex(), "sha256": "sha256:other"},
        {"licence": "lic_a", "release": "rel_a", "salt": bytes(32).hex()},
        {"licence": "lic_a", "release": "rel_a", "salt": ""},
        {"licence": "lic_a", "release": "rel_a"},
    ],
)
def test_one_approving_vote_certifies_one_document(
    writer: GroupCommitWriter, holder: RemoteKeyStore, changed: dict[str, str]
) -> None:
    holder.ensure_signing_key("release-desk")
    cited = voted(writer)
    assert holder.sign("release-desk", CERTIFICATE, cited)
    with pytest.raises(Denied, match="entry_certifies_another_release"):
        holder.sign("release-desk", CONTEXT + canonical_bytes(changed), cited)


def test_a_vote_certifies_no_copy_and_no_recall(
    writer: GroupCommitWriter, holder: RemoteKeyStore
) -> None:
    holder.ensure_signing_key("release-desk")
    cited = voted(writer)
    for context in (b"sandgate/release-copy@1\n", b"sandgate/release-recalls@1\n", b"\n"):
        with pytest.raises(Denied, match="entry_certifies_another_release"):
            holder.sign("release-desk", context + DOCUMENT, cited)


@pytest.mark.parametrize(
    "document",
    [
        b'{"licence":"lic_a","release":"rel_evil","release":"rel_a"}',
        b'{"licence":"lic_evil","licence":"lic_a","release":"rel_a"}',
        b'{"licence":"lic_b","release":"rel_a"}',
        b'{"licence":"lic_a","release":"rel_a"} ',
        b'{"release":"rel_a"}',
        b'["rel_a"]',
        b"[" * 30_000,
    ],
)
def test_a_certificate_that_reads_two_ways_is_not_signed(
    writer: GroupCommitWriter, holder: RemoteKeyStore, document: bytes
) -> None:
    holder.ensure_signing_key("release-desk")
    cited = voted(writer)
    with pytest.raises(Denied, match="entry_certifies_another_release"):
        holder.sign("release-desk", CONTEXT + document, cited)
    assert holder.sign("release-desk", CERTIFICATE, cited)


def test_a_holder_killed_while_it_signs_over_a_lost_batch_forgets_none_of_the_two(
    tmp_path: Path,
) -> None:
    """Were the new head durable before the line of the lost one, the lost entries would open keys.

    The end of the process is played by an error where the line is written.
    """
    empty, lost, kept = Mark(0, EMPTY_ROOT), Mark(1, bytes(32)), Mark(1, bytes([1]) * 32)
    head = LogHead(tmp_path / "head")
    head.extend(empty, lost, [])
    told: list[Mark] = []

    def killed(dropped: Mark) -> Never:
        told.append(dropped)
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        head.extend(empty, kept, [], killed)
    assert told == [lost]
    again = LogHead(tmp_path / "head")
    assert (again.standing, again.signed) == (empty, lost)
    again.extend(empty, kept, [], told.append)
    assert told == [lost, lost]
    assert LogHead(tmp_path / "head").signed == kept


def test_a_pepper_makes_digests_and_never_leaves(
    writer: GroupCommitWriter, holder: RemoteKeyStore, tmp_path: Path
) -> None:
    digest = holder.keyed_digest("persons", b"one")
    assert digest == holder.keyed_digest("persons", b"one")
    assert len({digest, holder.keyed_digest("persons", b"two")}) == 2
    assert digest != holder.keyed_digest("subjects", b"one")
    names = {"key_names": ["pepper.persons"]}
    event = AuditEvent(EntryKind.KEYS_REQUESTED, SYSTEM_ACTOR, names)
    cited = writer.submit(event, no_effect).citation
    for taking in (
        lambda: holder.data_key("pepper.persons", cited),
        lambda: holder.ensure_data_key("pepper.persons", cited),
        lambda: holder.create_data_key("pepper.another", cited),
        lambda: holder.ensure_signing_key("pepper.persons"),
        lambda: holder.destroy("pepper.persons", cited),
        lambda: holder.sign("pepper.persons", b"x", cited),
    ):
        with pytest.raises(Denied):
            taking()
    assert digest == holder.keyed_digest("persons", b"one")
    journal = (tmp_path / "holder" / "journal.jsonl").read_text()
    assert journal.count('"digested"') == 5  # guessing by asking leaves a line each time
    assert "one" not in journal.replace('"none"', "")
