"""A city in which one question lived its whole life, and the calls a regulator makes about it."""

import io
import zipfile
from contextlib import suppress
from typing import Any

import httpx

from audit.tags import EntryKind
from disclosure.release.desk import ReleaseRequest
from foundation.errors import SandgateError
from policies.schema.revenue import RevenueRules
from revenue.periods import close_period, open_period
from tests.calling import API, entries
from tests.city import City, told
from tests.city_documents import ROWS_QUESTION
from tests.fakes import TickingClock

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
REFUSED = "SELECT name FROM households"


class Scene:
    """A city in which one question was asked, released, fetched, billed and settled."""

    def __init__(self, city: City, clock: TickingClock) -> None:
        self.city = city
        self.clock = clock
        platform = city.platform
        open_period(platform.writer, city.actor("founder"), "2026-11")
        self.answer = str(told(city.ask(BY_AGE))["answer_id"])
        city.ask(BY_AGE, scope=city.scope("colleague"))
        city.ask(ROWS_QUESTION)
        with suppress(SandgateError):
            city.ask(REFUSED)
        asked = ReleaseRequest(answer_id=self.answer, title_zh="住户表", title_en="Households")
        request = platform.desk.submit(city.actor("analyst"), city.licence, asked)
        self.release = request.id
        body = {"decision": "approve", "sha256": request.sha256, "comment": "read"}
        for checker in ("checker_one", "checker_two"):
            city.client(checker).post(f"{API}/releases/{request.id}/votes", json=body)
        self.fetched = platform.shop.fetch(city.actor("buyer"), city.licence)
        rules = platform.pack.rules(RevenueRules)
        close_period(platform.writer, city.actor("founder"), "2026-11", rules)
        released = entries(city, EntryKind.ANSWER_RELEASED, answer=self.answer)
        self.question = str(released[0].public["question"])

    def get(self, path: str, account: str = "auditor", **terms: str) -> httpx.Response:
        return self.city.client(account).get(f"{API}{path}", params=terms)

    def found(self, **terms: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/regulator/search", **terms).json()["entries"]
        return found

    def export(self, **body: Any) -> dict[str, bytes]:
        client = self.city.client("auditor")
        response = client.post(f"{API}/regulator/exports", json=body)
        assert response.status_code == 200, response.text
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
