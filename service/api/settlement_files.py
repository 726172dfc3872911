"""Settlement files (拨付文件) and the bank's answers to them, and where payees are paid."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from revenue.settlement_files.details import Details
from revenue.settlement_files.payable import payables
from revenue.settlement_files.writing import (
    file_bytes,
    files,
    send_file,
    withdraw_file,
    write_file,
)
from service.api.callers import KeeperCaller, LedgerCaller, MoneyCaller, OnPlatform
from service.api.moves import Party, Reason
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/settlement-files", route_class=IdempotentRoute, tags=["revenue"])
CONTENT_CHARACTERS_MAX = 3 << 20


class FileBody(Frozen):
    """Whose bank pays."""

    biller: Party


class ReturnBody(Frozen):
    """What the bank answered, as it came: pain.002 or our CSV."""

    form: Literal["pain.002", "csv"]
    content: str = Field(min_length=1, max_length=CONTENT_CHARACTERS_MAX)
    reason: Reason


class DetailsBody(Frozen):
    """Where a payee is paid; a biller's own account has the channel ``bank``."""

    payee: Party
    channel: Literal["treasury", "account", "tax", "bank"]
    holder: str = Field(min_length=1, max_length=200)
    account: str = Field(min_length=1, max_length=34)
    bank_code: str = Field(min_length=1, max_length=14)
    reason: Reason


@router.get("")
def get_files(_actor: LedgerCaller, platform: OnPlatform) -> dict[str, object]:
    """List the files with their states and digests."""
    with reading(platform.engine) as connection:
        return {"files": [one.as_json() for one in files(connection)]}


@router.get("/payables/{biller}")
def get_payables(biller: str, _actor: LedgerCaller, platform: OnPlatform) -> dict[str, object]:
    """List what a biller can pay now."""
    with reading(platform.engine) as connection:
        found = payables(connection, biller)
    return {"payables": [{"period": one.period, "line": one.line, "fen": one.fen} for one in found]}


@router.get("/{file_id}/{form}")
def get_file(
    file_id: str,
    form: Literal["csv", "pain.001"],
    _actor: LedgerCaller,
    platform: OnPlatform,
) -> Response:
    """Read a file's bytes, as they were digested."""
    with reading(platform.engine) as connection:
        data = file_bytes(connection, file_id, form)
    return Response(data, media_type="text/csv" if form == "csv" else "application/xml")


@router.post("", status_code=201)
def post_file(body: FileBody, actor: MoneyCaller, platform: OnPlatform) -> dict[str, object]:
    """Write a file of everything that a biller can pay now."""
    recorded = write_file(platform.writer, actor, body.biller)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/details", status_code=201)
def post_details(body: DetailsBody, actor: KeeperCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose where a payee is paid; another person approves the move."""
    details = Details(body.holder, body.account, body.bank_code)
    recorded = platform.money.propose_details(actor, body.payee, body.channel, details, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{file_id}/sending", status_code=201)
def post_sending(file_id: str, actor: KeeperCaller, platform: OnPlatform) -> dict[str, object]:
    """Let a file go to the bank, as another person than its writer."""
    recorded = send_file(platform.writer, actor, file_id)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{file_id}/withdrawal", status_code=201)
def post_withdrawal(file_id: str, actor: MoneyCaller, platform: OnPlatform) -> dict[str, object]:
    """Withdraw a file that nobody sent."""
    recorded = withdraw_file(platform.writer, actor, file_id)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{file_id}/returns", status_code=201)
def post_return(
    file_id: str, body: ReturnBody, actor: MoneyCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to take the bank's answer in; its bytes are read in a confined child."""
    recorded = platform.money.propose_return(
        actor, file_id, body.content.encode(), body.form, body.reason
    )
    return {**recorded.value.as_json(), "entry": recorded.index}
