"""What the gate admits of the public query sets, and how long it takes to let a question through.

``tpch_admitted`` and ``tpcds_admitted``: queries that pass as rows with every name granted.
``gate_ms_p50`` and ``…_p95``: text to permit (confined parser, allow-lists, names, Casbin on every
column touched), over TPC-H and what analysts write. ``processor_ms_p50`` is the same without the
machine's load: processor time of the service and its parser.
"""

import ast
import json
import os
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from authorization.compile import compile_licence
from authorization.decisions import AccessRequest, check_decision, decide
from authorization.enforcer import PolicySnapshot
from authorization.lines import Action, Links
from authorization.revocation import SuspensionBoard
from benchmarks.processor_time import processor_seconds
from benchmarks.public_queries import (
    ARCHIVE,
    VERSION,
    Skipped,
    cache_directory,
    tpcds_queries,
    tpch_queries,
)
from catalog.datasets import DatasetDeclaration
from disclosure.engine.limits import EngineLimits
from disclosure.engine.supervisor import EnginePool
from disclosure.gate.nearest import read_question
from disclosure.gate.question import QueryGate
from disclosure.gate.refusals import GateRefused
from disclosure.gate.scope import TableGrant
from foundation.clock import SystemClock
from foundation.errors import SandgateError
from policies.schema.gate import GateRules
from tests.attacks.gate_corpus import GRANTS as ANALYST_TABLES
from tests.attacks.gate_corpus import LEGITIMATE
from tests.licensing import NOVEMBER_2026_US, PACK, RULES, actor, licence_document

ROUNDS = 25
TPCH_MIN = 22
TPCDS_MIN = 97
P50_MS_MAX = 5.0
P95_MS_MAX = 15.0
Tables = Mapping[str, TableGrant]


def granted_tables(name: str) -> dict[str, TableGrant]:
    """Read the tables and columns of a query set as its archive declares them."""
    with tarfile.open(cache_directory() / ARCHIVE) as archive:
        member = archive.extractfile(f"sqlglot-{VERSION}/tests/helpers.py")
        assert member is not None
        module = ast.parse(member.read())
    for statement in module.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            schema: dict[str, dict[str, str]] = ast.literal_eval(statement.value)
            return {
                table.lower(): TableGrant(extract=tuple(map(str.lower, columns)))
                for table, columns in schema.items()
            }
    raise Skipped(f"{ARCHIVE} declares no {name}")


def admitted(gate: QueryGate, queries: Sequence[str], tables: Tables) -> dict[str, str]:
    """Return the queries that do not pass as rows, by number, each with the refusal's code."""
    refused: dict[str, str] = {}
    for number, sql in enumerate(queries, 1):
        try:
            _, found = read_question(gate, sql, tables)
        except GateRefused as refusal:
            refused[str(number)] = f"{refusal.code} {refusal.field}"
        except SandgateError as failure:
            refused[str(number)] = failure.code
        else:
            assert found.kind == "rows"
    return refused


class Deciding:
    """A licence that grants every table as rows, and Casbin over it; nothing is cached."""

    def __init__(self, tables: Tables, directory: Path) -> None:
        """Compile one licence."""
        self._tables = tables
        self._declarations = {name: declaration(name, grant) for name, grant in tables.items()}
        self._board = SuspensionBoard(directory)
        grants = [
            {"dataset": name, "modes": ["rows"], "columns": list(grant.extract)}
            for name, grant in tables.items()
        ]
        self._compiled = compile_licence(licence_document(grants=grants, budgets=[]), RULES)
        domain = f"lic:{self._compiled.id}"
        held = frozenset(
            ("person:analyst", who, domain) for who in ("org:datawise", "role:operator")
        )
        self._links = self._compiled.links.joined(Links(members=held))

    def snapshot(self) -> PolicySnapshot:
        """Return a fresh snapshot, so that no decision of an earlier round is remembered."""
        compiled = self._compiled
        return PolicySnapshot(
            PACK.access_model, compiled.lines, self._links, {compiled.id: compiled}
        )

    def let_through(self, gate: QueryGate, snapshot: PolicySnapshot, sql: str) -> None:
        """Take one question from its text to Casbin's permits. Raises what refuses it."""
        _, found = read_question(gate, sql, self._tables)
        for name in sorted(found.tables):
            columns = tuple(sorted(column for table, column in found.columns if table == name))
            request = AccessRequest(
                actor("analyst"),
                self._compiled.id,
                Action.QUERY_ROWS,
                self._declarations[name],
                columns,
            )
            check_decision(decide(snapshot, self._board, request, NOVEMBER_2026_US))


