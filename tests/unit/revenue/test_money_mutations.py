"""No value of a bundle's money files can be changed: each change is found by recomputation.

The forger is the platform before it exports: it seals journals and statements anew and keeps each
document under its new digest. The log, which others hold, stays as it is.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from audit.store import entry as entry_table
from audit.verify.approvals import verify_approvals
from audit.verify.evidence import read_evidence
from audit.verify.findings import Report
from audit.verify.flow import verify_flow
from audit.verify.ledger import verify_ledger
from audit.verify.permitted import verify_permitted
from audit.verify.statements import verify_statements
from audit.verify.usage import verify_usage
from audit.writer import GroupCommitWriter
from authorization.signing import document_bytes
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from revenue.export import export_ledger
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import Scene
from tests.unit.revenue.test_flow_evidence import played
from tests.unit.revenue.test_ledger_evidence import used
from tests.unit.revenue.test_payee_bundles import changed, places

Files = dict[str, bytes]
CHECKS = (
    verify_usage,
    verify_ledger,
    verify_approvals,
    verify_permitted,
    verify_flow,
    verify_statements,
)


class Bundle:
    """The money files of a bundle over a log that stays as it is."""

    def __init__(self, scene: Scene) -> None:
        with reading(scene.engine) as connection:
            self.files: Files = dict(export_ledger(connection))
            rows = connection.execute(
                select(entry_table.c.body, entry_table.c.leaf_hash).order_by(entry_table.c.idx)
            ).all()
        self.entries = [json.loads(row.body) for row in rows]
        self.leaves = [bytes(row.leaf_hash) for row in rows]
        lines = (document_bytes(one) + b"\n" for one in scene.licences.values())
        self.files["licences.jsonl"] = b"".join(lines)

    def refuses(self, files: Files) -> bool:
        report = Report()
        try:
            evidence = read_evidence(files, self.entries, self.leaves)
            for check in CHECKS:
                check(evidence, report)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            return True  # the command calls such a bundle unusable
        return report.exit_code != 0


@pytest.fixture
def bundle(engine: Engine, writer: GroupCommitWriter, clock: TickingClock) -> Bundle:
    scene = played(engine, writer, clock)
    for key in ("k1", "k2"):
        used(scene, "licence_c", key, d_roads=200, d_people=40)
    scene.next_period("p3", "p4")
    return Bundle(scene)


def forged(name: str, document: Any) -> tuple[str, bytes]:
    """Seal a changed document anew, as a forger would; return its name and bytes."""
    if name.startswith("statements/") or name == "journals.jsonl":
        unsealed = ("digest", "audit_leaf") if name == "journals.jsonl" else ("digest",)
        content = {key: value for key, value in document.items() if key not in unsealed}
        document = {**document, "digest": digest(content)}
    data = canonical_bytes(document)
    folder = name.partition("/")[0]
    if folder in {"rules", "tariffs", "schemes", "permitted"}:
        name = f"{folder}/{digest(document).removeprefix('sha256:')}.json"
    return name, data


def forgeries(files: Files) -> Iterator[tuple[str, Files]]:
    for name, data in files.items():
        lines = data.splitlines() if name.endswith(".jsonl") else [data]
        for at, line in enumerate(lines):
            document = json.loads(line)
            for path in places(document):
                if path == ("digest",):
                    continue  # it is sealed anew
                new_name, new = forged(name, changed(document, path))
                rest = {other: held for other, held in files.items() if other != name}
                rest[new_name] = b"\n".join([*lines[:at], new, *lines[at + 1 :]])
                yield f"{name}:{at}:{path}", rest


def test_the_true_files_are_accepted(bundle: Bundle) -> None:
    assert not bundle.refuses(bundle.files)


def test_every_changed_value_is_refused(bundle: Bundle) -> None:
    accepted = [name for name, files in forgeries(bundle.files) if not bundle.refuses(files)]
    assert accepted == []


def test_no_line_and_no_file_can_be_left_out_or_doubled(bundle: Bundle) -> None:
    kept = []
    for name, data in bundle.files.items():
        fewer = {other: held for other, held in bundle.files.items() if other != name}
        if not bundle.refuses(fewer):
            kept.append(name)
        if name.endswith(".jsonl") and name != "licences.jsonl":
            lines = data.splitlines()
            kept += [
                f"{name}: {len(new)}"
                for new in (lines[1:], [*lines, lines[0]])
                if not bundle.refuses({**bundle.files, name: b"\n".join(new)})
            ]
    assert kept == []
