"""Privacy budgets: what is left and what could still be asked, the odometer, and reopening by two.

An operator sees the budgets of their own organisation's licences; authority and regulator all of
them, and the odometer, which is computed from the log and compared with the tree.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from authorization.documents import DELTA_STEPS_MAX, NANO_RHO_MAX, LicenceDocument
from authorization.licences import require_licence
from catalog.datasets import Frozen, Name
from catalog.store import populations
from disclosure.budgets.allocation import holdings
from disclosure.budgets.lineages import declare_derived
from disclosure.budgets.listing import Outlook, budget_lines, simulate, simulation_line
from disclosure.budgets.odometer import committed_digest, readings, spent_table_digest
from disclosure.budgets.proposals import REASON_CHARACTERS_MAX, Proposal, proposals
from disclosure.budgets.raising import confirm_raise, propose_raise
from disclosure.budgets.settling import confirm_settlement, propose_settlement
from disclosure.budgets.tree import Amount, LicenceBudgets
from disclosure.spending import granted_of_populations
from foundation.db import reading
from foundation.identity import Actor
from policies.schema.privacy import PrivacyRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, OverseerCaller
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/budgets", route_class=IdempotentRoute, tags=["budgets"])
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
NanoRho = Annotated[int, Query(ge=0, le=NANO_RHO_MAX)]
DeltaSteps = Annotated[int, Query(ge=0, le=DELTA_STEPS_MAX)]


class RaiseRequest(Frozen):
    """A level's new totals, in nano-rho and in delta steps of 10^-15, and why."""

    level: str = Field(min_length=1, max_length=200)
    cap_nano_rho: int = Field(ge=0, le=NANO_RHO_MAX)
    cap_delta_steps: int = Field(ge=0, le=DELTA_STEPS_MAX)
    reason: Reason


class SettlementRequest(Frozen):
    """Populations to count as wholly spent, beside the difference, and why."""

    worst_case: tuple[Name, ...] = Field(default=(), max_length=1_000)
    reason: Reason


class DerivedDataset(Frozen):
    """A data set and the one it is derived from."""

    dataset: Name
    source: Name


@router.get("/licences/{licence_id}")
def get_licence_budgets(
    licence_id: str, actor: AnyCaller, platform: OnPlatform
) -> dict[str, object]:
    """List a licence's budgets, level by level, with raises and forecasts."""
    document = _licence(platform, actor, licence_id)
    with reading(platform.engine) as connection:
        datasets = granted_of_populations(connection, [one.dataset for one in document.grants])
        lines = budget_lines(
            connection,
            LicenceBudgets.of(document),
            platform.pack.rules(PrivacyRules),
            Outlook(platform.clock.now_us()),
            datasets,
        )
    return {"licence": licence_id, "populations": lines}


@router.get("/licences/{licence_id}/further")
def get_further(
    licence_id: str,
    population: Annotated[str, Query(min_length=1, max_length=63)],
    nano_rho: NanoRho,
    actor: AnyCaller,
    platform: OnPlatform,
    delta_steps: DeltaSteps = 0,
    dataset: Annotated[list[str] | None, Query(max_length=20)] = None,
    project: Annotated[str | None, Query(max_length=63)] = None,
) -> dict[str, object]:
    """Say how many more questions of a cost would pass, and which level stops them. Free."""
    document = _licence(platform, actor, licence_id)
    with reading(platform.engine) as connection:
        names = dataset or [one.dataset for one in document.grants]
        granted = {one.dataset for one in document.grants}
        asked = granted_of_populations(connection, [name for name in names if name in granted])
        found = simulate(
            connection,
            LicenceBudgets.of(document),
            population,
            Amount(nano_rho, delta_steps),
            platform.pack.rules(PrivacyRules),
            Outlook(platform.clock.now_us(), asked.get(population, ()), project),
        )
    return {"licence": licence_id, "population": population, **simulation_line(found)}


@router.get("/odometer")
def get_odometer(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """Count every level from the log alone, and compare it with the tree."""
    with reading(platform.engine) as connection:
        found = readings(connection)
        digest, committed = spent_table_digest(connection), committed_digest(connection)
    return {
        "levels": [level.as_json() for level in found],
        "agrees": all(level.agrees for level in found) and (not found or digest == committed),
        "spent_digest": digest,
        "committed_digest": committed,
    }


@router.get("/holdings")
def get_holdings(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List which licences hold what of each population."""
    rules = platform.pack.rules(PrivacyRules)
    with reading(platform.engine) as connection:
        held = {
            found.name: [one.as_json() for one in holdings(connection, found.name, rules)]
            for found in populations(connection)
        }
    return {"populations": held}


@router.get("/proposals")
def get_proposals(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List what was proposed and confirmed, with the reasons."""
    with reading(platform.engine) as connection:
        return {"proposals": [found.as_json() for found in proposals(connection)]}


@router.post("/raises", status_code=201)
def post_raise(
    body: RaiseRequest, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a new total for a shared level; another person confirms it."""
    recorded = propose_raise(
        platform.writer,
        actor,
        body.level,
        Amount(body.cap_nano_rho, body.cap_delta_steps),
        body.reason,
        platform.pack.rules(PrivacyRules),
    )
    return _told(recorded.value, recorded.index)


@router.post("/raises/{proposal}/confirmation", status_code=201)
def post_raise_confirmation(
    proposal: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm a raise: the new total holds at once and is published to the licence holders."""
    rules = platform.pack.rules(PrivacyRules)
    recorded = confirm_raise(platform.writer, actor, proposal, rules)
    return _told(recorded.value, recorded.index)


@router.post("/settlements", status_code=201)
def post_settlement(
    body: SettlementRequest, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to charge what tables and log differ by; another person confirms it."""
    recorded = propose_settlement(platform.writer, actor, body.worst_case, body.reason)
    return _told(recorded.value, recorded.index)


@router.post("/settlements/{proposal}/confirmation", status_code=201)
def post_settlement_confirmation(
    proposal: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Charge the difference. Protected data opens again at the service's next start."""
    rules = platform.pack.rules(PrivacyRules)
    recorded = confirm_settlement(platform.writer, actor, proposal, rules)
    return _told(recorded.value, recorded.index)


@router.post("/lineages", status_code=201)
def post_lineage(
    body: DerivedDataset, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put a data set into the line of the one it is derived from, before its first charge."""
    recorded = declare_derived(platform.writer, actor, body.dataset, body.source)
    return {
        "dataset": recorded.value.dataset,
        "lineage": recorded.value.name,
        "entry": recorded.index,
    }


def _licence(platform: Platform, actor: Actor, licence_id: str) -> LicenceDocument:
    """Return a licence whose budgets this caller may see."""
    with reading(platform.engine) as connection:
        found = require_licence(connection, licence_id)
    platform.readers.check_budget_reader(actor, found)
    return LicenceDocument.model_validate_json(found.document)


def _told(found: Proposal, entry: int) -> dict[str, object]:
    return {**found.as_json(), "entry": entry}
