"""Who asks, from which session and licence: fixed by the listener, never by the request."""

from dataclasses import dataclass

from foundation.identity import Actor


@dataclass(frozen=True)
class QuestionScope:
    """The scope of every question of one session.

    ``project`` is whose part of a divided budget the session spends.
    """

    session: str
    licence: str
    actor: Actor
    project: str | None = None

    def as_public(self) -> dict[str, object]:
        """Return the fields that each entry about a question names."""
        return {"session": self.session, "licence": self.licence}
