"""Where an operation cannot be tried by the common rule: what it takes, and who shows it instead.

The common rule: somebody who may asks it of a thing that is not there, with an empty body, and is
refused with 404, 409 or 422; a list without names in its address is answered to them.
"""

from collections.abc import Mapping

QUERIES: Mapping[str, Mapping[str, str]] = {
    "/catalog/export/dcat/entry": {"code": "306001/1"},
    "/regradings": {"dataset": "households"},
    "/matters/scorecards": {"from": "2026-01-01", "until": "2026-02-01"},
    "/regulator/columns": {"column": "households.state"},
}
"""What a list wants to know before it answers."""

TAKES_NOTHING: Mapping[tuple[str, str], str] = {
    ("POST", "/catalog/exports"): "an export without a choice is of everything",
    ("POST", "/log/bundles"): "a bundle is of the whole log",
    ("POST", "/notices/address/removal"): "without an address there is nothing to do",
    ("POST", "/matters/overdue/announcements"): "a day without anything overdue is announced too",
    ("GET", "/settlement-files/payables/x"): "an organisation to which nothing is payable",
    ("GET", "/permitted-revenue/x"): "an operator about which nothing was decided",
    ("GET", "/log/entries/0"): "the first entry is always there",
    ("GET", "/log/entries/0/receipt"): "the first entry is always there",
}
"""Operations that rightly succeed with an empty body or an unknown name, and why."""

NAMED: Mapping[str, tuple[str, str]] = {
    "/licences/{licence_id}/extracts": ("founder", "/licences/{licence}/extracts"),
    "/catalog/datasets/{name}/quality-rules": (
        "steward",
        "/catalog/datasets/households/quality-rules",
    ),
    "/catalog/datasets/{name}/scores": ("steward", "/catalog/datasets/households/scores"),
    "/quality/datasets/{name}/stewards": ("steward", "/quality/datasets/households/stewards"),
    "/catalog/entries/{entry_id}/versions": ("steward", "/catalog/entries/{entry}/versions"),
    "/resources/{name}": ("steward", "/resources/households"),
    "/standards/conformance/{dataset}": ("steward", "/standards/conformance/households"),
    "/zones/{zone_id}": ("steward", "/zones/public"),
    "/regulator/timelines/{subject}/{identifier}": (
        "auditor",
        "/regulator/timelines/licence/{licence}",
    ),
}
"""What is read by the name of something that every city holds: who reads it, and where."""
