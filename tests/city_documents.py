"""What a small city declares: its people, two data sets with their rows, and a licence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from authorization.organisations import OrganisationKind
from foundation.identity import Role
from tests.tariffs import tariff_json

AUTHORITY = "data_authority"
PROVIDER = "city_bureau"
OPERATOR = "pearl_operator"
RIVAL = "river_operator"
ENTERPRISE = "harbour_buyer"
REVIEW = "review_centre"
REGULATOR = "city_regulator"
FINANCE = "public_finance"
AGREEMENTS = {OPERATOR: "agreement-1", RIVAL: "agreement-2"}
POPULATION = "city_households"
POPULATIONS = (POPULATION, "city_colleges")
ORGANISATIONS = (
    (PROVIDER, OrganisationKind.PROVIDER),
    (OPERATOR, OrganisationKind.OPERATOR),
    (RIVAL, OrganisationKind.OPERATOR),
    (ENTERPRISE, OrganisationKind.DEVELOPER),
    (REVIEW, OrganisationKind.PLATFORM),
    (REGULATOR, OrganisationKind.REGULATOR),
    (FINANCE, OrganisationKind.FINANCE),
)
PEOPLE = (  # "founder" of the authority is there from the start
    ("approver", AUTHORITY, Role.AUTHORITY),
    ("steward", PROVIDER, Role.PROVIDER),
    ("head", PROVIDER, Role.DEPARTMENT_HEAD),
    ("analyst", OPERATOR, Role.OPERATOR),
    ("colleague", OPERATOR, Role.OPERATOR),
    ("rival", RIVAL, Role.OPERATOR),
    ("buyer", ENTERPRISE, Role.DEVELOPER),
    ("checker_one", REVIEW, Role.CHECKER),
    ("checker_two", REVIEW, Role.CHECKER),
    ("auditor", REGULATOR, Role.REGULATOR),
    ("treasurer", FINANCE, Role.FINANCE),
)
STATES = ("east", "north", "south", "west")
AGES = ("older", "younger")
DEGREES = ("two_year", "four_year")
COUNT_BY_STATE = (
    "SELECT state, COUNT(*) AS persons_counted, COUNT(DISTINCT unit) AS households "
    "FROM households GROUP BY state"
)
ROWS_QUESTION = "SELECT college_id, code, record, state, degree, earnings FROM colleges"

Row = dict[str, Any]


@dataclass(frozen=True)
class Further:
    """A data set beyond the two that every city holds: its declaration and its rows."""

    declaration: dict[str, Any]
    rows: Sequence[Row]


def household_rows(households: int = 1_200) -> list[Row]:
    """Return one to three rows a household, by arithmetic: every run has the same."""
    return [
        {
            "household": number,
            "name": f"Household {number}",
            "state": STATES[number % 4],
            "age_band": AGES[(number // 4) % 2],
            "wages": (number * 7_919 + row * 104_729) % 90_000,
        }
        for number in range(households)
        for row in range(1 + number % 3)
    ]


def college_rows(colleges: int = 300) -> list[Row]:
    """Return one row a college and year; every seventh tells no earnings."""
    return [
        {
            "college_id": 100_000 + number,
            "code": f"US-{100_000 + number}",
            "record": f"record {number}",
            "state": STATES[number % 4],
            "degree": DEGREES[number % 2],
            "year": year,
            "earnings": None if number % 7 == 0 else 20_000 + number * 131 % 60_000,
        }
        for number in range(colleges)
        for year in (2014, 2015, 2016)
    ]


def column(name: str, kind: str, grade: str, exposure: str, **more: Any) -> dict[str, Any]:
    """Return the declaration of one column."""
    return {
        "name": name,
        "type": kind,
        "label_zh": name,
        "label_en": name,
        "grade": grade,
        "exposure": exposure,
        **more,
    }


HOUSEHOLDS: dict[str, Any] = {
    "name": "households",
    "entry": "306001/1",
    "label_zh": "住户",
    "label_en": "Households",
    "subject": "person",
    "population": POPULATION,
    "unit_columns": ["household"],
    "columns": [
        column("household", "integer", "L3", "unit", identifier="direct"),
        column("name", "text", "L4", "never", identifier="direct"),
        column("state", "text", "L2", "aggregate", identifier="quasi", public_values=list(STATES)),
        column("age_band", "text", "L2", "aggregate", identifier="quasi", public_values=list(AGES)),
        column(
            "wages", "integer", "L3", "aggregate", identifier="sensitive", lower=0, upper=100_000
        ),
    ],
    "group_sets": [
        {
            "name": f"by_{name}",
            "keys": keys,
            "groups_per_unit_max": 1,
            "rows_per_group_max": 3,
            "measures": ["wages"],
        }
        for name, keys in (
            ("state", ["state"]),
            ("age", ["age_band"]),
            ("state_age", ["state", "age_band"]),
        )
    ],
}
COLLEGES: dict[str, Any] = {
    "name": "colleges",
    "entry": "306001/2",
    "label_zh": "高校",
    "label_en": "Colleges",
    "subject": "organisation",
    "population": "city_colleges",
    "unit_columns": ["college_id"],
    "columns": [
        column(
            "college_id",
            "integer",
            "L2",
            "rows",
            identifier="direct",
            mask={"kind": "pseudonym"},
        ),
        column("code", "text", "L2", "rows", mask={"kind": "partial", "keep_first": 2}),
        column("record", "text", "L2", "rows", mask={"kind": "redact"}),
        column("state", "text", "L1", "rows", identifier="quasi"),
        column("degree", "text", "L1", "rows", identifier="quasi"),
        column("year", "integer", "L1", "rows"),
        column(
            "earnings",
            "integer",
            "L2",
            "rows",
            nullable=True,
            lower=0,
            upper=100_000,
            mask={"kind": "generalise", "step": 5_000},
        ),
    ],
}
TYPES = {
    "household": pa.int64(),
    "name": pa.string(),
    "state": pa.string(),
    "age_band": pa.string(),
    "wages": pa.int64(),
    "college_id": pa.int64(),
    "code": pa.string(),
    "record": pa.string(),
    "degree": pa.string(),
    "year": pa.int64(),
    "earnings": pa.int64(),
}


def licence_json(operator: str = OPERATOR, **changes: Any) -> dict[str, Any]:
    """Return a licence's document without id and authority, as the API takes it."""
    return {
        "operator": operator,
        "scenario": {"name_zh": "住户画像", "name_en": "Household brief", "purpose": "industry"},
        "valid_from": "2025-01-01",
        "valid_until": "2029-01-01",
        "grants": [
            {
                "dataset": "households",
                "modes": ["aggregate"],
                "columns": ["state", "age_band", "wages"],
            },
            {
                "dataset": "colleges",
                "modes": ["rows"],
                "columns": ["college_id", "code", "record", "state", "degree", "year", "earnings"],
                "row_filters": [{"column": "year", "values": ["2015", "2016"]}],
            },
        ],
        "budgets": [
            {
                "population": POPULATION,
                "budget_nano_rho": 100_000_000,
                "question_nano_rho_max": 50_000_000,
            }
        ],
        "product": {
            "name_zh": "住户表（虚构示例）",
            "name_en": "Household table (fictional example)",
            "price_class": "industry",
            "tariff": tariff_json(),
            "biller": operator,
            "payer": ENTERPRISE,
        },
        "scheme": {
            "version": "fictional-1",
            "approval": "fictional approval",
            "shares": [
                {"payee": PROVIDER, "ppm": 500_000, "channel": "treasury"},
                {"payee": operator, "ppm": 250_000, "channel": "account"},
                {"payee": "platform", "ppm": 100_000, "channel": "account"},
                {"payee": FINANCE, "ppm": 150_000, "channel": "treasury"},
            ],
        },
        "approvals": {
            "collective_decision": "decision-1",
            "filing_number": "filing-1",
            "agreement": AGREEMENTS[operator],
        },
        **changes,
    }


