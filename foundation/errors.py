"""Every error a caller can see: a stable code, an HTTP status, and a sentence in both languages.

An error names the field, the rule and the way out where there is one. It never carries a data
value or the text of an engine's own error (I11).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One sentence, in Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the sentence in Chinese for any ``zh…`` tag, else in English."""
        return self.zh if language.lower().startswith("zh") else self.en


class SandgateError(Exception):
    """Base of all errors meant for a caller.

    ``code`` is stable and for machines; ``field`` is a JSON path of the input; ``rule`` names
    the rule file or law that decided; ``way_out`` says what would be accepted, and
    ``allowed_sql`` is the nearest question that would be. ``logged`` is set by whoever gave the
    refusal its own entry in the log. ``retry_seconds`` says when asking again may help, and
    ``place`` the caller's place in a queue, from 1. ``challenge`` is what a bearer of a token must
    do about it (RFC 6750, RFC 9470).
    """

    status = 500
    kind = "error"
    logged = False
    retry_seconds: int | None = None
    place: int | None = None
    challenge: str | None = None

    def __init__(
        self,
        code: str,
        message: Message,
        *,
        field: str | None = None,
        rule: str | None = None,
        way_out: Message | None = None,
        allowed_sql: str | None = None,
    ) -> None:
        """Keep the parts apart; the exception's own text is the English sentence."""
        super().__init__(f"{code}: {message.en}")
        self.code = code
        self.message = message
        self.field = field
        self.rule = rule
        self.way_out = way_out
        self.allowed_sql = allowed_sql


class InvalidInput(SandgateError):
    """The request itself breaks a rule of form or content; nothing was changed."""

    status = 422
    kind = "invalid"


class NotFound(SandgateError):
    """No such thing, or none that this caller may know of: the two read the same."""

    status = 404
    kind = "not-found"


class Conflict(SandgateError):
    """The thing exists, but its state forbids the move."""

    status = 409
    kind = "conflict"


class Denied(SandgateError):
    """A policy or a separation of duties says no."""

    status = 403
    kind = "denied"


class TooMany(SandgateError):
    """As many as one person may begin; ``retry_seconds`` says when there may be more."""

    status = 429
    kind = "too-many"


class Unauthenticated(SandgateError):
    """No valid token came with the request."""

    status = 401
    kind = "unauthenticated"


class Unavailable(SandgateError):
    """A part the promise rests on is missing (isolation, storage, a key): fail closed."""

    status = 503
    kind = "unavailable"
