"""A city that verifies claims about its households, and the words to make them."""

from typing import Any

from disclosure.verify.claims import Claim
from foundation.clock import MICROSECONDS_PER_SECOND, SystemClock, to_iso
from tests.city_documents import licence_json

PURPOSE = "loan_review"
GRANT: dict[str, Any] = {
    "dataset": "households",
    "modes": ["verify"],
    "columns": ["state", "age_band", "wages"],
    "basis": "核验批准1号",
    "verify": {
        "identifiers": ["household"],
        "ranges": [
            {
                "column": "wages",
                "ranges": [
                    {"label": "low", "lower": 0, "upper": 30_000},
                    {"label": "middle", "lower": 30_000, "upper": 60_000},
                    {"label": "high", "lower": 60_000, "upper": 100_000},
                ],
            }
        ],
        "consent": {"purposes": [PURPOSE], "days_max": 90},
    },
}


def verifying(**changes: Any) -> dict[str, Any]:
    """Return the city's licence with verification granted on households."""
    document = licence_json(**changes)
    return {**document, "grants": [*document["grants"], GRANT]}


def consent(number: str, **changes: Any) -> dict[str, str]:
    given_on = to_iso(SystemClock().now_us() - 2 * 86_400 * MICROSECONDS_PER_SECOND)[:10]
    return {
        "number": number,
        "given_by": "the head of the household",
        "given_on": given_on,
        "purpose": PURPOSE,
        **changes,
    }


def claim_json(household: object, consent_changes: Any = None, **claimed: str) -> dict[str, Any]:
    """Return a claim about a household; each has a consent of its own."""
    changes = dict(consent_changes or {})
    number = changes.pop("number", f"consent-{household}")
    return {
        "dataset": "households",
        "subject": {"household": str(household)},
        "claimed": claimed,
        "consent": consent(number, **changes),
    }


def claim(household: object, consent_changes: Any = None, **claimed: str) -> Claim:
    return Claim.model_validate(claim_json(household, consent_changes, **claimed))