def declaration(name: str, grant: TableGrant) -> DatasetDeclaration:
    """Declare an open data set whose columns are all given as rows."""
    labels = {"label_zh": name, "label_en": name}
    fixed = {**labels, "type": "text", "grade": "L1", "exposure": "rows"}
    columns = [{"name": column, **fixed} for column in grant.extract]
    return DatasetDeclaration.model_validate(
        {"name": name, "entry": "benchmark", "subject": "open", "columns": columns, **labels}
    )


def timed(
    gate: QueryGate, deciding: Deciding, questions: Sequence[str]
) -> tuple[list[float], float]:
    """Return the wall time of each question, in ms, and the processor time a question, in ms."""
    for sql in questions:
        deciding.let_through(gate, deciding.snapshot(), sql)
    taken: list[float] = []
    processor: list[float] = []
    for _ in range(ROUNDS):
        snapshot = deciding.snapshot()
        before = processor_seconds()
        for sql in questions:
            start = time.perf_counter()
            deciding.let_through(gate, snapshot, sql)
            taken.append((time.perf_counter() - start) * 1_000)
        processor.append((processor_seconds() - before) * 1_000 / len(questions))
    return sorted(taken), statistics.median(processor)


def admission_line(figure: str, gate: QueryGate, queries: Sequence[str], tables: str) -> bool:
    """Print how many queries of a set pass; tell whether they are enough."""
    least = {"tpch_admitted": TPCH_MIN, "tpcds_admitted": TPCDS_MIN}[figure]
    refused = admitted(gate, queries, granted_tables(tables))
    passed = len(queries) - len(refused)
    against = f"the {len(queries)} queries in sqlglot {VERSION}, every name granted"
    return printed(figure, passed, "queries", f">={least}", passed >= least, against, 1, refused)


def printed(
    figure: str,
    value: float,
    unit: str,
    limit: str,
    ok: bool,
    against: str,
    runs: int,
    detail: object,
) -> bool:
    """Print one figure's line; return whether it is good."""
    line = {"figure": figure, "value": value, "unit": unit, "limit": limit, "ok": ok}
    line |= {"against": against, "runs": runs, "detail": detail}
    print(json.dumps(line), flush=True)
    return ok


def time_lines(gate: QueryGate, queries: Sequence[str]) -> bool:
    """Print the two times; tell whether both are short enough."""
    tables = {**granted_tables("TPCH_SCHEMA"), **ANALYST_TABLES}
    questions = [*queries, *LEGITIMATE]
    with tempfile.TemporaryDirectory() as directory:
        taken, processor = timed(gate, Deciding(tables, Path(directory)), questions)
    against = f"TPC-H and {len(LEGITIMATE)} analysts' questions, text to Casbin's permits, warm"
    detail = {"processor_ms_p50": round(processor, 2), "load": round(os.getloadavg()[0], 1)}
    good = True
    for figure, share, limit in (
        ("gate_ms_p50", 0.50, P50_MS_MAX),
        ("gate_ms_p95", 0.95, P95_MS_MAX),
    ):
        value = round(taken[int(share * len(taken))], 2)
        good &= printed(
            figure, value, "ms", f"<={limit:g}", value <= limit, against, ROUNDS, detail
        )
    return good


def main() -> int:
    """Print one JSON line for each figure; return 1 where one misses its limit."""
    try:
        tpch, tpcds = tpch_queries(), tpcds_queries()
    except Skipped as reason:
        print(json.dumps({"figure": "tpch_admitted", "skipped": str(reason)}), flush=True)
        return 1
    pool = EnginePool(Path(sys.prefix), EngineLimits(), SystemClock())
    try:
        gate = QueryGate(pool.parse, PACK.rules(GateRules))
        good = admission_line("tpch_admitted", gate, tpch, "TPCH_SCHEMA")
        good &= admission_line("tpcds_admitted", gate, tpcds, "TPCDS_SCHEMA")
        good &= time_lines(gate, tpch)
    finally:
        pool.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
