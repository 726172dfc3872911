"""Entries for security monitoring: OCSF API Activity events, and CEF lines for older collectors.

OCSF: class 6003 of schema 1.6.0; what has no attribute of its own, the leaf index among it, stands
in ``unmapped``. CEF: format version 0 of the ArcSight guide, with its two ways of escaping.
"""

from collections.abc import Mapping, Sequence

from audit.formats.records import Record
from audit.tags import EntryKind
from audit.view.terms import Decision
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso

OCSF_VERSION = "1.6.0"
CATEGORY_UID, CLASS_UID = 6, 6003
PRODUCT, VENDOR, PRODUCT_VERSION = "Sandgate", "Sandgate", "1"
MICROSECONDS_PER_MILLISECOND = 1_000

_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_ACTIVITY_NAMES = {
    _CREATE: "Create",
    _READ: "Read",
    _UPDATE: "Update",
    _DELETE: "Delete",
    _OTHER: "Other",
}
_ACTIVITIES: Mapping[str, int] = {
    **dict.fromkeys(
        ("created", "drafted", "registered", "declared", "published", "opened"), _CREATE
    ),
    **dict.fromkeys(("requested", "submitted", "built", "issued", "proposed", "saved"), _CREATE),
    **dict.fromkeys(("decided", "released", "repeated", "answered", "fetched", "read"), _READ),
    **dict.fromkeys(("listed", "exported", "explained", "previewed", "delivered"), _READ),
    **dict.fromkeys(("activated", "suspended", "resumed", "confirmed", "approved"), _UPDATE),
    **dict.fromkeys(("voted", "closed", "reopened", "restricted", "placed", "frozen"), _UPDATE),
    **dict.fromkeys(("destroyed", "ended", "expired", "reversed"), _DELETE),
}
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_SEVERITY_NAMES = {_INFORMATIONAL: "Informational", _LOW: "Low", _MEDIUM: "Medium"}
_MEDIUM_KINDS = frozenset(
    {
        EntryKind.ALERT_RAISED,
        EntryKind.ATTEMPT_REPORTED,
        EntryKind.BUDGETS_CLOSED,
        EntryKind.VERIFICATION_LOCKED,
    }
)
_CEF_SEVERITY = {_INFORMATIONAL: 1, _LOW: 4, _MEDIUM: 7}
_RESOURCES = ("licence", "dataset", "answer", "release", "product", "population", "period")


def as_ocsf(records: Sequence[Record]) -> bytes:
    """Write one OCSF event a line."""
    return b"".join(canonical_bytes(ocsf_event(record)) + b"\n" for record in records)


def ocsf_event(record: Record) -> dict[str, object]:
    """Return an entry as an OCSF API Activity event."""
    activity = _ACTIVITIES.get(record.entry.kind.rpartition(":")[2], _OTHER)
    severity = _severity(record)
    failed = record.decision in {Decision.REFUSED, Decision.FAILED}
    status = (
        {"status_id": 2, "status": "Failure"} if failed else {"status_id": 1, "status": "Success"}
    )
    code = record.public.get("code")
    session = record.public.get("session")
    return {
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": activity,
        "activity_name": _ACTIVITY_NAMES[activity],
        "type_uid": CLASS_UID * 100 + activity,
        "type_name": f"API Activity: {_ACTIVITY_NAMES[activity]}",
        "severity_id": severity,
        "severity": _SEVERITY_NAMES[severity],
        **status,
        **({"status_code": str(code)} if code else {}),
        "time": record.entry.time_us // MICROSECONDS_PER_MILLISECOND,
        "message": record.sentence.en,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": PRODUCT_VERSION},
            "uid": f"{record.origin}#{record.entry.index}",
            "event_code": record.entry.kind,
            "log_name": record.origin,
            "original_time": to_iso(record.entry.time_us),
        },
        "actor": {
            "user": {
                "uid": str(record.actor["person"]),
                "name": str(record.actor["person"]),
                "org": {"uid": str(record.actor["organisation"])},
            },
            **({"session": {"uid": str(session)}} if session else {}),
        },
        "api": {
            "operation": record.entry.kind,
            "service": {"name": PRODUCT},
            **({"request": {"uid": str(uid)}} if (uid := record.public.get("question")) else {}),
            **({"response": {"error": str(code)}} if code and failed else {}),
        },
        "src_endpoint": {"name": str(session or record.actor["organisation"])},
        "resources": [
            {"type": name, "uid": str(record.public[name])}
            for name in _RESOURCES
            if isinstance(record.public.get(name), str)
        ],
        "raw_data": record.entry.body.decode(),
        "unmapped": {
            "leaf_index": record.entry.index,
            "leaf_hash": record.entry.leaf_hash.hex(),
            "log_origin": record.origin,
            "sentence_zh": record.sentence.zh,
            "columns": record.columns,
            "datasets": record.datasets,
        },
    }


def as_cef(records: Sequence[Record]) -> bytes:
    """Write one CEF line an entry."""
    return "".join(cef_line(record) + "\n" for record in records).encode()


def cef_line(record: Record) -> str:
    """Return an entry as one line: seven header fields, then keys with their values."""
    severity = _CEF_SEVERITY[_severity(record)]
    header = (
        VENDOR,
        PRODUCT,
        PRODUCT_VERSION,
        record.entry.kind,
        record.sentence.en,
        str(severity),
    )
    public = record.public
    keys = {
        "rt": record.entry.time_us // MICROSECONDS_PER_MILLISECOND,
        "externalId": record.entry.index,
        "suid": record.actor["person"],
        "suser": record.actor["person"],
        "outcome": record.decision,
        "reason": public.get("code"),
        "cs1Label": "licence" if public.get("licence") else None,
        "cs1": public.get("licence"),
        "cs2Label": "leafHash",
        "cs2": record.entry.leaf_hash.hex(),
        "cs3Label": "organisation",
        "cs3": record.actor["organisation"],
        "cs4Label": "datasets" if record.datasets else None,
        "cs4": " ".join(record.datasets) or None,
        "cs5Label": "logOrigin",
        "cs5": record.origin,
        "msg": record.sentence.zh,
    }
    extension = " ".join(
        f"{key}={_extension(str(value))}" for key, value in keys.items() if value is not None
    )
    return "|".join(("CEF:0", *map(_header, header), extension))


def _header(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    lines = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r\n", "\n")
    return _one_line(lines.replace("\r", "\\n").replace("\n", "\\n"))


def _one_line(text: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in text)


def _severity(record: Record) -> int:
    if record.entry.kind in _MEDIUM_KINDS:
        return _MEDIUM
    return _LOW if record.decision in {Decision.REFUSED, Decision.FAILED} else _INFORMATIONAL
