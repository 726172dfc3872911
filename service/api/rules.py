"""The rule packs of jurisdictions: what is in force here, what each says, and how two differ.

Each clock names the pack and the document that set it; what a pack does not know, it says.
"""

from typing import Any

from fastapi import APIRouter

from policies.effective import Jurisdiction, differences, every_jurisdiction, jurisdiction_of
from service.api.callers import AnyCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/rules", route_class=IdempotentRoute, tags=["rules"])


@router.get("/packs")
def get_packs(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the jurisdictions' packs, and which of them is in force here."""
    every = every_jurisdiction(platform.pack)
    return {
        "in_force": platform.clocks.jurisdiction,
        "policy_digest": platform.pack.digest,
        "packs": [_headed(item) for item in every.values()],
    }


@router.get("/packs/{name}")
def get_pack(name: str, _actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Return one pack as it is in force: its clocks, its words, and the source of each."""
    found = jurisdiction_of(platform.pack, name)
    return {
        **_headed(found),
        "clocks": {
            key: {**clock.model_dump(), "set_by": found.origin[key]}
            for key, clock in sorted(found.clocks.items())
        },
        "labels": {key: label.model_dump() for key, label in sorted(found.labels.items())},
        "calendar_digest": found.calendar.digest,
        "calendar_years": sorted(found.calendar.years),
    }


@router.get("/packs/{first}/diff/{second}")
def get_difference(
    first: str, second: str, _actor: AnyCaller, platform: OnPlatform
) -> dict[str, object]:
    """Compare two packs as each is in force."""
    one, other = (jurisdiction_of(platform.pack, name) for name in (first, second))
    return {
        "first": first,
        "second": second,
        "differences": [
            {"about": item.about, "name": item.name, "first": item.first, "second": item.second}
            for item in differences(one, other)
        ],
    }


def _headed(found: Jurisdiction) -> dict[str, Any]:
    rules = found.rules
    return {
        "name": found.name,
        "label": {"zh": rules.name_zh, "en": rules.name_en},
        "jurisdiction": rules.jurisdiction,
        "document": rules.document,
        "documents": [item.model_dump() for item in rules.documents],
        "version": rules.version,
        "inherits": list(found.chain[1:]),
        "unknown": list(rules.unknown),
        "digest": found.digest,
    }
