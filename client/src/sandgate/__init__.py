"""Sandgate's notebook SDK: checked questions over licensed public data, from inside a session.

It speaks HTTP over the session's one Unix socket, holds no credential, and imports nothing of the
platform. Every refusal says which rule decided and what would be allowed.
"""

from sandgate.answers import Answer
from sandgate.attempts import Attempt, attempt
from sandgate.budgets import Budget
from sandgate.costs import Cost
from sandgate.drafts import Draft
from sandgate.estimates import Alternative, Estimate
from sandgate.gateway import (
    Gateway,
    allowed,
    budget,
    datasets,
    draft,
    environment,
    estimate,
    hand_in,
    release,
    release_table,
    request_package,
    sql,
    status,
    submit_notebook,
    table,
)
from sandgate.language import language
from sandgate.listings import Dataset, Datasets
from sandgate.notebook import draw_refusals, load_ipython_extension
from sandgate.refusals import Refused, Unreachable, last_refusal
from sandgate.releases import ReleaseRequest
from sandgate.settings import settings
from sandgate.standing import Environment, HandedIn, PackageRequest, Review, Status
from sandgate.tables import Table
from sandgate.verification import Consent, Verification, verify

__all__ = [
    "Alternative",
    "Answer",
    "Attempt",
    "Budget",
    "Consent",
    "Cost",
    "Dataset",
    "Datasets",
    "Draft",
    "Environment",
    "Estimate",
    "Gateway",
    "HandedIn",
    "PackageRequest",
    "Refused",
    "ReleaseRequest",
    "Review",
    "Status",
    "Table",
    "Unreachable",
    "Verification",
    "allowed",
    "attempt",
    "budget",
    "datasets",
    "draft",
    "environment",
    "estimate",
    "hand_in",
    "language",
    "last_refusal",
    "load_ipython_extension",
    "release",
    "release_table",
    "request_package",
    "settings",
    "sql",
    "status",
    "submit_notebook",
    "table",
    "verify",
]

draw_refusals()
