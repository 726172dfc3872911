"""Questions as OpenLineage runs: which data sets and columns went in, and which answer came out.

OpenLineage 2-0-2: a START when a question was decided, then COMPLETE or FAIL. The facet
``sandgate_receipt`` holds the place of the entry in the log and, where it is given, its proof.
"""

import uuid
from collections.abc import Mapping, Sequence

from audit.formats.records import Record
from audit.tags import EntryKind
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso

SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent"
SCHEMA_FACET_URL = (
    "https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
)
RECEIPT_FACET_URL = "urn:sandgate:openlineage:receipt-run-facet:1"
PRODUCER = "urn:sandgate:audit"
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sandgate:run")
_EVENT_TYPES: Mapping[str, str] = {
    EntryKind.QUESTION_DECIDED: "START",
    EntryKind.VERIFICATION_DECIDED: "START",
    EntryKind.ANSWER_RELEASED: "COMPLETE",
    EntryKind.ANSWER_REPEATED: "COMPLETE",
    EntryKind.VERIFICATION_ANSWERED: "COMPLETE",
    EntryKind.ANSWER_FAILED: "FAIL",
    EntryKind.VERIFICATION_FAILED: "FAIL",
}


def as_openlineage(records: Sequence[Record], receipts: Mapping[int, str]) -> bytes:
    """Write one run event a line, for the entries that begin or end a run.

    A repeat of a stored answer has no decision entry of its own: its run starts with it.
    """
    lines = []
    for record in sorted(records, key=lambda item: item.entry.index):
        if record.entry.kind == EntryKind.ANSWER_REPEATED:
            lines.append(_event(record, "START", receipts))
        if record.entry.kind in _EVENT_TYPES:
            lines.append(_event(record, _EVENT_TYPES[record.entry.kind], receipts))
    return b"".join(canonical_bytes(line) + b"\n" for line in lines)


def _event(record: Record, event_type: str, receipts: Mapping[int, str]) -> dict[str, object]:
    public = record.public
    run = str(public.get("question") or public.get("claim") or record.entry.index)
    answer = public.get("answer")
    return {
        "eventType": event_type,
        "eventTime": to_iso(record.entry.time_us),
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
        "run": {
            "runId": str(uuid.uuid5(_RUNS, f"{record.origin}/{run}")),
            "facets": {"sandgate_receipt": _receipt(record, receipts)},
        },
        "job": {"namespace": record.origin, "name": f"licence/{public.get('licence', '')}"},
        "inputs": [_input(record, name) for name in record.datasets],
        "outputs": [{"namespace": record.origin, "name": f"answer/{answer}"}] if answer else [],
    }


def _receipt(record: Record, receipts: Mapping[int, str]) -> dict[str, object]:
    proof = receipts.get(record.entry.index)
    return {
        "_producer": PRODUCER,
        "_schemaURL": RECEIPT_FACET_URL,
        "leafIndex": record.entry.index,
        "leafHash": record.entry.leaf_hash.hex(),
        **({"receipt": proof} if proof is not None else {}),
    }


def _input(record: Record, dataset: str) -> dict[str, object]:
    fields = [{"name": name} for name in record.columns.get(dataset, [])]
    facet = {"_producer": PRODUCER, "_schemaURL": SCHEMA_FACET_URL, "fields": fields}
    return {
        "namespace": record.origin,
        "name": dataset,
        **({"facets": {"schema": facet}} if fields else {}),
    }
