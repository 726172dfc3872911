"""Step 2, licence: agreement and licence by two people of the authority; four refused first."""

import copy
import time
from typing import Any

from examples.demo.people import AUTHORITY, ENTERPRISE, OPERATOR
from examples.demo.stage import Stage

AGREEMENT = "示例授运协议〔2026〕1号"
THIS_YEAR = time.gmtime().tm_year
VALID_FROM, VALID_UNTIL = f"{THIS_YEAR}-01-01", f"{THIS_YEAR + 3}-01-01"
TOO_LATE = f"{THIS_YEAR + 6}-01-01"
MICRO_FEN = 1_000_000
FETCH_FEN, CALL_FEN, COST_RECOVERY_FEN = 10_001, 99, 5_000
HOUSEHOLD_COLUMNS = [
    "year",
    "state",
    "age_band",
    "filing_status",
    "persons",
    "wages",
    "social_security",
]
COLLEGE_COLUMNS = [
    "college_id",
    "college_code",
    "source_record",
    "state",
    "degree",
    "year",
    "earnings_median",
    "working",
    "not_working",
]
FLIGHT_COLUMNS = ["day", "month", "carrier", "destination", "state", "arrival_delay", "distance"]
STATE_COLUMNS = ["postal", "name_en", "name_zh", "region"]


def play(stage: Stage) -> dict[str, str]:
    """Sign the agreement, try four bad licences, then draft and activate a good one."""
    founder, approver = stage.callers["founder"], stage.callers["approver"]
    founder.post(
        "/agreements",
        {
            "number": AGREEMENT,
            "authority": AUTHORITY,
            "operator": OPERATOR,
            "valid_from": VALID_FROM,
            "valid_until": VALID_UNTIL,
            "collective_decision": "示例市政府常务会议〔2025〕18号",
            "filing_number": "示例省备〔2025〕7号",
        },
    )
    document = licence_document()
    refused = _refused_licences(stage, document)
    drafted = founder.post("/licences", document)
    founder.refused("POST", f"/licences/{drafted['id']}/activate", "applicant_cannot_approve")
    active = approver.post(f"/licences/{drafted['id']}/activate")
    stage.facts["licence"] = drafted["id"]
    stage.facts["extracts"] = active["extracts"]
    return {
        "zh": f"授权已由两人签发生效；{len(refused)} 份不合规的授权按字段被拒。",
        "en": f"Two people of the authority signed the licence into force; {len(refused)} bad "
        "ones were refused by the field that breaks a rule.",
    }


def licence_document() -> dict[str, Any]:
    """Return the licence of the story. Every price and share in it is fictional."""
    return {
        "operator": OPERATOR,
        "scenario": {
            "name_zh": "城市家庭经济画像（演示）",
            "name_en": "Household economy brief (demonstration)",
            "purpose": "industry",
        },
        "valid_from": VALID_FROM,
        "valid_until": VALID_UNTIL,
        "grants": [
            {"dataset": "households", "modes": ["aggregate"], "columns": HOUSEHOLD_COLUMNS},
            {
                "dataset": "colleges",
                "modes": ["rows"],
                "columns": COLLEGE_COLUMNS,
                "row_filters": [{"column": "year", "values": ["2013", "2014", "2015", "2016"]}],
            },
            {"dataset": "flights", "modes": ["rows"], "columns": FLIGHT_COLUMNS},
            {"dataset": "states", "modes": ["rows"], "columns": STATE_COLUMNS},
        ],
        "budgets": [
            {
                "population": "us_households_cps",
                "budget_nano_rho": 300_000_000,
                "budget_delta_steps": 20_000_000,
                "question_nano_rho_max": 20_000_000,
            }
        ],
        "product": {
            "name_zh": "各州住户与工资表（虚构示例）",
            "name_en": "Households and wages by state (fictional example)",
            "price_class": "industry",
            "tariff": {
                "version": "fictional-2026-1",
                "approval": "虚构示例 fictional approval",
                "valid_from": VALID_FROM,
                "valid_until": VALID_UNTIL,
                "price_class": "industry",
                "prices": [
                    {
                        "meter": "fetch",
                        "micro_fen": FETCH_FEN * MICRO_FEN,
                        "ceiling_micro_fen": 2 * FETCH_FEN * MICRO_FEN,
                    },
                    {
                        "meter": "call",
                        "micro_fen": CALL_FEN * MICRO_FEN,
                        "ceiling_micro_fen": 2 * CALL_FEN * MICRO_FEN,
                    },
                ],
            },
            "biller": OPERATOR,
            "payer": ENTERPRISE,
        },
        "scheme": scheme_document(),
        "approvals": {
            "collective_decision": "示例市政府常务会议〔2025〕18号",
            "filing_number": "示例省备〔2025〕7号",
            "agreement": AGREEMENT,
        },
    }


def scheme_document() -> dict[str, Any]:
    """Return how the money is split: half of it by what each data set contributed. Fictional."""
    return {
        "version": "fictional-2026-1",
        "approval": "虚构示例 fictional approval",
        "cost_recovery": [
            {"payee": AUTHORITY, "channel": "treasury", "fen_per_period": COST_RECOVERY_FEN}
        ],
        "shares": [
            {"payee": OPERATOR, "ppm": 250_000, "channel": "account"},
            {"payee": "platform", "ppm": 100_000, "channel": "account"},
            {"payee": "public_finance", "ppm": 150_000, "channel": "treasury"},
        ],
        "pot": {
            "ppm": 500_000,
            "weight": "calls*columns*quality_ppm",
            "sources": [
                _source("households", "finance_bureau", 1_000_000, maximum_ppm=700_000),
                _source("colleges", "education_bureau", 900_000, minimum_ppm=100_000),
                _source("flights", "transport_bureau", 950_000),
                _source("states", "transport_bureau", 500_000),
            ],
            "unused_to": {"payee": "public_finance", "channel": "treasury"},
        },
    }


def _source(dataset: str, payee: str, quality_ppm: int, **bounds: int) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "payee": payee,
        "channel": "treasury",
        "approved_rows": 100_000,
        "quality_ppm": quality_ppm,
        **bounds,
    }


def _refused_licences(stage: Stage, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Offer four licences that break one rule each; the answer must name the field."""
    too_long = copy.deepcopy(document) | {"valid_until": TOO_LATE}
    unapproved = copy.deepcopy(document)
    unapproved["approvals"]["collective_decision"] = ""
    unknown = copy.deepcopy(document)
    unknown["grants"][0]["columns"] = ["state", "shoe_size"]
    rows = copy.deepcopy(document)
    rows["grants"][0]["modes"] = ["rows"]
    founder = stage.callers["founder"]
    found = []
    for broken, field in (
        (too_long, "valid_until"),
        (unapproved, "approvals.collective_decision"),
        (unknown, "grants"),
        (rows, "grants"),
    ):
        answer = founder.call("POST", "/licences", json=broken, expect=422).json()
        if field not in (answer["field"] or ""):
            raise AssertionError(f"the refusal names {answer['field']}, not {field}: {answer}")
        found.append({"field": answer["field"], "code": answer["code"], "said": answer["detail"]})
    stage.facts["refused_licences"] = found
    return found
