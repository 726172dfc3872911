"""Each format holds the same entries, in the shape its schema asks for, and nothing that acts.

The models below are the parts of OCSF 1.6.0 (API Activity, 6003) and OpenLineage 2-0-2 (RunEvent)
that we write, with what those schemas require. Not held here: enumerations of objects we leave
out, and the JSON schema files themselves, which are not fetched.
"""

import csv
import io
import json
import re
from typing import Any, Literal
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from audit.bodies import entry_body
from audit.events import AuditEvent
from audit.formats.lineage import SCHEMA_URL, as_openlineage
from audit.formats.records import COLUMNS, Record
from audit.formats.security import as_cef, as_ocsf, cef_line, ocsf_event
from audit.formats.tables import as_csv, as_jsonl, as_parquet, inert_cell
from audit.reading import LogEntry
from audit.tags import EntryKind
from audit.tree import leaf_hash
from audit.view.narration import PlainNames, sentence
from foundation.identity import Actor, Role
from tests.fakes import START_US

ANALYST = Actor("analyst", "pearl_operator", frozenset({Role.OPERATOR}))
FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "|calc",
    "＝1",
    '=HYPERLINK("x")',
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class OcsfProduct(Strict):
    name: str
    vendor_name: str
    version: str


class OcsfMetadata(Strict):
    version: Literal["1.6.0"]
    product: OcsfProduct
    uid: str
    event_code: str
    log_name: str
    original_time: str


class OcsfUid(Strict):
    uid: str


class OcsfUser(OcsfUid):
    name: str
    org: OcsfUid


class OcsfActor(Strict):
    user: OcsfUser
    session: OcsfUid | None = None


class OcsfApi(Strict):
    operation: str = Field(min_length=1)
    service: dict[str, str]
    request: OcsfUid | None = None
    response: dict[str, str] | None = None


class OcsfEndpoint(Strict):
    name: str = Field(min_length=1)


class OcsfResource(OcsfUid):
    type: str


class ApiActivity(Strict):
    category_uid: Literal[6]
    category_name: Literal["Application Activity"]
    class_uid: Literal[6003]
    class_name: Literal["API Activity"]
    activity_id: Literal[0, 1, 2, 3, 4, 99]
    activity_name: str
    type_uid: int
    type_name: str
    severity_id: Literal[0, 1, 2, 3, 4, 5, 6, 99]
    severity: str
    status_id: Literal[0, 1, 2, 99]
    status: str
    status_code: str | None = None
    time: int = Field(ge=10**12, lt=10**13)  # milliseconds
    message: str
    metadata: OcsfMetadata
    actor: OcsfActor
    api: OcsfApi
    src_endpoint: OcsfEndpoint
    resources: list[OcsfResource]
    raw_data: str
    unmapped: dict[str, Any]

    @model_validator(mode="after")
    def type_is_class_and_activity(self) -> "ApiActivity":
        assert self.type_uid == self.class_uid * 100 + self.activity_id
        return self


class Facet(BaseModel):
    model_config = ConfigDict(extra="allow")
    producer: str = Field(alias="_producer", pattern=r"^[a-z]+:.+")
    schema_url: str = Field(alias="_schemaURL", pattern=r"^[a-z]+:.+")


class LineageRun(Strict):
    runId: UUID  # noqa: N815 - the schema's name
    facets: dict[str, Facet]


class LineageJob(Strict):
    namespace: str
    name: str


class LineageDataset(LineageJob):
    facets: dict[str, Facet] = {}


class RunEvent(Strict):
    eventType: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]  # noqa: N815
    eventTime: AwareDatetime  # noqa: N815
    producer: str = Field(pattern=r"^[a-z]+:.+")
    schemaURL: Literal[SCHEMA_URL]  # type: ignore[valid-type]  # noqa: N815
    run: LineageRun
    job: LineageJob
    inputs: list[LineageDataset]
    outputs: list[LineageDataset]


def record(kind: EntryKind, index: int = 7, /, **public: Any) -> Record:
    event = AuditEvent(kind, ANALYST, public)
    body = entry_body(event, index, START_US + index, event.public, [])
    entry = LogEntry(index, START_US + index, str(kind), body, leaf_hash(body))
    return Record("log.example", entry, sentence(entry, PlainNames()))


def a_question() -> list[Record]:
    named = {
        "licence": "lic_a",
        "session": "ses_a",
        "question": "qst_a",
        "datasets": ["homes"],
        "columns": {"homes": ["state", "wage"]},
        "purpose": "industry",
    }
    return [
        record(EntryKind.QUESTION_DECIDED, 7, **named, cost_nano_rho=5_000_000),
        record(EntryKind.ANSWER_RELEASED, 8, **named, answer="ans_a"),
        record(EntryKind.ANSWER_FAILED, 9, **{**named, "question": "qst_b"}, code="too_slow"),
        record(EntryKind.QUESTION_REFUSED, 10, licence="lic_a", question="qst_c", code="no_rule"),
        record(EntryKind.ANSWER_REPEATED, 11, **{**named, "question": "qst_d"}, answer="ans_a"),
    ]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert inert_cell(text) == f"'{text}"
    named = record(EntryKind.PRODUCT_FETCHED, licence=text, product=text)
    rows = list(csv.reader(io.StringIO(as_csv([named]).decode("utf-8-sig"), newline="")))
    assert all(not cell.lstrip().startswith(("=", "+", "-", "@", "|", "＝")) for cell in rows[1])