def catalogue_entry(declaration: dict[str, Any], *systems: str) -> dict[str, Any]:
    """Return a catalogue entry with its legal fields for a declaration, fed by these systems."""
    label = {"zh": declaration["label_zh"], "en": declaration["label_en"]}
    return {
        "code": declaration["entry"],
        "name": label,
        "data_items": [
            {"zh": column["label_zh"], "en": column["label_en"]}
            for column in declaration["columns"]
        ],
        "provider": {"name": label, "code": "11999999MB2F00016L"},
        "format": "Parquet",
        "update_frequency": "yearly",
        "share_attribute": "conditional",
        "share_mode": "sandbox",
        "use_conditions": {"zh": "沙箱内使用", "en": "Inside the sandbox only"},
        "classification": {
            "category": {"zh": "主题/测试", "en": "Theme/test"},
            "grade": "L3",
        },
        "share_scope": {"zh": "获授权的运营机构", "en": "Licensed operators"},
        "permitted_use": {"zh": "授权协议所列用途", "en": "The uses of the agreement"},
        "open_attribute": "withheld",
        "open_basis": {
            "reason": {"zh": "涉及个人信息", "en": "It holds personal information"},
            "act": {"zh": "个人信息保护法", "en": "Personal Information Protection Law"},
        },
        "return_attribute": "conditional",
        "systems": list(systems),
        "source": {"zh": "测试生成", "en": "Made by the test"},
    }
