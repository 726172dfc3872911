"""Why a decision fell as it did: the line that decided, where it comes from, and the way out.

A denial names its nearest reason: a line that forbids it, or the permission that would fit but for
one thing (time, purpose, grade, role), or that there is none. It never decides anything itself: a
property test holds it to what the enforcer says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from authorization.compile import MODE_ACTIONS, CompiledLicence, licence_object
from authorization.decisions import (
    AccessRequest,
    Denial,
    Obligation,
    Permit,
    decide,
    objects_asked,
    question_of,
    usable_licence,
)
from authorization.enforcer import AccessQuestion, PolicySnapshot
from authorization.lines import ANY_PURPOSE, Action, Effect, PolicyLine
from authorization.revocation import SuspensionBoard
from catalog.datasets import DatasetDeclaration
from foundation.errors import Message
from foundation.identity import Actor


class Cause(StrEnum):
    """What decided, from the strongest to the nearest miss."""

    ALLOWED = "allowed"
    DENIED = "denied_by_line"
    NO_LINE = "no_line"
    NOT_MEMBER = "role_not_held"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    WRONG_PURPOSE = "wrong_purpose"
    GRADE_TOO_HIGH = "grade_too_high"


REASONS: Mapping[Cause, Message] = MappingProxyType(
    {
        Cause.ALLOWED: Message("有规则准许。", "A line permits it."),
        Cause.DENIED: Message(
            "有一条禁止规则适用于您；禁止优先于准许。",
            "A line forbids it to you, and a denial overrides every permission.",
        ),
        Cause.NO_LINE: Message(
            "没有任何规则准许对该对象作此操作。", "No line permits this act on this object."
        ),
        Cause.NOT_MEMBER: Message(
            "准许的对象是您未担任的角色。", "It is permitted to a role that you do not hold here."
        ),
        Cause.EXPIRED: Message("准许的期限已过。", "The permission's time is over."),
        Cause.NOT_YET: Message("准许的期限尚未开始。", "The permission's time has not begun."),
        Cause.WRONG_PURPOSE: Message(
            "准许的用途与本场景的用途不同。", "It is permitted for another purpose."
        ),
        Cause.GRADE_TOO_HIGH: Message(
            "该列的数据级别高于准许的级别。", "The column's grade is above the permitted one."
        ),
    }
)

WAYS_OUT: Mapping[Cause, Message] = MappingProxyType(
    {
        Cause.DENIED: Message(
            "若情况已变（例如不再隶属于付费方），请数据主管部门更新登记。",
            "If the facts changed (you left the payer, say), ask the authority to register that.",
        ),
        Cause.NO_LINE: Message(
            "请改问授权文件所列的数据与方式，或申请变更授权。",
            "Ask what the licence lists, in the modes it lists, or apply for another licence.",
        ),
        Cause.NOT_MEMBER: Message(
            "请由持有该角色的人员办理，或请数据主管部门登记您的角色。",
            "Have somebody with that role act, or ask the authority to register yours.",
        ),
        Cause.EXPIRED: Message("请申请续期。", "Apply for a renewal."),
        Cause.NOT_YET: Message("请待期限开始后再试。", "Try again when its time has begun."),
        Cause.WRONG_PURPOSE: Message(
            "请在用途相符的授权下提问。", "Ask under a licence for that purpose."
        ),
        Cause.GRADE_TOO_HIGH: Message(
            "请改作聚合统计，或请数据主管部门作个案审批。",
            "Ask for an aggregate instead, or ask the authority for an approval of this case.",
        ),
    }
)


@dataclass(frozen=True)
class Step:
    """One object of a request: what decided it, the line, and the place the line comes from."""

    obj: str
    column: str | None
    cause: Cause
    line: PolicyLine | None
    source: str | None

    @property
    def allowed(self) -> bool:
        """Tell whether this object is permitted."""
        return self.cause is Cause.ALLOWED

    @property
    def reason(self) -> Message:
        """Say in words what decided."""
        return REASONS[self.cause]

    @property
    def way_out(self) -> Message | None:
        """Say what would be allowed, or who can change it."""
        return WAYS_OUT.get(self.cause)


@dataclass(frozen=True)
class Explained:
    """A decision with its steps. ``denial`` stands where the licence itself cannot be used."""

    denial: Denial | None
    steps: tuple[Step, ...]
    obligations: tuple[Obligation, ...]
    snapshot_digest: str

    @property
    def allowed(self) -> bool:
        """Tell whether the whole request is permitted."""
        return self.denial is None and all(step.allowed for step in self.steps)


@dataclass(frozen=True)
class Wish:
    """What is asked about: an action under a licence, and of which data set and columns."""

    licence: str
    action: Action
    dataset: str | None = None
    columns: tuple[str, ...] = ()


def explain(
    snapshot: PolicySnapshot,
    board: SuspensionBoard,
    actor: Actor,
    wish: Wish,
    declaration: DatasetDeclaration | None,
    now_us: int,
) -> Explained:
    """Explain what ``decisions.decide`` answers; a data set unknown reads as one not granted."""
    licence = usable_licence(snapshot, board, actor, wish.licence, now_us)
    if isinstance(licence, Denial):
        return Explained(licence, (), (), snapshot.digest)
    if wish.dataset is None:
        asked: Iterable[tuple[str, str, str | None]] = [(licence_object(licence.id), "L1", None)]
    else:
        asked = objects_asked(wish.dataset, declaration, wish.columns)
    steps = []
    for obj, grade, column in asked:
        question = question_of(licence, actor, wish.action, (obj, grade), now_us)
        cause, line = cause_of(snapshot, question)
        steps.append(Step(obj, column, cause, line, source_of(snapshot, licence, line)))
    obligations: tuple[Obligation, ...] = ()
    if all(step.allowed for step in steps):
        request = AccessRequest(actor, licence.id, wish.action, declaration, wish.columns)
        decision = decide(snapshot, board, request, now_us)
        obligations = decision.obligations if isinstance(decision, Permit) else ()
    return Explained(None, tuple(steps), obligations, snapshot.digest)


def cause_of(snapshot: PolicySnapshot, question: AccessQuestion) -> tuple[Cause, PolicyLine | None]:
    """Return what decided one question: the line that did, or the permission nearest to it."""
    verdict = snapshot.decide(question)
    if verdict.allowed:
        return Cause.ALLOWED, verdict.line
    if verdict.line is not None:
        return Cause.DENIED, verdict.line
    permissions = [line for line in snapshot.candidates(question) if line.eft == Effect.ALLOW]
    if not permissions:
        return Cause.NO_LINE, None
    missed = [(misses(snapshot, question, line), line) for line in permissions]
    nearest, line = min(missed, key=lambda pair: len(pair[0]))
    return nearest[0], line


def misses(snapshot: PolicySnapshot, question: AccessQuestion, line: PolicyLine) -> list[Cause]:
    """List in what a line of the question's domain, object and action does not fit it."""
    env = question.env
    found = {
        Cause.NOT_MEMBER: not snapshot.is_member(question.sub, line.sub, line.dom),
        Cause.EXPIRED: env.now >= line.exp,
        Cause.NOT_YET: env.now < line.nbf,
        Cause.WRONG_PURPOSE: line.purpose not in (ANY_PURPOSE, env.purpose),
        Cause.GRADE_TOO_HIGH: env.grade > line.grade,
    }
    return [cause for cause, missed in found.items() if missed]


def source_of(
    snapshot: PolicySnapshot, licence: CompiledLicence, line: PolicyLine | None
) -> str | None:
    """Return the field of the signed document, or the delegation, that a line was made from."""
    if line is None:
        return None
    if line in snapshot.grounds.origins:
        return snapshot.grounds.origins[line]
    document = licence.document
    if line.eft == Effect.DENY:
        payer = line.sub == f"org:{document.product.payer}"
        return "$.product.payer" if payer else "separation-of-duties"
    modes = {mode for mode, action in MODE_ACTIONS.items() if action == line.act}
    for place, grant in enumerate(document.grants):
        objects = {name for name, _, _ in objects_asked(grant.dataset, None, grant.columns)}
        if line.obj in objects and (modes & set(grant.modes) or not modes):
            return f"$.grants[{place}]"
    return "$.scenario"