@given(st.text())
def test_whatever_the_text_a_cell_begins_harmlessly_and_reads_back(text: str) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow([inert_cell(text)])
    (read,) = next(csv.reader(io.StringIO(written.getvalue(), newline="")))
    assert read.removeprefix("'") == text.replace("\x00", "").removeprefix("'")
    assert not re.match(r"[ ]*[=+\-@\t\r\n|%＝＋－＠]", read)


def test_csv_and_parquet_hold_the_same_rows() -> None:
    records = a_question()
    rows = list(csv.DictReader(io.StringIO(as_csv(records).decode("utf-8-sig"))))
    table = pq.read_table(io.BytesIO(as_parquet(records)))
    assert tuple(rows[0]) == tuple(table.column_names) == COLUMNS
    assert [int(row["index"]) for row in rows] == table["index"].to_pylist()
    assert [row["leaf"] for row in rows] == table["leaf"].to_pylist()
    assert rows[0]["columns"] == "homes.state homes.wage"
    assert [row["decision"] for row in rows] == [
        "permitted",
        "answered",
        "failed",
        "refused",
        "answered",
    ]


def test_a_json_line_holds_the_body_that_was_hashed() -> None:
    for line, made in zip(as_jsonl(a_question()).splitlines(), a_question(), strict=True):
        told = json.loads(line)
        assert told["leaf"] == leaf_hash(told["body"].encode()).hex()
        assert told["index"] == made.entry.index


def test_ocsf_events_are_api_activity_of_the_schema_they_name() -> None:
    events = [json.loads(line) for line in as_ocsf(a_question()).splitlines()]
    found = [ApiActivity.model_validate(event) for event in events]
    assert [event.status_id for event in found] == [1, 1, 2, 2, 1]
    assert [event.unmapped["leaf_index"] for event in found] == [7, 8, 9, 10, 11]
    assert found[3].status_code == "no_rule"


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_is_an_ocsf_event_a_cef_line_and_a_sentence(kind: EntryKind) -> None:
    made = record(kind, licence="lic_a")
    ApiActivity.model_validate(ocsf_event(made))
    assert len(fields_of(cef_line(made))) == 8
    assert re.search(r"[\u4e00-\u9fff]", made.sentence.zh)
    assert made.sentence.en.startswith("analyst of pearl_operator: ")


@given(st.text(max_size=60))
def test_no_text_breaks_out_of_its_cef_field(text: str) -> None:
    named = record(EntryKind.QUESTION_REFUSED, licence=text, code=text)
    (line,) = as_cef([named]).decode().split("\n")[:-1]
    assert line.isprintable()
    *header, extension = fields_of(line)
    assert (len(header), header[0]) == (7, "CEF:0")
    keys = re.findall(r"(?:^| )([a-zA-Z0-9]+)=", re.sub(r"\\.", "", extension))
    assert keys.count("outcome") == 1
    assert keys.count("rt") == 1


def fields_of(line: str) -> list[str]:
    """Cut a CEF line at its first seven unescaped bars, as a collector does."""
    fields, escaped = [""], False
    for mark in line:
        if mark == "|" and not escaped and len(fields) < 8:
            fields.append("")
            continue
        fields[-1] += mark
        escaped = mark == "\\" and not escaped
    return fields


def test_cef_escapes_what_its_guide_names() -> None:
    hostile = "a|b\\c=d\nrt=0 outcome=permitted"
    line = cef_line(record(EntryKind.QUESTION_REFUSED, code=hostile))
    assert r"reason=a|b\\c\=d\nrt\=0 outcome\=permitted" in line
    assert "\n" not in line


def test_lineage_has_a_start_and_one_end_for_each_run() -> None:
    lines = as_openlineage(a_question(), {8: "a receipt"}).splitlines()
    events = [RunEvent.model_validate_json(line) for line in lines]
    runs: dict[UUID, list[str]] = {}
    for event in events:
        runs.setdefault(event.run.runId, []).append(event.eventType)
    assert sorted(runs.values()) == [["FAIL"], ["START", "COMPLETE"], ["START", "COMPLETE"]]
    complete = events[1]
    facet = complete.run.facets["sandgate_receipt"].model_extra
    assert facet == {
        "leafIndex": 8,
        "leafHash": a_question_leaf(json.loads(lines[1])),
        "receipt": "a receipt",
    }
    assert complete.outputs[0].name == "answer/ans_a"
    fields = complete.inputs[0].facets["schema"].model_extra
    assert fields == {"fields": [{"name": "state"}, {"name": "wage"}]}


def a_question_leaf(event: dict[str, Any]) -> str:
    leaf: str = event["run"]["facets"]["sandgate_receipt"]["leafHash"]
    assert re.fullmatch(r"[0-9a-f]{64}", leaf)
    return leaf
