"""What every desk of sharing is built from, and who may come to it: departments, no one else."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from audit.events import PendingEntry, Writer
from authorization.organisations import DEPARTMENTS, group_of, organisations, served_by
from authorization.sharing.states import Share
from catalog.entries import Bilingual, invalid_form
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.store import RegisteredEntry, entry_by_code, entry_by_id
from foundation.errors import Denied, Message, NotFound
from foundation.identity import Actor, Role
from policies.schema.sharing import SharingRules

STAFF = (Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE)
DECIDERS = (Role.PROVIDER, Role.HALL_REPRESENTATIVE)
TITLE_CHARACTERS_MAX = 400
Document = dict[str, Any]


@dataclass(frozen=True)
class SharingParts:
    """Store, log, clocks and rules in force; ``authority`` is the data authority."""

    engine: Engine
    writer: Writer
    clocks: Clocks
    rules: SharingRules
    policy_digest: str
    authority: str

    def today(self, entry: PendingEntry) -> date:
        """Return the jurisdiction's own day at an entry's time."""
        return self.clocks.rules.calendar.civil_day(entry.time_us)

    def after_us(self, last: date) -> int:
        """Return the first microsecond (UTC) after a day in the jurisdiction's time."""
        return self.clocks.rules.calendar.starts_us(date.fromordinal(last.toordinal() + 1))


def check_department(connection: Connection, actor: Actor) -> None:
    """Refuse anyone but a department's own people: shared rows never go where an operator is.

    A person who serves, or lately served, an operator or developer, and a department that
    controls one or is controlled by one, are refused (I2, I13).
    """
    group = group_of(connection, actor.organisation)
    belongs = served_by(connection, actor.person)
    found = organisations(connection, {*group, *belongs, actor.organisation}).values()
    if any(one.kind not in DEPARTMENTS for one in found) or actor.organisation not in belongs:
        raise Denied(
            "sharing_for_departments",
            Message(
                "共享数据只提供给政府部门；运营机构、数据企业及其人员、关联机构不得申请或取用。",
                "Shared data goes to departments only: no operator or developer, nobody who also "
                "serves one, and no affiliate of one.",
            ),
            field="actor",
            rule="政务数据共享条例 第二条",
            way_out=Message(
                "运营机构请申请公共数据授权运营。", "An operator applies for a licence instead."
            ),
        )


def published_entry(connection: Connection, entry_id: str) -> RegisteredEntry:
    """Return a published entry by identifier or code. Raises NotFound."""
    found = entry_by_id(connection, entry_id) or entry_by_code(connection, entry_id)
    if found is None or not found.is_published:
        raise NotFound(
            "entry_unknown",
            Message("没有该已发布的目录条目。", "There is no such published catalogue entry."),
            field="$.entry",
        )
    return found


def entry_name(connection: Connection, entry_id: str) -> Bilingual:
    """Return an entry's name; its identifier where it is no longer published."""
    found = entry_by_id(connection, entry_id)
    return Bilingual(zh=entry_id, en=entry_id) if found is None else found.entry.name


def titled(zh: str, en: str, name: Bilingual) -> Bilingual:
    """Return a matter's title: what it is, and of which entry."""
    return Bilingual(
        zh=f"{zh}：{name.zh}"[:TITLE_CHARACTERS_MAX], en=f"{en}: {name.en}"[:TITLE_CHARACTERS_MAX]
    )


def asked_of_provider(
    share: Share, kind: MatterKind, counter: Counter, deadline: str, title: Bilingual
) -> NewMatter:
    """Return what a request puts to its provider, under the request's own case."""
    return NewMatter(
        kind=kind,
        counter=counter,
        deadline=deadline,
        subject=share.id,
        title=title,
        applicant=share.requester,
        applicant_person=share.drafted_by,
        handler=share.provider,
        handler_roles=DECIDERS,
        case=share.case_number,
    )


def read_form(error: ValidationError) -> Exception:
    """Say which field of a form breaks it, without its value."""
    return invalid_form("share_field_invalid", error)
