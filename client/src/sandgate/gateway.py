"""The calls an operator makes: a ``Gateway`` speaks to one socket, and a default one stands by."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandgate import transport
from sandgate.answers import Answer
from sandgate.asking import Question
from sandgate.budgets import Budget
from sandgate.drafts import Draft
from sandgate.estimates import Estimate
from sandgate.language import pick
from sandgate.listings import Dataset, Datasets
from sandgate.refusals import last_refusal
from sandgate.releases import ReleaseRequest
from sandgate.standing import Environment, HandedIn, PackageRequest, Review, Status
from sandgate.tables import Table

Width = int | float | Decimal


class Gateway:
    """The one way out of a session. It holds no credential: the socket is the identity."""

    def __init__(self, path: str | None = None) -> None:
        """Speak to ``path``, else to ``SANDGATE_GATEWAY``, else to the session's own socket."""
        self._path = path

    def sql(self, text: str, question_nano_rho: int | None = None) -> Answer:
        """Ask one question; raise ``Refused`` where a rule says no.

        Interrupting the kernel gives an answer of rows up; a private one comes at its time.
        """
        body: dict[str, Any] = {"sql": text}
        if question_nano_rho is not None:
            body["question_nano_rho"] = question_nano_rho
        question = Question(transport.socket_path(self._path), body)
        return Answer.from_stream(question.answer())

    def estimate(
        self,
        text: str,
        question_nano_rho: int | None = None,
        *,
        half_width: Width | None = None,
        output: str | None = None,
        rows: int | None = None,
    ) -> Estimate:
        """Price a question: free, and decided without touching data.

        With ``half_width`` find the least price at which the figure named ``output`` is within
        that of the truth, with probability 95 %; ``rows`` is the size of the group (for means and
        spreads). ``output`` may be left out where the question has a single figure.
        """
        body: dict[str, Any] = {"sql": text}
        if question_nano_rho is not None:
            body["question_nano_rho"] = question_nano_rho
        if half_width is None:
            if output is not None or rows is not None:
                raise TypeError("output and rows go with half_width")
            return self._estimated(text, body, {})
        named = output or self._only_figure(text, body)
        wanted: dict[str, Any] = {"output": named, "half_width": str(half_width)}
        wanted |= {} if rows is None else {"rows": rows}
        return self._estimated(text, {**body, "wanted": wanted}, {"wanted": wanted})

    def _estimated(self, text: str, body: dict[str, Any], more: dict[str, Any]) -> Estimate:
        return Estimate({**self._json("POST", "/v1/estimate", body), **more}, text, self.sql)

    def _only_figure(self, text: str, body: dict[str, Any]) -> str:
        """Return the name of a question's one figure; raise ValueError where it has more."""
        names = [str(item["name"]) for item in self._estimated(text, body, {}).columns]
        if len(names) == 1:
            return names[0]
        listed = ", ".join(names) or "–"
        raise ValueError(
            pick(f"请用 output 指明统计值：{listed}", f"name the figure with output: {listed}")
        )

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

    def table(self, text: str, *, margins: bool = False, rounding: int = 0) -> Table:
        """Rehearse a table over granted rows for release: which cells would not show.

        ``margins`` adds the totals of every key; ``rounding`` rounds counts to multiples of it.
        """
        asked = {"sql": text, "margins": margins, "rounding": rounding}
        found = self._json("POST", "/v1/tables/preview", asked)
        again = {"text": text, "margins": margins, "rounding": rounding}
        return Table(found, again, self.release_table)

    def release_table(
        self,
        text: str,
        title_zh: str,
        title_en: str,
        name: str = "table.csv",
        *,
        margins: bool = False,
        rounding: int = 0,
        context: str = "",
    ) -> ReleaseRequest:
        """Ask that a table over granted rows may leave; the desk computes it, not the session.

        ``name`` ends in ``.csv`` or ``.parquet``; ``context`` tells the checkers what it is for.
        """
        plan = {"sql": text, "margins": margins, "rounding": rounding}
        file = {"name": name, "source": "table", "plan": plan}
        draft = {"title_zh": title_zh, "title_en": title_en, "context": context, "files": [file]}
        drafted = ReleaseRequest(self._json("POST", "/v1/releases/drafts", draft))
        return ReleaseRequest(self._json("POST", f"/v1/releases/{drafted.release_id}/submit"))

    def status(self) -> Status:
        """Say where this session stands: mode, time and days left, spend, budget."""
        return Status(self._json("GET", "/v1/session"))

    def environment(self) -> Environment:
        """List what is installed in sessions, with the digest that results name."""
        return Environment(self._json("GET", "/v1/environment"))

    def request_package(self, name: str, version: str, reason: str) -> PackageRequest:
        """Ask for a package that is missing; the authority decides."""
        asked = {"package": name, "version": version, "reason": reason}
        return PackageRequest(self._json("POST", "/v1/packages", asked))

    def submit_notebook(self, path: str | Path) -> Review:
        """Submit a notebook file for review; only its code cells are kept."""
        text = Path(path).read_text(encoding="utf-8")
        return Review(self._json("POST", "/v1/reviews", {"notebook": text}))

    def hand_in(self, path: str | Path) -> HandedIn:
        """Hand a CSV, Parquet, JSON or Markdown file to the release desk."""
        found = Path(path)
        return self._hand_in(found.read_bytes(), found.suffix.lower().removeprefix("."))

    def draft(self, title_zh: str, title_en: str, context: str = "") -> Draft:
        """Begin a release of one or several files; ``context`` tells checkers what it is for."""
        titles = {"title_zh": title_zh, "title_en": title_en, "context": context}
        begun = self._json("POST", "/v1/releases/drafts", titles)
        return Draft(begun, self._json, self._hand_in)

    def _hand_in(self, content: bytes, form: str) -> HandedIn:
        target = f"/v1/release-files?{urlencode({'format': form})}"
        sent = transport.send(transport.socket_path(self._path), target, content)
        return HandedIn(json.loads(sent))

    def _ask(self, method: str, target: str, body: dict[str, Any] | None = None) -> bytes:
        return transport.ask(transport.socket_path(self._path), method, target, body)

    def _json(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._ask(method, target, body))
        return content


