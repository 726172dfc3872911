"""What stands on the stage once data are needed: three data sets, an agreement and a licence.

Everything is made by the roads that a department and the authority take, over HTTP, once; the rows
are arithmetic, so that a trial knows the true figures. All of it is fictional.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.check_digits import luhn_check, resident_check
from disclosure.given import METADATA_KEY, Given, table_of
from disclosure.scope import QuestionScope
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.ids import new_id
from foundation.money import MICRO_FEN_PER_FEN
from service.acceptance.entries import CIVIL, REVIEWER, House, published
from service.acceptance.stage import CIVIL_AFFAIRS, REFUSED_FROM, Stage, expect
from service.founding import AUTHORITY

OPERATOR, BUYER, FINANCE = "operator_a", "buyer_house", "finance_house"
AGREEMENT = "演示协议〔2026〕1号"
POPULATION = "demo_households"
DISTRICTS = tuple(f"{number:02}" for number in range(1, 41))
HOUSEHOLDS_PER_DISTRICT = 20
REGIONS = ("east", "north", "south", "west")
BUDGET_NANO_RHO, QUESTION_NANO_RHO = 200_000_000, 50_000_000
FETCH_FEN = 10_001
PERSON: Mapping[str, str] = {
    "id_number": "11010519491231002" + resident_check("11010519491231002"),
    "mobile": "13812345678",
    "full_name": "欧阳演示",
    "address": "演示市样例路一百零八号",
    "account": "622202100112345" + luhn_check("622202100112345"),
}
"""One invented person; the first row of the register of operators in trade (``shops``)."""
_CHINA = timedelta(hours=8)

Row = dict[str, Any]


def _column(name: str, kind: str, grade: str, exposure: str, **more: Any) -> dict[str, Any]:
    told = {"name": name, "type": kind, "label_zh": name, "label_en": name}
    return {**told, "grade": grade, "exposure": exposure, **more}


def _masked(name: str, **mask: Any) -> dict[str, Any]:
    return _column(name, "text", "L2", "rows", identifier="direct", mask=mask)


HOUSEHOLDS: dict[str, Any] = {
    "name": "households",
    "label_zh": "住户",
    "label_en": "Households",
    "subject": "person",
    "population": POPULATION,
    "unit_columns": ["household"],
    "columns": [
        _column("household", "integer", "L3", "unit", identifier="direct"),
        _column("full_name", "text", "L4", "never", identifier="direct"),
        _column(
            "district",
            "text",
            "L2",
            "aggregate",
            identifier="quasi",
            public_values=list(DISTRICTS),
        ),
        _column(
            "region", "text", "L2", "aggregate", identifier="quasi", public_values=list(REGIONS)
        ),
        _column("wages", "integer", "L3", "aggregate", lower=0, upper=100_000),
    ],
    "group_sets": [
        {
            "name": f"by_{key}",
            "keys": [key],
            "groups_per_unit_max": 1,
            "rows_per_group_max": 1,
            "measures": ["wages"],
        }
        for key in ("district", "region")
    ],
}
SHOPS: dict[str, Any] = {
    "name": "shops",
    "label_zh": "个体工商户",
    "label_en": "Sole traders",
    "subject": "organisation",
    "population": "demo_shops",
    "unit_columns": ["shop"],
    "columns": [
        _column("shop", "integer", "L2", "rows", identifier="direct", mask={"kind": "pseudonym"}),
        _masked("id_number", kind="format", format="resident_id", level="city"),
        _masked("mobile", kind="partial", keep_first=3, keep_last=4, hidden_min=4),
        _masked("full_name", kind="redact"),
        _masked("address", kind="partial", keep_first=3, hidden_min=4),
        _masked("account", kind="format", format="bank_card"),
        _column("region", "text", "L1", "rows"),
        _column("sector", "text", "L1", "rows"),
    ],
}
VISITS: dict[str, Any] = {
    "name": "visits",
    "label_zh": "就诊",
    "label_en": "Visits",
    "subject": "person",
    "population": "demo_residents",
    "unit_columns": ["resident"],
    "columns": [
        _column("resident", "integer", "L2", "unit", identifier="direct"),
        _column("ward", "text", "L2", "rows"),
        _column("cost", "integer", "L2", "rows", lower=0, upper=100_000),
    ],
}
WARDS: Mapping[str, int] = {"east": 9, "north": 10, "south": 200, "west": 300}
"""How many residents have a visit, by ward: one fewer than the least shown, the least, many."""
SHOP_NUMBERS = range(200)


def household_rows() -> list[Row]:
    """Return the households: as many in each district."""
    return [
        {
            "household": number,
            "full_name": f"演示{number}",
            "district": DISTRICTS[number % len(DISTRICTS)],
            "region": REGIONS[number % len(REGIONS)],
            "wages": number * 7_919 % 90_000,
        }
        for number in range(HOUSEHOLDS_PER_DISTRICT * len(DISTRICTS))
    ]


def shop_rows() -> list[Row]:
    """Return the traders; the first is the invented person."""
    return [
        {
            "shop": 1_000 + number,
            **PERSON,
            "mobile": f"138{12345678 + number:08}",
            "region": REGIONS[number % len(REGIONS)],
            "sector": "餐饮" if number % 2 else "零售",
        }
        for number in SHOP_NUMBERS
    ]


def visit_rows() -> list[Row]:
    """Return one visit a resident; no two cost the same."""
    wards = [ward for ward, residents in WARDS.items() for _ in range(residents)]
    return [
        {"resident": number, "ward": ward, "cost": 100 + number * 7}
        for number, ward in enumerate(wards)
    ]


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return rows as a department would upload them."""
    names = list(rows[0])
    lines = [",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)]
    return "\n".join(lines).encode() + b"\n"


def registered(stage: Stage, declaration: Mapping[str, Any], house: House = CIVIL) -> None:
    """Register a data set beneath a fresh entry of its department, and its population first."""
    population = declaration.get("population")
    if population and population not in stage.kept:
        name = {"zh": declaration["label_zh"], "en": declaration["label_en"]}
        statement = "No other such units."
        body = {"name": population, "label": name, "unit": name, "statement": statement}
        stage.by(REVIEWER).post("/catalog/populations", body)
        stage.by("second_reviewer").post(f"/catalog/populations/{population}/approval")
        stage.kept[population] = True
    entry = published(stage, house)
    stage.by(house.clerk).post("/catalog/datasets", {**declaration, "entry": entry["code"]})


def uploaded(stage: Stage, dataset: str, rows: Sequence[Row], house: House = CIVIL) -> None:
    """Publish rows as the next version of a data set."""
    path = f"/catalog/datasets/{dataset}/versions?file_name={dataset}.csv"
    reply = stage.by(house.clerk).call("POST", path, data=as_csv(rows), media_type="text/csv")
    expect(
        reply.status < REFUSED_FROM,
        f"数据未能入库：{reply.body.decode()}",
        "the data were not taken",
    )


def day(stage: Stage, days: int = 0) -> str:
    """Return the day in China so many days from now on the stage, as ISO 8601."""
    seconds = stage.clock.now_us() // MICROSECONDS_PER_SECOND
    return (datetime.fromtimestamp(seconds, UTC) + _CHINA + timedelta(days=days)).date().isoformat()


def agreement(stage: Stage, **changes: Any) -> dict[str, Any]:
    """Return an operating agreement's register entry."""
    return {
        "number": AGREEMENT,
        "authority": AUTHORITY,
        "operator": OPERATOR,
        "valid_from": day(stage, -30),
        "valid_until": day(stage, 4 * 365),
        "collective_decision": "演示市政府常务会议〔2026〕1号",
        "filing_number": "演示省备〔2026〕1号",
        **changes,
    }


def tariff(stage: Stage, fetch_fen: int = FETCH_FEN, **changes: Any) -> dict[str, Any]:
    """Return a tariff that prices a fetch; its ceiling is twice the usual price."""
    price = {
        "meter": "fetch",
        "micro_fen": fetch_fen * MICRO_FEN_PER_FEN,
        "ceiling_micro_fen": 2 * FETCH_FEN * MICRO_FEN_PER_FEN,
    }
    return {
        "version": "fictional-1",
        "approval": "演示价格批复",
        "valid_from": day(stage, -365),
        "valid_until": day(stage, 9 * 365),
        "price_class": "industry",
        "prices": [price],
        **changes,
    }


def licence(stage: Stage, **changes: Any) -> dict[str, Any]:
    """Return a licence's document on the stage's three data sets; ``changes`` replace fields."""
    shop_columns = [column["name"] for column in SHOPS["columns"]]
    visits = {"dataset": "visits", "modes": ["rows"], "columns": ["ward", "cost"]}
    return {
        "operator": OPERATOR,
        "scenario": {"name_zh": "住户画像", "name_en": "Household brief", "purpose": "industry"},
        "valid_from": day(stage, -1),
        "valid_until": day(stage, 3 * 365),
        "grants": [
            {"dataset": "households", "modes": ["aggregate"], "columns": ["district", "region"]},
            {"dataset": "shops", "modes": ["rows"], "columns": shop_columns[:-1]},
            {**visits, "basis": "演示审批"},
        ],
        "budgets": [
            {
                "population": POPULATION,
                "budget_nano_rho": BUDGET_NANO_RHO,
                "question_nano_rho_max": QUESTION_NANO_RHO,
            }
        ],
        "product": {
            "name_zh": "分区住户表（虚构示例）",
            "name_en": "Households by district (fictional)",
            "price_class": "industry",
            "tariff": tariff(stage),
            "biller": OPERATOR,
            "payer": BUYER,
        },
        "scheme": {
            "version": "fictional-1",
            "approval": "演示分配方案批复",
            "shares": [
                {"payee": CIVIL_AFFAIRS, "ppm": 500_000, "channel": "treasury"},
                {"payee": OPERATOR, "ppm": 250_000, "channel": "account"},
                {"payee": "review_house", "ppm": 100_000, "channel": "account"},
                {"payee": FINANCE, "ppm": 150_000, "channel": "treasury"},
            ],
        },
        "approvals": {
            "collective_decision": "演示市政府常务会议〔2026〕1号",
            "filing_number": "演示省备〔2026〕1号",
            "agreement": AGREEMENT,
        },
        **changes,
    }


def ensure_data(stage: Stage) -> None:
    """Put the three data sets and the agreement on the stage, once."""
    if stage.kept.get("data"):
        return
    for declaration, rows in (
        (HOUSEHOLDS, household_rows()),
        (SHOPS, shop_rows()),
        (VISITS, visit_rows()),
    ):
        registered(stage, declaration)
        uploaded(stage, declaration["name"], rows)
    stage.by(REVIEWER).post("/agreements", agreement(stage))
    stage.kept["data"] = True


def granted(stage: Stage, document: Mapping[str, Any]) -> str:
    """Draft a licence by one person of the authority and let another sign it; return its id."""
    drafted = stage.by(REVIEWER).post("/licences", document)["id"]
    stage.by("second_reviewer").post(f"/licences/{drafted}/activate")
    return str(drafted)


def ensure_licence(stage: Stage) -> str:
    """Return the stage's licence in force on the three data sets."""
    ensure_data(stage)
    if "licence" not in stage.kept:
        stage.kept["licence"] = granted(stage, licence(stage))
    return str(stage.kept["licence"])


def scope(stage: Stage, account: str = "analyst", licence_id: str | None = None) -> QuestionScope:
    """Return what the gateway knows of a question: a session, the licence and the person."""
    actor = stage.actor(account)
    return QuestionScope(new_id("ses"), licence_id or ensure_licence(stage), actor)


def ask(
    stage: Stage,
    sql: str,
    account: str = "analyst",
    *,
    licence_id: str | None = None,
    nano_rho: int | None = None,
) -> Given:
    """Ask one question as the gateway of a session does. Raises SandgateError."""
    asked_by = scope(stage, account, licence_id)
    return stage.platform.pipeline.ask(asked_by, sql, nano_rho)


def facts_of(given: Given) -> dict[str, Any]:
    """Return the facts that travel with an answer."""
    found: dict[str, Any] = json.loads(table_of(given.arrow_stream).schema.metadata[METADATA_KEY])
    return found


def rows_of(given: Given) -> list[Row]:
    """Return an answer's rows."""
    rows: list[Row] = table_of(given.arrow_stream).to_pylist()
    return rows
