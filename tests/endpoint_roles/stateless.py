"""Operations that change something and yet have no wrong state to be tried in, and why."""

from collections.abc import Mapping

STATELESS: Mapping[str, str] = {
    "POST /catalog/exports": "writes out what stands; asks for nothing that has a state",
    "POST /decisions/explain": "explains any question; decides nothing",
    "POST /figures/security-reports": "counts any month again; an old report stays",
    "POST /log/bundles": "a bundle of the whole log, whenever it is asked for",
    "POST /matters/overdue/announcements": "a day without anything overdue is announced too",
    "POST /notices/address": "an address replaces the one before",
    "POST /notices/address/removal": "without an address there is nothing to do",
    "POST /tokens": "a development token of any account",
}
"""The name of the operation -> why no state of anything can forbid it."""
