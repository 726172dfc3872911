"""Step 6, revenue: a data enterprise fetches; the period closes; shares sum to the fen."""

import copy
import json
import time
import zipfile
from typing import Any

from examples.demo.free_purpose import fetch_free_product
from examples.demo.licence_step import CALL_FEN, FETCH_FEN, licence_document
from examples.demo.people import ENTERPRISE, names_of_organisations
from examples.demo.stage import Stage, StepFailed

PERIOD = time.strftime("%Y-%m", time.gmtime())
FETCHES = 7
PAYEE = "education_bureau"


def play(stage: Stage) -> dict[str, str]:
    """Fetch and meter, refuse who may not, close the period by the authority's command."""
    licence = stage.facts["licence"]
    founder, buyer = stage.callers["founder"], stage.callers["buyer"]
    path = f"/products/{licence}/fetches"
    founder.post("/periods", {"id": PERIOD})
    stage.callers["analyst"].refused("POST", path, "role_missing")
    for number in range(FETCHES):
        key = {"Idempotency-Key": f"fetch-{number}"}
        first = buyer.call("POST", path, expect=201, headers=key)
        again = buyer.call("POST", path, expect=201, headers=key)
        if first.content != again.content or not first.content:
            raise StepFailed("a repeated fetch gave another answer")
    _trace_copy(stage, first.content)
    _refuse_unapproved_tariff(stage)
    fetch_free_product(stage)
    printed = stage.command("period", "close", PERIOD, caller="founder")
    closed = json.loads(printed)
    statement = founder.get(f"/periods/{PERIOD}/statements")
    stage.write("statements.json", statement)
    stage.facts["statements"], total_fen = _lines(stage, statement)
    _check_total(statement["period"]["pools"], total_fen)
    _prove_statement(stage)
    stage.facts["revenue"] = {
        "period": PERIOD,
        "fetches": FETCHES,
        "total_fen": total_fen,
        "close_index": closed["close_index"],
    }
    return {
        "zh": f"数据企业调用产品 {FETCHES} 次，重复请求不重复计费，公益用途计量而不收费；"
        "仅凭其中一个文件，即查明出自哪次出域、由谁接收；"
        "账期关闭，按各来源贡献分配，合计精确到分（虚构示例）；"
        "一家供数单位离线核验了自己的结算单，多写一分即被识破。",
        "en": f"The data enterprise fetched the product {FETCHES} times, repeats unbilled, and one "
        "for public welfare at zero. One of its files alone told which release it came from, and "
        "who received it. Sources share by what they gave, to the fen (fictional). One of them "
        "proved its statement offline, and a fen more was refused.",
    }


def _trace_copy(stage: Stage, product: bytes) -> None:
    """Keep the enterprise's copy, and let the regulator trace its table as if found astray."""
    with zipfile.ZipFile(stage.write("product.zip", product)) as files:
        stray = stage.write("stray.csv", files.read("households.csv"))
    traced = json.loads(stage.command("trace", str(stray), "--json", caller="auditor"))["origins"]
    told = [(item["release"], item["recipient"]["organisation"]) for item in traced]
    if told != [(stage.facts["release"]["release_id"], ENTERPRISE)]:
        raise StepFailed(f"the stray file was traced to {traced}")
    stage.facts["release"]["traced"] = names_of_organisations(stage)[ENTERPRISE]


def _prove_statement(stage: Stage) -> None:
    """Let a source verify its own statement from one file and the log's key, and a forged one."""
    bundle = stage.output / "statement-education.zip"
    key = stage.output / "regulator" / "log.key"
    for form, path in (("bundle", bundle), ("pdf", bundle.with_suffix(".pdf"))):
        told = ("statement", form, PERIOD, PAYEE, "--out", str(path))
        stage.command(*told, caller="education_steward")
    stage.command("verify", "statement", str(bundle), "--key", str(key))
    forged = stage.output / "statement-education-forged.zip"
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "statement.json":
                data = json.dumps({**json.loads(data), "fen": json.loads(data)["fen"] + 1}).encode()
            target.writestr(name, data)
    stage.command("verify", "statement", str(forged), "--key", str(key), expect=1)


def _check_total(pools: list[dict[str, Any]], total_fen: int) -> None:
    """Check that what was paid is what was used, at the licence's prices, and nothing else."""
    totals = [pool["usage_totals"] for pool in pools if pool["price_class"] == "industry"]
    calls = sum(known.get("call", 0) for known in totals)
    expected_fen = FETCHES * FETCH_FEN + calls * CALL_FEN
    if sum(known.get("fetch", 0) for known in totals) != FETCHES or total_fen != expected_fen:
        raise StepFailed(f"{FETCHES} fetches and {calls} questions came to {total_fen} fen")


def _refuse_unapproved_tariff(stage: Stage) -> None:
    """Check that a priced product without an approved tariff cannot even be licensed."""
    document: dict[str, Any] = copy.deepcopy(licence_document())
    document["product"]["tariff"]["approval"] = ""
    stage.callers["founder"].refused("POST", "/licences", "tariff_not_approved", json=document)


def _lines(stage: Stage, statement: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    names = {"tax": {"zh": "税费（虚构税率）", "en": "Tax (fictional rate)"}}
    names |= names_of_organisations(stage)
    order = {pool["rule_digest"]: -pool["billed_fen"] for pool in statement["period"]["pools"]}
    products = {pool["rule_digest"]: pool["product"] for pool in statement["period"]["pools"]}
    ppm = {share["payee"]: share["ppm"] for share in licence_document()["scheme"]["shares"]}
    lines = [
        {
            "product": products[line["rule_digest"]],
            "payee": names.get(line["payee"], {"zh": line["payee"], "en": line["payee"]}),
            "channel": line["channel"],
            "share_ppm": ppm.get(line["payee"]),
            "amount_fen": line["fen"],
        }
        for line in sorted(
            statement["period"]["lines"], key=lambda line: order[line["rule_digest"]]
        )
    ]
    return lines, sum(line["amount_fen"] for line in lines)
