"""Who may read what through the API, where a role alone does not decide it."""

from authorization.documents import LicenceDocument
from authorization.licences import Licence
from foundation.errors import Message, NotFound
from foundation.identity import Actor, Role


class Readers:
    """Checks of readers against the parties of a licence."""

    def __init__(self, authority: str) -> None:
        """Know the data authority's organisation."""
        self._authority = authority

    def check_licence_reader(self, actor: Actor, licence: Licence) -> None:
        """Let a licence's parties, the authority and the regulator read it; to others it is not."""
        document = LicenceDocument.model_validate_json(licence.document)
        parties = {self._authority, document.operator, document.product.payer}
        parties |= document.scheme.payees()
        if actor.organisation not in parties and not actor.has(Role.REGULATOR):
            raise NotFound(
                "licence_unknown",
                Message("没有这项授权。", "There is no such licence."),
                field="licence",
            )

    def check_budget_reader(self, actor: Actor, licence: Licence) -> None:
        """Let the operator, the authority and the regulator read budgets; to others it is not."""
        own = actor.organisation == licence.operator and actor.has(Role.OPERATOR)
        if not own and not actor.oversees:
            raise NotFound(
                "licence_unknown",
                Message("没有这项授权。", "There is no such licence."),
                field="licence",
            )
