"""May this person ask this, under this licence, now? A permit with obligations, or a reasoned no.

Joins the board, the licence's term, the purpose of its approved scenario and Casbin's answer for
each column. The caller never names a purpose or a time. Not granted and not existing read alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from authorization.compile import (
    CompiledLicence,
    column_object,
    domain_of,
    licence_object,
    person_subject,
    whole_object,
)
from authorization.documents import AccessMode, RowFilter
from authorization.enforcer import AccessQuestion, Environment, PolicySnapshot, Verdict
from authorization.lines import Action, Effect, PolicyLine, time_text
from authorization.revocation import SuspensionBoard
from authorization.zones import is_zone_domain
from catalog.datasets import Column, DatasetDeclaration, Exposure, Grade, Mask, MaskKind
from catalog.resources.consents import RULE as CONSENT_RULE
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role

ACCESS_RULE = "policies/access"
STATE_RULE = "licence-revocation"


@dataclass(frozen=True)
class MaskObligation:
    """A column may only be seen through its mask."""

    dataset: str
    column: str
    mask: Mask


@dataclass(frozen=True)
class FilterObligation:
    """Only rows that satisfy the licence's constant condition may be seen."""

    dataset: str
    row_filter: RowFilter


@dataclass(frozen=True)
class BudgetObligation:
    """The answer is charged to a population, at most so much a question."""

    population: str
    budget_nano_rho: int
    question_nano_rho_max: int


Obligation = MaskObligation | FilterObligation | BudgetObligation


@dataclass(frozen=True)
class AccessRequest:
    """What a caller asks. ``dataset`` and ``columns`` are empty for acts on the licence itself.

    ``dataset`` is the registered declaration, so grades are the catalogue's of this moment.
    """

    actor: Actor
    licence_id: str
    action: Action
    dataset: DatasetDeclaration | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Permit:
    """Yes, under obligations. Digests and lines say which rules decided (I12)."""

    licence: CompiledLicence
    obligations: tuple[Obligation, ...]
    lines: tuple[PolicyLine, ...]
    snapshot_digest: str


@dataclass(frozen=True)
class Denial:
    """No: the reason for the caller, the rule that decided, and what would be allowed."""

    reason: Message
    rule: str
    way_out: Message | None = None
    code: str = "not_granted"
    field: str | None = None
    line: PolicyLine | None = None

    def as_error(self) -> Denied:
        """Return the same refusal as an error to raise."""
        return Denied(
            self.code, self.reason, field=self.field, rule=self.rule, way_out=self.way_out
        )


Decision = Permit | Denial


def decide(
    snapshot: PolicySnapshot, board: SuspensionBoard, request: AccessRequest, now_us: int
) -> Decision:
    """Decide one request from one snapshot; any single denial denies the whole."""
    licence = usable_licence(snapshot, board, request.actor, request.licence_id, now_us)
    if isinstance(licence, Denial):
        return licence
    lines: list[PolicyLine] = []
    for obj, grade, column in _objects(request):
        question = question_of(licence, request.actor, request.action, (obj, grade), now_us)
        verdict = snapshot.decide(question)
        if not verdict.allowed or verdict.line is None:
            return _denial(licence, request, column, verdict)
        lines.append(verdict.line)
    return Permit(
        licence=licence,
        obligations=_obligations(licence, request),
        lines=tuple(dict.fromkeys(lines)),
        snapshot_digest=snapshot.digest,
    )


def check_decision(decision: Decision) -> Permit:
    """Return the permit. Raises Denied for a denial."""
    if isinstance(decision, Denial):
        raise decision.as_error()
    return decision


def usable_licence(
    snapshot: PolicySnapshot, board: SuspensionBoard, actor: Actor, licence_id: str, now_us: int
) -> CompiledLicence | Denial:
    """Return the licence where the actor is of its operator and it is in force, else the denial.

    A stranger's denial reads as that of a licence that does not exist.
    """
    licence = snapshot.licences.get(licence_id)
    if licence is None:
        shut = snapshot.grounds.shut.get(licence_id)
        return _SHUT if _is_of(shut, actor) else _NO_LICENCE
    if not _is_of(licence.document.operator, actor):
        return _NO_LICENCE
    in_term = licence.valid_from_us <= now_us < licence.valid_until_us
    if not in_term or not board.is_open(licence.id):
        return _SHUT
    return licence


def question_of(
    licence: CompiledLicence, actor: Actor, action: Action, asked: tuple[str, str], now_us: int
) -> AccessQuestion:
    """Return the question to the model about one object and its grade."""
    obj, grade = asked
    environment = Environment(
        purpose=str(licence.document.scenario.purpose), grade=str(grade), now=time_text(now_us)
    )
    return AccessQuestion(
        sub=person_subject(actor.person),
        dom=domain_of(licence.id),
        obj=obj,
        act=str(action),
        env=environment,
    )


def _is_of(operator: str | None, actor: Actor) -> bool:
    return actor.organisation == operator and actor.has(Role.OPERATOR)


