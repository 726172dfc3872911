"""From a text to a decided, priced question: the gate, Casbin and the plan, in that order.

Nothing here can reach an engine's data or a stored answer: what it decides, and every refusal, is
a function of the question and of policy alone (I14).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from authorization.compile import CompiledLicence
from authorization.decisions import AccessRequest, BudgetObligation, Permit, check_decision, decide
from authorization.enforcer import Enforcer
from authorization.lines import Action
from authorization.revocation import SuspensionBoard
from catalog.datasets import Grade
from disclosure.answers import RepeatKey, row_filter_digest
from disclosure.budgets.charging import PopulationCharge, check_project
from disclosure.budgets.tree import Amount
from disclosure.extract_records import ActiveExtract
from disclosure.gate.nearest import day_in_china, read_question
from disclosure.gate.question import CheckedQuestion, QueryGate
from disclosure.gate.scope import Classification
from disclosure.granted import UNIT_NAME, GrantedDataset, asked_of, granted_datasets
from disclosure.history.guard import PersonExtract, QuestionSets, check_history, question_sets
from disclosure.outcome import Refused
from disclosure.pipeline.columns import columns_needed
from disclosure.plan.binding import plan_question
from disclosure.plan.model import AggregatePlan
from disclosure.plan.pricing import PricedPlan, PriceTerms
from disclosure.plan.refusals import try_instead
from disclosure.plan_classes import check_open
from disclosure.privacy import Noise
from disclosure.scope import QuestionScope
from foundation.canonical import digest
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import Message
from policies.schema.history import HistoryRules
from policies.schema.privacy import PrivacyRules

_COLUMNS_NAMED_MAX = 64  # an entry has room for so many of each data set, and a reader too


@dataclass(frozen=True)
class Prepared:
    """A question that may be answered: as rows, or as a priced private aggregate."""

    question: str
    sql: str
    canonical_sql: str
    licence: CompiledLicence
    granted: Mapping[str, GrantedDataset]
    datasets: tuple[str, ...]
    snapshot_digest: str
    columns: frozenset[tuple[str, str]]
    sets: QuestionSets
    priced: PricedPlan | None
    terms: PriceTerms

    @property
    def populations(self) -> tuple[str, ...]:
        """The populations that a private question charges; none for rows."""
        return () if self.priced is None else self.priced.plan.populations

    def charges(self, priced: PricedPlan) -> list[PopulationCharge]:
        """Return what the question costs each population, through which of its data sets."""
        loss = Amount(priced.cost_nano_rho, priced.cost_delta_steps)
        return [
            PopulationCharge(name, self.datasets_of(name), loss, priced.plan.neighbours)
            for name in self.populations
        ]

    def datasets_of(self, population: str) -> tuple[str, ...]:
        """Return the data sets of a population that the question names."""
        return tuple(
            name
            for name in self.datasets
            if self.granted[name].dataset.declaration.population == population
        )

    def columns_read(self, dataset: str) -> frozenset[str]:
        """Return the columns of a data set that the question names, all of them for a star."""
        return frozenset(column for table, column in self.columns if table == dataset)

    @property
    def extracts(self) -> tuple[ActiveExtract, ...]:
        """The extracts that a rows question reads, by name of data set."""
        found = (self.granted[name].extract for name in self.datasets)
        return tuple(item for item in found if item is not None)

    @property
    def extract_version(self) -> str:
        """Name all extracts of the licence as they stand: a worker serves one such state."""
        return digest(sorted(i.extract.digest for i in self.granted.values() if i.extract))

    def repeat_key(self, policy_digest: str) -> RepeatKey:
        """Name everything that makes an answer the same answer again."""
        versions = [self._version_read(name) for name in self.datasets]
        asked = digest({"sql": self.canonical_sql, "extracts": self.extract_version})
        filters = {
            f"{item.dataset}.{row_filter.column}": row_filter.values
            for item in self.licence.extracts
            for row_filter in item.row_filters
        }
        return RepeatKey(
            licence=self.licence.id,
            version=digest(versions),
            plan_digest=asked if self.priced is None else self.priced.digest,
            policy_digest=policy_digest,
            row_filter_digest=row_filter_digest(filters),
        )

    def _version_read(self, name: str) -> str:
        """Name the version that is read: an extract stays at the one it was built from."""
        granted = self.granted[name]
        if granted.extract is not None and (self.priced is None or _is_open(granted)):
            return granted.extract.version
        return granted.version.manifest_digest

    def _columns_named(self, dataset: str) -> list[str]:
        """Name the columns of a data set that are read; ``*`` where they are very many."""
        columns = sorted(self.columns_read(dataset))
        return columns if len(columns) <= _COLUMNS_NAMED_MAX else ["*"]

    def as_private(self) -> dict[str, str]:
        """Return what is committed to with a salt: the question's text, and its plan's digest."""
        plan = {} if self.priced is None else {"plan": self.priced.digest}
        return {"sql": self.sql, **plan}

    def as_public(self) -> dict[str, object]:
        """Return what entries about this question say of it; a function of policy and question."""
        return {
            "question": self.question,
            "datasets": list(self.datasets),
            "dataset": self.datasets[0],
            "columns": {name: self._columns_named(name) for name in self.datasets},
            "mode": "rows" if self.priced is None else "aggregate",
            "purpose": str(self.licence.document.scenario.purpose),
            "licence_digest": self.licence.digest,
            "snapshot_digest": self.snapshot_digest,
            "versions": [self._version_read(name) for name in self.datasets],
            **({"population": self.populations[0]} if self.populations else {}),
            **({"populations": list(self.populations)} if len(self.populations) > 1 else {}),
        }


class Preparing:
    """Prepares the questions of all sessions."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        enforcer: Enforcer,
        board: SuspensionBoard,
        gate: QueryGate,
        privacy: PrivacyRules,
        history: HistoryRules,
    ) -> None:
        """Join what decides."""
        self._engine = engine
        self._clock = clock
        self._enforcer = enforcer
        self._board = board
        self._gate = gate
        self._privacy = privacy
        self._history = history

    def licence(self, scope: QuestionScope) -> CompiledLicence:
        """Return the licence in force behind a session. Raises Denied."""
        return self._permit(AccessRequest(scope.actor, scope.licence, Action.SESSION_OPEN)).licence

    def granted(self, scope: QuestionScope) -> Mapping[str, GrantedDataset]:
        """Return the data sets that the licence grants now."""
        licence = self.licence(scope)
        with reading(self._engine) as connection:
            return granted_datasets(connection, licence)

    def prepare(
        self, scope: QuestionScope, question: str, sql: str, question_nano_rho: int | None
    ) -> Prepared:
        """Check, decide, plan and price one question. Raises what refuses it."""
        licence = self.licence(scope)
        with reading(self._engine) as connection:
            granted = granted_datasets(connection, licence)
        tables = {name: item.table_grant() for name, item in granted.items()}
        today = day_in_china(self._clock.now_us())
        checked, found = read_question(self._gate, sql, tables, today=today)
        permits = [self._decided(scope, granted[name], found) for name in sorted(found.tables)]
        priced, terms, sets = None, PriceTerms(), QuestionSets((), {})
        if found.kind == "rows":
            sets = self._sets(scope, checked, granted, found.tables)
        else:
            plan = self._planned(granted, checked, found)
            for name in plan.populations:
                if name in licence.budgets:  # without a budget the price itself is refused
                    check_project(licence.budgets[name], scope.project)
            with reading(self._engine) as connection:
                check_open(connection, plan, scope.licence, self._privacy)
            terms = self._terms(plan, licence, granted, found, permits)
            priced = terms.priced(plan, self._privacy, question_nano_rho)
        return Prepared(
            question=question,
            sql=sql,
            canonical_sql=checked.canonical_sql,
            licence=licence,
            granted=granted,
            datasets=tuple(sorted(found.tables)),
            snapshot_digest=permits[0].snapshot_digest,
            columns=columns_needed(checked, found, _extract_columns(granted)),
            sets=sets,
            priced=priced,
            terms=terms,
        )

    def _sets(
        self,
        scope: QuestionScope,
        checked: CheckedQuestion,
        granted: Mapping[str, GrantedDataset],
        tables: Collection[str],
    ) -> QuestionSets:
        """Hold statistics over rows about persons against what the licence was told before."""
        extracts = [
            PersonExtract(item.dataset.declaration, item.extract.columns)
            for name, item in granted.items()
            if name in tables and item.extract is not None
        ]
        sets = question_sets(checked, extracts, self._history)
        with reading(self._engine) as connection:
            check_history(connection, scope.licence, sets, self._history)
        return sets

    def _terms(
        self,
        plan: AggregatePlan,
        licence: CompiledLicence,
        granted: Mapping[str, GrantedDataset],
        found: Classification,
        permits: Sequence[Permit],
    ) -> PriceTerms:
        """Find every limit on a question's price: of the licence, and of the grades it reads.

        What the licence's own filters read is read, though no text names it.
        """
        protected = [granted[name] for name in found.tables if not _is_open(granted[name])]
        filtered = {(item.name, column) for item in protected for column in item.forced_values}
        read = [
            granted[table].dataset.declaration.column(column)
            for table, column in found.columns | filtered
        ]
        grades = [column.grade for column in read if column is not None]
        limits = [limit for permit in permits for limit in _budget_obligations(permit)]
        budgets = (licence.budgets.get(name) for name in plan.populations)
        noises = {budget.noise for budget in budgets if budget is not None}
        return PriceTerms(
            question_nano_rho_max=min((i.question_nano_rho_max for i in limits), default=0),
            noise=Noise.LAPLACE if Noise.LAPLACE in noises else Noise.GAUSSIAN,
            grade=str(max(grades, key=list(Grade).index, default=Grade.L1)),
            important=any(item.dataset.declaration.important for item in protected),
            case_approved=all(item.case_approved for item in protected),
        )

    def _planned(
        self,
        granted: Mapping[str, GrantedDataset],
        checked: CheckedQuestion,
        found: Classification,
    ) -> AggregatePlan:
        """Plan an aggregate; a question for rows is told which columns keep it from being one."""
        asked = asked_of(granted)
        try:
            return plan_question(checked.tree, asked, self._privacy)
        except Refused as refused:
            if checked.aggregates:
                raise
            protected = {column for _, column in found.protected} or {
                column for name in found.tables for column in granted[name].aggregate_columns
            }
            raise _protected(protected, refused.allowed_sql) from refused

    def _decided(
        self, scope: QuestionScope, granted: GrantedDataset, found: Classification
    ) -> Permit:
        """Ask Casbin for one data set and the columns of it that the question touches.

        Open data that protected rows are joined to is asked for as what it is held as: rows.
        """
        declaration = granted.dataset.declaration
        names = {UNIT_NAME, *declaration.unit_columns}
        columns = tuple(
            sorted(
                column
                for table, column in found.columns
                if table == granted.name and not (found.kind == "aggregate" and column in names)
            )
        )
        as_rows = found.kind == "rows" or granted.public_table() is not None
        action = Action.QUERY_ROWS if as_rows else Action.QUERY_DP
        request = AccessRequest(scope.actor, scope.licence, action, declaration, columns)
        return self._permit(request)

    def _permit(self, request: AccessRequest) -> Permit:
        snapshot = self._enforcer.snapshot
        return check_decision(decide(snapshot, self._board, request, self._clock.now_us()))


def _is_open(granted: GrantedDataset) -> bool:
    """Tell whether a data set can stand beside protected rows, and is not protected itself."""
    return not granted.aggregate_columns and granted.public_table() is not None


def _protected(columns: Collection[str], sql: str | None) -> Refused:
    names = ", ".join(sorted(columns))
    return Refused(
        "column_protected",
        Message(
            f"列 {names} 受保护，不能逐行给出，只能按公开分组作差分隐私统计。",
            f"Protected, and never given row by row: {names}. Ask for statistics by public groups.",
        ),
        field=names,
        rule="policies/privacy",
        way_out=try_instead(sql),
        allowed_sql=sql,
    )


def _extract_columns(granted: Mapping[str, GrantedDataset]) -> Mapping[str, Sequence[str]]:
    return {
        name: item.extract.columns for name, item in granted.items() if item.extract is not None
    }


def _budget_obligations(permit: Permit) -> list[BudgetObligation]:
    return [item for item in permit.obligations if isinstance(item, BudgetObligation)]
