"""The licences of a population together never hold more than the population has.

Checked when a licence is signed: the caps of all licences in force, and what ended ones really
spent, stand beside the new one. Who holds what is named in the refusal, for whoever signs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from authorization.documents import LicenceDocument
from authorization.licences import Licence, LicenceState, licences_in
from disclosure.budgets.tree import (
    RULE,
    Amount,
    level_at,
    licence_place,
    population_place,
)
from foundation.errors import Conflict, Message
from policies.schema.privacy import PrivacyRules

_HOLDING = (LicenceState.ACTIVE, LicenceState.SUSPENDED)
_OVER = (LicenceState.ENDED, LicenceState.EXPIRED)


@dataclass(frozen=True)
class Holding:
    """What one licence holds of a population: its cap; once it is over, what it spent."""

    licence: str
    operator: str
    state: LicenceState
    amount: Amount

    def as_json(self) -> dict[str, object]:
        """Return the holding for the authority and the regulator."""
        return {
            "licence": self.licence,
            "operator": self.operator,
            "state": str(self.state),
            "held_nano_rho": self.amount.nano_rho,
            "held_delta_steps": self.amount.delta_steps,
        }


def holdings(connection: Connection, population: str, rules: PrivacyRules) -> list[Holding]:
    """Return what each licence holds of a population, oldest licence first."""
    root = population_place(population, rules)
    found = []
    for licence, document in _documents(connection):
        for budget in document.budgets:
            if budget.population != population:
                continue
            own = level_at(connection, licence_place(root, licence.id, budget))
            amount = own.place.opening if licence.state in _HOLDING else own.spent
            found.append(Holding(licence.id, licence.operator, licence.state, amount))
    return found


def check_caps_fit(connection: Connection, document: LicenceDocument, rules: PrivacyRules) -> None:
    """Refuse a licence whose caps do not fit beside those that hold the same populations.

    Call it inside the write that brings the licence into force. Raises Conflict.
    """
    for place, budget in enumerate(document.budgets):
        cap = level_at(connection, population_place(budget.population, rules)).cap
        held = [
            holding
            for holding in holdings(connection, budget.population, rules)
            if holding.licence != document.id
        ]
        taken = sum((holding.amount for holding in held), Amount())
        asked = Amount(budget.budget_nano_rho, budget.budget_delta_steps)
        if not (taken + asked).within(cap):
            left = Amount(
                max(cap.nano_rho - taken.nano_rho, 0),
                max(cap.delta_steps - taken.delta_steps, 0),
            )
            raise _over_allocated(place, budget.population, left, held)


def _documents(connection: Connection) -> Iterator[tuple[Licence, LicenceDocument]]:
    for licence in licences_in(connection, (*_HOLDING, *_OVER)):
        yield licence, LicenceDocument.model_validate_json(licence.document)


def _over_allocated(place: int, population: str, left: Amount, held: list[Holding]) -> Conflict:
    told = ", ".join(
        f"{holding.licence} ({holding.operator}, {holding.state}): {holding.amount.nano_rho} / "
        f"{holding.amount.delta_steps}"
        for holding in held
        if holding.amount != Amount()
    )
    return Conflict(
        "budgets_over_allocated",
        Message(
            zh=f"总体“{population}”的隐私预算只剩 {left.nano_rho} nano-ρ、{left.delta_steps} 步 δ "
            f"可以分配。已由下列授权持有（nano-ρ / δ 步）：{told}。",
            en=f"Of the population {population!r} only {left.nano_rho} nano-rho and "
            f"{left.delta_steps} delta steps are left to allot. These licences hold the rest "
            f"(nano-rho / delta steps): {told}.",
        ),
        field=f"$.budgets[{place}]",
        rule=RULE,
        way_out=Message(
            zh="请降低本授权的额度、终止不再使用的授权，或由主管部门两人提高总体额度。",
            en="Ask for less, end a licence that is no longer used, or have two persons of the "
            "authority raise the population's cap.",
        ),
    )
