"""What is kept for how long, what is due, and erasing it by two persons of the authority."""

from fastapi import APIRouter
from pydantic import Field

from audit.retention.due import due_list
from audit.retention.purge import proposals
from catalog.datasets import Frozen
from foundation.civil_day import CivilDay
from foundation.db import reading
from policies.schema.retention import RetentionRules
from service.api.callers import AuthorityCaller, OnPlatform, OverseerCaller
from service.idempotency import IdempotentRoute
from service.retention import check_second_person

router = APIRouter(prefix="/retention", route_class=IdempotentRoute, tags=["retention"])


class PurgeBody(Frozen):
    """A class of record; entries before a day in China, or all that are due."""

    record_class: str = Field(pattern=r"^[a-z][a-z_]{1,30}$")
    before: CivilDay | None = None
    leave_held: bool = False


@router.get("/due")
def get_due(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List every class of record: its terms and their source, what is due, held and overdue."""
    rules = {item.name: item for item in platform.pack.rules(RetentionRules).classes}
    with reading(platform.engine) as connection:
        found = due_list(connection, platform.records.classes, platform.clock.now_us())
    return {
        "classes": [
            {
                **line.as_json(),
                "by_law": rules[line.record_class.name].by_law,
                "source": rules[line.record_class.name].source,
                "erasure": str(rules[line.record_class.name].erasure),
            }
            for line in found
        ]
    }


@router.get("/purges")
def get_purges(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List what was proposed to be erased, and who confirmed it."""
    with reading(platform.engine) as connection:
        return {"purges": [found.as_json() for found in proposals(connection)]}


@router.post("/purges", status_code=201)
def post_purge(body: PurgeBody, actor: AuthorityCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose to erase what is past its term; another person confirms it."""
    recorded = platform.records.purges.propose(
        actor, body.record_class, body.before, leave_held=body.leave_held
    )
    return {**recorded.value.as_json(), "entry": recorded.index, "receipt": recorded.receipt}


@router.post("/purges/{purge_id}/confirmation", status_code=201)
def post_confirmation(
    purge_id: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm a purge and carry it out: fields are erased, and keys that seal nothing any more."""
    done = platform.records.purges.confirm(actor, purge_id, check_second_person)
    return {
        **done.proposal.as_json(),
        "fields_erased": done.erased,
        "entries": list(done.entries),
        "keys_destroyed": list(done.keys_destroyed),
        "files_clean": done.files_clean,
    }
