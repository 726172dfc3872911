"""One case over the five counters: every matter under one number, what is where, and who may look.

统一管理 · 统一发布 · 统一受理 · 统一对接 · 统一推广: a counter that a case never came to says so.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from authorization.sharing.demand_list import demands_of_case
from authorization.sharing.states import may_see, shares_of
from catalog.matters.matter import Counter, Matter
from catalog.matters.reads import matters, moves_of
from foundation.clock import to_iso
from foundation.errors import Message, NotFound
from foundation.identity import Actor

MATTERS_MAX = 500
COUNTER_NAMES: Mapping[Counter, Message] = MappingProxyType(
    {
        Counter.MANAGE: Message("统一管理", "management"),
        Counter.PUBLISH: Message("统一发布", "publication"),
        Counter.ACCEPT: Message("统一受理", "acceptance"),
        Counter.MATCH: Message("统一对接", "matching"),
        Counter.PROMOTE: Message("统一推广", "promotion"),
    }
)


def case_file(connection: Connection, actor: Actor, number: str) -> dict[str, Any]:
    """Return a case's whole life over the counters. Raises NotFound to whoever is no party."""
    found = matters(connection, case=number, limit=MATTERS_MAX)
    if not found or not _is_party(actor, found):
        raise NotFound("case_unknown", Message("没有该办件编号。", "There is no such case."))
    return {
        "number": number,
        "applicant": found[0].applicant,
        "opened": to_iso(found[0].opened_us),
        "over": all(one.is_over for one in found),
        "where": [_where(one) for one in found if not one.is_over],
        "counters": [_counter(connection, counter, found) for counter in Counter],
        "requests": [
            one.as_json()
            for one in shares_of(connection, case_number=number)
            if may_see(actor, one)
        ],
        "demands": [one.model_dump(mode="json") for one in demands_of_case(connection, number)],
    }


def cases_of(connection: Connection, actor: Actor, limit: int = MATTERS_MAX) -> list[str]:
    """Return the numbers of the cases in which an actor's organisation has a part, newest first."""
    own = [
        *matters(connection, applicant=actor.organisation, limit=limit),
        *matters(connection, handler=actor.organisation, limit=limit),
    ]
    newest = sorted(own, key=lambda one: one.opened_entry, reverse=True)
    return list(dict.fromkeys(one.case for one in newest))


def _is_party(actor: Actor, found: Sequence[Matter]) -> bool:
    return actor.oversees or any(
        actor.organisation in {one.applicant, one.handler} for one in found
    )


def _where(one: Matter) -> dict[str, Any]:
    name = COUNTER_NAMES[one.counter]
    return {
        "counter": str(one.counter),
        "name": {"zh": name.zh, "en": name.en},
        "matter": one.id,
        "handler": one.handler,
        "state": str(one.state),
        "due_on": None if one.due is None else one.due.on,
    }


def _counter(connection: Connection, counter: Counter, found: Sequence[Matter]) -> dict[str, Any]:
    name = COUNTER_NAMES[counter]
    mine = [one for one in found if one.counter is counter]
    return {
        "counter": str(counter),
        "name": {"zh": name.zh, "en": name.en},
        "state": "none" if not mine else "over" if all(one.is_over for one in mine) else "open",
        "matters": [
            {**one.model_dump(mode="json"), "moves": moves_of(connection, one.id)} for one in mine
        ],
    }
