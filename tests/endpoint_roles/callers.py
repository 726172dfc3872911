"""The accounts that every endpoint is tried with, one of each kind of house and role."""

EVERYONE = (
    "founder",
    "steward",
    "analyst",
    "buyer",
    "checker_one",
    "auditor",
    "treasurer",
)
WRITERS = tuple(name for name in EVERYONE if name != "auditor")
