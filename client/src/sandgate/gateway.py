"""The calls an operator makes: a ``Gateway`` speaks to one socket, and a default one stands by."""

import json
from typing import Any

from sandgate import transport
from sandgate.answers import Answer
from sandgate.costs import Estimate
from sandgate.listings import Budget, Dataset, Datasets, ReleaseRequest
from sandgate.refusals import last_refusal


class Gateway:
    """The one way out of a session. It holds no credential: the socket is the identity."""

    def __init__(self, path: str | None = None) -> None:
        """Speak to ``path``, else to ``SANDGATE_GATEWAY``, else to the session's own socket."""
        self._path = path

    def sql(self, text: str, question_nano_rho: int | None = None) -> Answer:
        """Ask one question; raise ``Refused`` where a rule says no."""
        body: dict[str, Any] = {"sql": text}
        if question_nano_rho is not None:
            body["question_nano_rho"] = question_nano_rho
        return Answer.from_stream(self._ask("POST", "/v1/query", body))

    def estimate(self, text: str) -> Estimate:
        """Price a question: free, and decided without touching data."""
        return Estimate(self._json("POST", "/v1/estimate", {"sql": text}))

    def datasets(self) -> Datasets:
        """List what the licence grants."""
        listed = self._json("GET", "/v1/datasets")["datasets"]
        return Datasets(tuple(Dataset(details) for details in listed))

    def budget(self) -> Budget:
        """Say what is left of the licence's privacy budget."""
        return Budget(tuple(self._json("GET", "/v1/budget")["populations"]))

    def release(self, answer: Answer | str, title_zh: str, title_en: str) -> ReleaseRequest:
        """Ask that one stored answer may leave; its bytes stay with the platform."""
        answer_id = answer.answer_id if isinstance(answer, Answer) else answer
        titles = {"answer_id": answer_id, "title_zh": title_zh, "title_en": title_en}
        return ReleaseRequest({**titles, **self._json("POST", "/v1/releases", titles)})

    def _ask(self, method: str, target: str, body: dict[str, Any] | None = None) -> bytes:
        return transport.ask(transport.socket_path(self._path), method, target, body)

    def _json(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._ask(method, target, body))
        return content


_default = Gateway()


def sql(text: str, question_nano_rho: int | None = None) -> Answer:
    """Ask one question; raise ``Refused`` where a rule says no."""
    return _default.sql(text, question_nano_rho)


def estimate(text: str) -> Estimate:
    """Price a question: free, and decided without touching data."""
    return _default.estimate(text)


def datasets() -> Datasets:
    """List what the licence grants."""
    return _default.datasets()


def budget() -> Budget:
    """Say what is left of the licence's privacy budget."""
    return _default.budget()


def release(answer: Answer | str, title_zh: str, title_en: str) -> ReleaseRequest:
    """Ask that one stored answer may leave; its bytes stay with the platform."""
    return _default.release(answer, title_zh, title_en)


def allowed() -> Answer:
    """Run the allowed form that the last refusal named."""
    refusal = last_refusal()
    if refusal is None or refusal.allowed_sql is None:
        raise LookupError("the last refusal named no allowed form")
    return sql(refusal.allowed_sql)
