"""Whoever holds the whole log and knows everything but one text, result or file cannot confirm it.

The attacker hashes each true value, alone and behind every nonce and salt that the log shows, and
looks for the result among all digests in all bodies. With the hidden salt the same tool finds it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit.grammar import grammar
from audit.reading import LogEntry, private_of
from audit.tags import EntryKind
from disclosure.release.store import release_content
from disclosure.store import answer
from foundation.canonical import canonical_bytes
from foundation.db import reading
from tests.calling import API, entries
from tests.city import City, built_city
from tests.fakes import TickingClock
from tests.oversight import BY_AGE, REFUSED, Scene

HEXADECIMAL = re.compile(r"[0-9a-f]{64}")
RULES = "rules and licences: public to every reader of the log by design (I12)"
KEYED = "keyed: made with a secret key that is in no entry"
SALTED = "salted: by 16 or 32 random bytes that are in no entry"
MONEY = "money that the same entries, rules and licences already state"
NAMED = "named on purpose: whoever holds the thing itself is to know it again (SECURITY.md)"
MADE_UP = "of declarations, rules and charged figures alone: a twin can be made anew to check it"
WHY: Mapping[str, str] = {
    "policy_digest": RULES,
    "rule_files": RULES,
    "rule_digest": RULES,
    "licence_digest": RULES,
    "document_digest": RULES,
    "declaration_digest": RULES,
    "snapshot_digest": RULES,
    "plan_digest": RULES,  # of an extract: what licence and mask rules fix
    "private": SALTED,
    "content_digest": SALTED,  # of a debug answer it is MADE_UP
    "version": SALTED,
    "versions": SALTED,  # manifests name files that each hold 32 random bytes
    "manifest_digest": SALTED,
    "extract_digest": SALTED,
    "nonce": SALTED,
    "certifies": SALTED,
    "certificate_digest": KEYED,  # it covers the desk's signature
    "subject": KEYED,
    "values": KEYED,
    "consent": KEYED,
    "key_commitment": KEYED,
    "tariff_digest": RULES,
    "scheme_digest": RULES,
    "permitted_digest": RULES,
    "usage_digest": "what stands in the open beside it, and outcome keys under the ledger's key",
    "payees_root": SALTED,
    "pools_root": SALTED,
    "statement_digest": SALTED,
    "journals_digest": MONEY,
    "reversal_digest": MONEY,
    "answer_digest": SALTED,
    "rules_digest": RULES,  # the alert rules in force
    "claim_digest": MONEY,
    "csv_digest": NAMED,  # so that a settlement file is known before anyone may fetch it
    "pain_digest": NAMED,
    "notebook_digest": NAMED,
    "environment_digest": NAMED,
    "twin_seeds": MADE_UP,
    "box_digest": SALTED,  # of a sealed box, whose nonce is random
    "matter": RULES,  # the calendar and the rules that its clock was counted by
    "matter_concluded": RULES,
    "previous_digest": RULES,  # of an entry's text before, as document_digest
    "subject_digest": KEYED,
    "identity_digest": KEYED,
    "file_digest": NAMED,  # so that a department finds its own spreadsheet again
    "codes_digest": NAMED,  # of the codes of entries, which everybody reads
    "paper_digest": NAMED,  # so that whoever is shown a sealed paper can tell whether it is the one
    "evidence_digest": NAMED,  # kept by a notary to be compared
    "spent_digest": "the odometer, which only authority and regulator read in the open",
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        scene = Scene(city, clock)
        auditor = city.client("auditor")
        case = auditor.post(f"{API}/cases", json={"grounds": "核查"}).json()["id"]
        auditor.post(f"{API}/cases/{case}/holds", json={"licences": [city.licence]})
        assert auditor.post(f"{API}/cases/{case}/export").status_code == 200
        assert auditor.post(f"{API}/log/bundles").status_code == 200
        yield scene


def logged(city: City) -> list[LogEntry]:
    return [entry for kind in EntryKind for entry in entries(city, kind)]


def digests(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """Yield (the field at the top of public or body, digest) for each digest in a value."""
    if isinstance(value, str):
        yield from ((field, found) for found in HEXADECIMAL.findall(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from digests(item, field)
    elif isinstance(value, list):
        for item in value:
            yield from digests(item, field)


def shown(entry: LogEntry) -> Iterator[tuple[str, str]]:
    content = entry.content
    for field, value in content["public"].items():
        yield from digests(value, field)
    yield from digests(content["private"], "private")


def secrets_of(city: City) -> dict[str, bytes]:
    """Return what must not be confirmed: texts, plans, results, released files, as they are.

    Stored versions and extracts are no such file: their bytes hold randomness of their own.
    """
    found: dict[str, bytes] = {"question": BY_AGE.encode(), "refused question": REFUSED.encode()}
    with reading(city.platform.engine) as connection:
        for entry in logged(city):
            hidden = private_of(connection, entry.index, city.platform.keys)
            found |= {f"{entry.index}/{name}": one.text.encode() for name, one in hidden.items()}
        for row in connection.execute(select(answer.c.id, answer.c.content)):
            found[f"answer {row.id}"] = row.content
        for row in connection.execute(select(release_content.c.request, release_content.c.content)):
            found[f"release {row.request}"] = row.content
    return found


def guesses(value: bytes, salts: list[bytes]) -> Iterator[str]:
    """Yield the digests by which an attacker would know a value again."""
    forms = {value, hashlib.sha256(value).hexdigest().encode()}
    forms.add(b"sha256:" + hashlib.sha256(value).hexdigest().encode())
    with suppress(UnicodeDecodeError):
        forms |= {canonical_bytes(value.decode()), canonical_bytes({"sql": value.decode()})}
    if len(value) == len("sha256:") + 64:
        yield value.decode(errors="replace").removeprefix("sha256:")
    for form in forms:
        for salt in salts:
            yield hashlib.sha256(salt + form).hexdigest()


def test_nothing_in_the_log_confirms_a_true_guess(scene: Scene) -> None:
    log = logged(scene.city)
    in_sight = {digest for entry in log for _field, digest in shown(entry)}
    nonces = [entry.content["nonce"] for entry in log]
    salts = [b"", *map(bytes.fromhex, nonces), *(nonce.encode() for nonce in nonces)]
    confirmed = [
        name
        for name, value in secrets_of(scene.city).items()
        if in_sight.intersection(guesses(value, salts))
    ]
    assert not confirmed


def test_with_the_hidden_salt_the_same_tool_confirms_every_field(scene: Scene) -> None:
    checked = 0
    with reading(scene.city.platform.engine) as connection:
        for entry in logged(scene.city):
            in_sight = {digest for _field, digest in shown(entry)}
            for hidden in private_of(connection, entry.index, scene.city.platform.keys).values():
                assert in_sight.intersection(guesses(hidden.text.encode(), [hidden.salt]))
                checked += 1
    assert checked > 10


def test_every_digest_in_every_body_has_a_reason_why_it_confirms_nothing(scene: Scene) -> None:
    unknown = {
        (entry.kind, field)
        for entry in logged(scene.city)
        for field, _digest in shown(entry)
        if field not in WHY
    }
    assert not unknown, "salt it, key it, or say in WHY what makes it harmless"


def test_every_digest_that_a_kind_may_state_has_such_a_reason() -> None:
    unknown = {
        (kind, field)
        for kind, known in grammar().items()
        for field in known.public
        if field.endswith(("_digest", "_digests", "_seeds")) and field not in WHY
    }
    assert not unknown, "salt it, key it, or say in WHY what makes it harmless"


def test_every_body_has_a_nonce_of_its_own(scene: Scene) -> None:
    nonces = [entry.content["nonce"] for entry in logged(scene.city)]
    assert len(set(nonces)) == len(nonces)
    assert {len(nonce) for nonce in nonces} == {32}


def test_the_same_question_twice_looks_different_in_every_digest(scene: Scene) -> None:
    released = entries(scene.city, EntryKind.QUESTION_DECIDED)
    assert len({json.dumps(entry.content["private"]) for entry in released}) == len(released)


def test_no_text_lies_in_the_clear_in_the_files_of_the_store(scene: Scene) -> None:
    home = Path(scene.city.platform.settings.home)
    stored = b"".join(path.read_bytes() for path in home.glob("control.db*"))
    assert stored
    for text in (REFUSED, "核查"):
        assert text.encode() not in stored
