"""Under what a home was made: columns granted, row filters, extracts; wider terms open it again.

A home may hold whatever its session was shown, so it opens only where all of that would be shown
today: a licence that lost a column, a mode or rows does not open what was made with them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authorization.compile import CompiledLicence

NoWider = Callable[[str, str], bool]
"""Tells whether the first extract (by its digest) shows no more than the second."""


@dataclass(frozen=True)
class HomeTerms:
    """Columns by data set and mode, row filters by data set, extracts in force by data set."""

    columns: Mapping[str, frozenset[str]]
    filters: Mapping[str, str]
    extracts: Mapping[str, str]

    def as_text(self) -> str:
        """Return the terms as they are stored."""
        return json.dumps(
            {
                "columns": {name: sorted(held) for name, held in sorted(self.columns.items())},
                "filters": dict(sorted(self.filters.items())),
                "extracts": dict(sorted(self.extracts.items())),
            },
            ensure_ascii=False,
        )

    def lost_in(self, now: "HomeTerms", no_wider: NoWider) -> tuple[str, ...]:
        """Name what these terms had and today's have not; empty where today's cover them all."""
        columns = [
            name for name, held in self.columns.items() if not held <= now.columns.get(name, set())
        ]
        filters = [
            name
            for name, text in self.filters.items()
            if now.filters.get(name, "") not in {text, ""}
        ]
        extracts = [
            name
            for name, digest in self.extracts.items()
            if name not in now.extracts
            or not (digest == now.extracts[name] or no_wider(digest, now.extracts[name]))
        ]
        return tuple(sorted({*columns, *filters, *extracts}))


def terms_from(text: str) -> HomeTerms:
    """Read stored terms."""
    raw = json.loads(text)
    columns = {name: frozenset(held) for name, held in raw["columns"].items()}
    return HomeTerms(columns, dict(raw["filters"]), dict(raw["extracts"]))


def terms_of(licence: CompiledLicence, extracts: Mapping[str, str]) -> HomeTerms:
    """Return the terms of a licence now. ``extracts``: digests of those in force, by data set."""
    columns: dict[str, frozenset[str]] = {}
    filters: dict[str, str] = {}
    for grant in licence.document.grants:
        for mode in grant.modes:
            columns[f"{grant.dataset}/{mode}"] = frozenset(grant.columns_in(mode))
        found = licence.extract(grant.dataset)
        if found is not None and found.row_filters:
            filters[grant.dataset] = json.dumps(
                [item.model_dump(mode="json") for item in found.row_filters],
                ensure_ascii=False,
                sort_keys=True,
            )
    return HomeTerms(columns, filters, dict(extracts))
