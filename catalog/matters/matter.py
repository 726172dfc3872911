"""What a matter (办件) is: one thing that somebody must decide in time, and by whom.

A matter ends by a decision or because its applicant takes it back, never by silence: when its
time is over it stays open, and is listed as overdue.
"""

from enum import StrEnum

from pydantic import Field

from catalog.datasets import Frozen
from catalog.entries import Bilingual
from foundation.errors import Denied, Message
from foundation.identity import Actor, ActorKind, Role

NO_CLOCK_US = 2**62  # sorts after every due time; stored where no law sets a clock


class Counter(StrEnum):
    """The five counters of the portal: one case number passes through them."""

    MANAGE = "manage"  # 统一管理
    PUBLISH = "publish"  # 统一发布
    ACCEPT = "accept"  # 统一受理
    MATCH = "match"  # 统一对接
    PROMOTE = "promote"  # 统一推广


class MatterState(StrEnum):
    """Open, waiting for the applicant's papers (the clock stands still), or over."""

    OPEN = "open"
    WAITING = "waiting"
    CONCLUDED = "concluded"
    WITHDRAWN = "withdrawn"


class MatterKind(StrEnum):
    """What a matter is about: the closed list."""

    CATALOGUE_REVIEW = "catalogue_review"
    CATALOGUE_CHANGE = "catalogue_change"
    CATALOGUE_SIGN_OFF = "catalogue_sign_off"
    RESOURCE_CONSENT = "resource_consent"
    REGRADING = "regrading"
    POPULATION_APPROVAL = "population_approval"
    ZONE = "zone"
    SHARE_SIGN_OFF = "share_sign_off"
    SHARE_REQUEST = "share_request"
    SHARE_SUPPLY = "share_supply"
    DEMAND = "demand"
    CORRECTION = "correction"
    CORRECTION_REFERRAL = "correction_referral"
    OBJECTION = "objection"
    DISPUTE = "dispute"
    RECTIFICATION = "rectification"
    ROLE_GRANT = "role_grant"
    REGISTRATION_ACCEPTANCE = "registration_acceptance"
    REGISTRATION_REVIEW = "registration_review"
    REGISTRATION_NOTICE = "registration_notice"
    HALL_SERVICE = "hall_service"
    PROMOTION = "promotion"
    SOURCE_CLAIM = "source_claim"


class MissingPaper(Frozen):
    """One paper of the complete notice: what lacks, and why it is wanted."""

    name: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=400)


class NewMatter(Frozen):
    """What is asked when a matter opens.

    ``deadline`` names a clock of the rules; None: no law sets one. ``subject`` is the id of what
    is decided about. ``case`` follows on in an existing case; empty: a new case number.
    """

    kind: MatterKind
    counter: Counter
    deadline: str | None
    subject: str = Field(min_length=1, max_length=100)
    title: Bilingual
    applicant: str = Field(min_length=1, max_length=64)
    applicant_person: str = Field(min_length=1, max_length=64)
    handler: str = Field(min_length=1, max_length=64)
    handler_roles: tuple[Role, ...] = Field(min_length=1)
    case: str = ""


class Due(Frozen):
    """When a clock ends, frozen as it was counted: no later calendar, zone or clock moves it.

    ``on`` is the last day in the jurisdiction's civil time (ISO), ``us`` the first microsecond
    after it (UTC). ``provisional``: it runs into a year whose list was not published, and is the
    earliest date that any list could give.
    """

    on: str
    us: int
    working_days: int
    calendar_digest: str
    rules_digest: str
    deadline: str
    document: str
    provisional: bool
    extension_days_max: int = 0


class Matter(Frozen):
    """A matter as it stands. Times are UTC microseconds.

    ``missed`` counts clocks of this matter that ran out; ``started_us`` is when the present clock
    began; ``extension_asked`` is an extension in working days that waits for consent.
    """

    id: str
    case: str
    kind: MatterKind
    counter: Counter
    subject: str
    title: Bilingual
    applicant: str
    applicant_person: str
    handler: str
    handler_roles: tuple[Role, ...]
    state: MatterState
    due: Due | None
    opened_us: int
    opened_entry: int
    started_us: int
    missing: tuple[MissingPaper, ...] = ()
    noticed_us: int | None = None
    extended_days: int = 0
    extension_asked: int = 0
    extension_asked_by: str | None = None
    extension_asked_us: int | None = None
    extension_reason: str = ""
    missed: int = 0
    reminded: int = 0
    escalated: int = 0
    outcome: str | None = None
    reason: str = ""
    concluded_us: int | None = None
    in_time: bool | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is decided here."""
        return self.state in {MatterState.CONCLUDED, MatterState.WITHDRAWN}

    def is_overdue(self, now_us: int) -> bool:
        """Tell whether the handler owes a decision whose time is over."""
        return self.state is MatterState.OPEN and self.due is not None and now_us >= self.due.us

    def is_handled_by(self, actor: Actor) -> bool:
        """Tell whether a person may decide it: of the handler, in a named role, no applicant."""
        return (
            actor.kind is ActorKind.PERSON
            and actor.organisation == self.handler
            and bool(actor.roles & set(self.handler_roles))
            and actor.person != self.applicant_person
        )


def require_handler(actor: Actor, matter: Matter) -> None:
    """Refuse who may not decide a matter. Raises Denied."""
    if not matter.is_handled_by(actor):
        raise Denied(
            "matter_not_yours",
            Message(
                "该办件不由您办理：须为承办单位的指定角色，且不得是申请人本人。",
                "This matter is not yours to decide: it takes the named role of the handling "
                "organisation, and never the applicant.",
            ),
            rule="I8",
        )