_default = Gateway()


def sql(text: str, question_nano_rho: int | None = None) -> Answer:
    """Ask one question; raise ``Refused`` where a rule says no."""
    return _default.sql(text, question_nano_rho)


def estimate(
    text: str,
    question_nano_rho: int | None = None,
    *,
    half_width: Width | None = None,
    output: str | None = None,
    rows: int | None = None,
) -> Estimate:
    """Price a question, perhaps at a wanted exactness: free, and without touching data.

    ``estimate(text, half_width=50)`` finds the least price at which the figure is within ±50 with
    probability 95 %; see ``Gateway.estimate``.
    """
    return _default.estimate(
        text, question_nano_rho, half_width=half_width, output=output, rows=rows
    )


def datasets() -> Datasets:
    """List what the licence grants."""
    return _default.datasets()


def budget() -> Budget:
    """Say what is left of the licence's privacy budget."""
    return _default.budget()


def release(answer: Answer | str, title_zh: str, title_en: str) -> ReleaseRequest:
    """Ask that one stored answer may leave; its bytes stay with the platform."""
    return _default.release(answer, title_zh, title_en)


def table(text: str, *, margins: bool = False, rounding: int = 0) -> Table:
    """Rehearse a table over granted rows for release; see ``Gateway.table``."""
    return _default.table(text, margins=margins, rounding=rounding)


def release_table(
    text: str,
    title_zh: str,
    title_en: str,
    name: str = "table.csv",
    *,
    margins: bool = False,
    rounding: int = 0,
    context: str = "",
) -> ReleaseRequest:
    """Ask that a table over granted rows may leave; see ``Gateway.release_table``."""
    return _default.release_table(
        text, title_zh, title_en, name, margins=margins, rounding=rounding, context=context
    )


def allowed() -> Answer:
    """Run the allowed form that the last refusal named."""
    refusal = last_refusal()
    if refusal is None or refusal.allowed_sql is None:
        raise LookupError("the last refusal named no allowed form")
    return sql(refusal.allowed_sql)


def status() -> Status:
    """Say where this session stands: mode, time and days left, spend, budget."""
    return _default.status()


def environment() -> Environment:
    """List what is installed in sessions, with the digest that results name."""
    return _default.environment()


def request_package(name: str, version: str, reason: str) -> PackageRequest:
    """Ask for a package that is missing; the authority decides."""
    return _default.request_package(name, version, reason)


def submit_notebook(path: str | Path) -> Review:
    """Submit a notebook file for review; only its code cells are kept."""
    return _default.submit_notebook(path)


def hand_in(path: str | Path) -> HandedIn:
    """Hand a CSV, Parquet, JSON or Markdown file to the release desk."""
    return _default.hand_in(path)


def draft(title_zh: str, title_en: str, context: str = "") -> Draft:
    """Begin a release of one or several files; see ``Draft``."""
    return _default.draft(title_zh, title_en, context)
