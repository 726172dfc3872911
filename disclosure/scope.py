"""Who asks, from which session and licence: fixed by the listener, never by the request."""

from dataclasses import dataclass

from foundation.identity import Actor


@dataclass(frozen=True)
class QuestionScope:
    """The scope of every question of one session.

    ``project`` is whose part of a divided budget the session spends. ``twin`` tells a session in
    debug mode: it is answered from synthetic twins, and reaches no row of the data.
    """

    session: str
    licence: str
    actor: Actor
    project: str | None = None
    twin: bool = False

    def as_public(self) -> dict[str, object]:
        """Return the fields that each entry about a question names."""
        found: dict[str, object] = {"session": self.session, "licence": self.licence}
        return {**found, "twin": True} if self.twin else found
