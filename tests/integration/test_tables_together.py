"""Two operators' tables on a running city, attacked together: what the register keeps for it.

The true cells lie sealed, outlive a restart, and without their key nothing more is released.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from audit.key_requests import request_keys
from audit.tags import EntryKind
from disclosure.release.tables.boxes import KEY_NAME
from disclosure.release.tables.store import released_cells, released_table
from foundation.db import reading
from foundation.errors import SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR
from tests.calling import entries
from tests.city import City, opened_city
from tests.city_documents import RIVAL, Row
from tests.parts import need_namespaces
from tests.table_city import submitted, table_city, table_rows, visits_licence

pytestmark = need_namespaces

BY_DAY = "SELECT region, day, COUNT(*) AS n FROM visits GROUP BY region, day"
BY_REGION = "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
MERGED = (
    "SELECT CASE WHEN (region = 'east' AND day < DATE '2026-02-01') "
    "OR (region = 'south' AND day >= DATE '2026-03-01') "
    "THEN 'some' ELSE 'others' END AS part, COUNT(*) AS n FROM visits GROUP BY part"
)
PEOPLE: Mapping[tuple[str, int], int] = {
    ("east", 1): 40, ("east", 2): 52, ("east", 3): 9,
    ("south", 1): 61, ("south", 2): 73, ("south", 3): 1,
    ("north", 1): 85, ("north", 2): 97, ("north", 3): 64,
    ("west", 1): 109, ("west", 2): 121, ("west", 3): 76,
}  # fmt: skip


def visits() -> list[Row]:
    found = [group for group, number in PEOPLE.items() for _ in range(number)]
    return [
        {"pid": n, "region": region, "band": "0-17", "day": date(2026, month, 1), "urgent": False,
         "cost": 100 + n}
        for n, (region, month) in enumerate(found)
    ]  # fmt: skip


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with table_city(tmp_path / "home", visits()) as found:
        yield found


def seen(city: City, account: str, licence: str, sql: str, *, margins: bool = False) -> set[str]:
    """Return the cells that a released table shows; none where it is refused."""
    try:
        request = submitted(city, sql, account=account, licence=licence, margins=margins)
    except SandgateError as refusal:
        assert refusal.code == "table_not_protectable"  # noqa: PT017
        text = f"{refusal.message.en} {refusal.way_out.en if refusal.way_out else ''}"
        assert "pearl" not in text
        assert city.licence not in text
        return set()
    told = " ".join(item["reason_en"] + item["reason_zh"] for item in request.checks)
    assert city.licence not in told
    content = city.platform.desk.preview(city.actor("checker_one"), request.id).content
    key = "part" if sql == MERGED else "day"
    return {row[key] for row in table_rows(content) if row["suppressed"] == "False"}


def test_another_operators_table_cannot_give_a_hidden_cell_away_even_after_a_restart(
    city: City,
) -> None:
    rival = city.grant(visits_licence(RIVAL))
    home, licence = city.home, city.licence
    assert "2026-02-01" in seen(city, "analyst", licence, BY_DAY, margins=True)
    city.close()
    with opened_city(home, licence=licence) as again:
        assert "some" not in seen(again, "rival", rival, MERGED)


def test_what_is_kept_is_sealed_opened_on_an_entry_and_never_changed_and_needed(city: City) -> None:
    submitted(city, BY_DAY, margins=True, name="a.csv")
    before = len(entries(city, EntryKind.KEYS_REQUESTED))
    submitted(city, BY_REGION, name="b.csv")
    asked = [e.public for e in entries(city, EntryKind.KEYS_REQUESTED)][before:]
    assert {"purpose": "table", "key_names": [KEY_NAME], "licence": city.licence} in asked
    with reading(city.platform.engine) as connection:
        boxes = [bytes(box) for box in connection.execute(select(released_cells.c.box)).scalars()]
        tables = connection.execute(select(released_table.c.id)).scalars().all()
    assert len(boxes) == len(tables) == 2
    assert not any(word in box for box in boxes for word in (b"east", b"2026-03-01", b"dimensions"))
    for change in (delete(released_cells), update(released_cells).values(box=b"")):
        with pytest.raises(IntegrityError), city.platform.engine.begin() as connection:
            connection.execute(change)
    without_the_key(city)


def without_the_key(city: City) -> None:
    """Check that nothing more of these people is released once the key is lost."""
    platform = city.platform
    cited = request_keys(platform.writer, SYSTEM_ACTOR, "table", [KEY_NAME], licence=city.licence)
    platform.keys.destroy(KEY_NAME, cited)
    with pytest.raises(Unavailable) as refusal:
        submitted(city, MERGED, name="b.csv")
    assert refusal.value.code == "table_register_unreadable"
    assert city.licence not in refusal.value.message.en