def objects_asked(
    name: str, dataset: DatasetDeclaration | None, columns: Iterable[str]
) -> Iterable[tuple[str, str, str | None]]:
    """List what must be allowed of a data set: (object, grade asked, column named).

    What is not known has the highest grade, and no line.
    """
    yield whole_object(name), Grade.L1, None
    for column_name in sorted(set(columns)):
        column = None if dataset is None else dataset.column(column_name)
        grade = Grade.L4 if column is None else column.grade
        yield column_object(name, column_name), grade, column_name


def _objects(request: AccessRequest) -> Iterable[tuple[str, str, str | None]]:
    if request.dataset is None:
        return [(licence_object(request.licence_id), Grade.L1, None)]
    return objects_asked(request.dataset.name, request.dataset, request.columns)


def _obligations(licence: CompiledLicence, request: AccessRequest) -> tuple[Obligation, ...]:
    dataset = request.dataset
    if dataset is None:
        return ()
    if request.action is Action.QUERY_DP:
        return _budget_obligations(licence, dataset)
    masks = (_mask(dataset, column) for column in _columns(dataset, request.columns))
    extract = licence.extract(dataset.name)
    filters = () if extract is None else extract.row_filters
    return (
        *(found for found in masks if found is not None),
        *(FilterObligation(dataset.name, row_filter) for row_filter in filters),
    )


def _budget_obligations(
    licence: CompiledLicence, dataset: DatasetDeclaration
) -> tuple[Obligation, ...]:
    if dataset.population is None:
        return ()
    budget = licence.budgets.get(dataset.population)
    limits = (0, 0) if budget is None else (budget.budget_nano_rho, budget.question_nano_rho_max)
    return (BudgetObligation(dataset.population, *limits),)


def _columns(dataset: DatasetDeclaration, names: Iterable[str]) -> list[Column]:
    return [column for column in dataset.columns if column.name in set(names)]


def _mask(dataset: DatasetDeclaration, column: Column) -> MaskObligation | None:
    if column.mask.kind is MaskKind.NONE:
        return None
    return MaskObligation(dataset.name, column.name, column.mask)


def _denial(
    licence: CompiledLicence, request: AccessRequest, column: str | None, verdict: Verdict
) -> Denial:
    if verdict.line is not None and verdict.line.eft == Effect.DENY:
        if is_zone_domain(verdict.line.dom):
            return _denied_by_zone(verdict.line)
        return Denial(
            reason=Message(
                zh="访问规则明确禁止您以本授权使用数据（例如您同时隶属于付费方）。",
                en="An access rule denies you this licence, for example as a member of its payer.",
            ),
            rule=ACCESS_RULE,
            code="denied_by_rule",
            line=verdict.line,
        )
    return Denial(
        reason=Message(
            zh="本授权不包含所请求的数据，或不包含这种使用方式。",
            en="This licence does not hold the data asked for, or not in this way.",
        ),
        rule=ACCESS_RULE,
        way_out=_way_out(licence, request, column),
        field=column,
    )


def _denied_by_zone(line: PolicyLine) -> Denial:
    """Say that a source does not consent, or that another zone's data, or a closed one's, stay."""
    if line.obj.startswith("ds:"):
        return Denial(
            reason=Message(
                zh="该数据系通过共享获得，数源部门尚未同意或已撤回同意。",
                en="These data were obtained by sharing, and their source does not consent.",
            ),
            rule=CONSENT_RULE,
            code="source_consent_missing",
            line=line,
        )
    return Denial(
        reason=Message(
            zh="该数据不在本授权所属的数据区内，或该数据区已关闭。",
            en="These data stand in another zone than this licence, or their zone is closed.",
        ),
        rule="policies/zones",
        code="denied_by_zone",
        line=line,
    )


def _way_out(
    licence: CompiledLicence, request: AccessRequest, column: str | None
) -> Message | None:
    """Say that a column asked for as rows may be asked as an aggregate, where that is granted."""
    dataset = request.dataset
    if dataset is None or column is None or request.action is not Action.QUERY_ROWS:
        return None
    found = dataset.column(column)
    granted = column in licence.columns(dataset.name, AccessMode.AGGREGATE)
    if found is None or found.exposure is Exposure.NEVER or not granted:
        return None
    return Message(
        zh="该列可按公开分组作计数、求和或平均等聚合查询。",
        en="Ask for a count, sum or mean of this column by public groups instead.",
    )


_NO_LICENCE = Denial(
    reason=Message(zh="没有您可使用的这项授权。", en="There is no such licence that you may use."),
    rule=ACCESS_RULE,
    code="licence_not_usable",
    field="licence",
)

_SHUT = Denial(
    reason=Message(
        zh="该授权不在有效状态（未生效、已暂停、已终止或已到期）。",
        en="The licence is not in force: not yet valid, suspended, ended or expired.",
    ),
    rule=STATE_RULE,
    way_out=Message(zh="请联系数据主管部门。", en="Ask the data authority."),
    code="licence_not_in_force",
    field="licence",
)
