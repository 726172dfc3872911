"""Pages of catalogue imports: fetch the template, submit a spreadsheet, read the report, confirm.

A spreadsheet that was submitted changes nothing; the report says what confirming it would do, row
by row, and gives back the rows that must be corrected.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from catalog.exchange import reports
from catalog.exchange.judging import TAKEN_STATES, RowState
from catalog.exchange.store import Import, StoredRow, imports_of, rows_of
from catalog.exchange.template import FILE_NAME, template_xlsx
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from policies.schema.exchange import ExchangeRules
from service import catalogue_node
from service.pages.blocks import (
    Badge,
    Block,
    Cell,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import CataloguerVisit, Visit
from service.pages.routes import PageRoute

HOME = "/pages/catalogue-imports"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)

VISITORS = (Role.PROVIDER, Role.STEWARD, Role.AUTHORITY)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IMPORTS_SHOWN, ROWS_SHOWN = 100, 200

UPLOAD = Form(
    fields=(
        Field(
            "file",
            Message("目录表格", "Spreadsheet"),
            kind="file",
            help=Message(
                "Excel 工作簿（.xlsx）或 CSV；表头可用模板的写法，也可用本单位惯用的写法。",
                "An Excel workbook (.xlsx) or CSV, with the template's headers or your own words.",
            ),
        ),
        Field(
            "sheet",
            Message("工作表名称", "Name of the sheet"),
            required=False,
            help=Message("不填则读取第一个可见的工作表。", "Empty: the first visible sheet."),
        ),
    ),
    title=Message("提交目录表格", "Submit a spreadsheet of the catalogue"),
    intro=Message(
        "提交后先逐行检查并出具报告，确认之前不改动目录。",
        "It is checked row by row first; nothing of the catalogue changes before you confirm.",
    ),
    button=Message("检查", "Check it"),
)
TAKING = Form(
    fields=(),
    title=Message("确认导入", "Confirm the import"),
    intro=Message(
        "合格的行成为目录草稿或变更草稿；须更正的行不导入。草稿仍须评估、审签和审核。",
        "Good rows become drafts of entries or of changes; refused rows are left out. Drafts still "
        "need their assessments, the head's sign-off and the review.",
    ),
    button=Message("确认导入合格的行", "Take the good rows"),
)
_STATES: Mapping[RowState, Message] = {
    RowState.NEW: Message("新建草稿", "new drafts"),
    RowState.CHANGED: Message("变更草稿", "proposed changes"),
    RowState.SAME: Message("与现有条目一致", "same as the catalogue"),
    RowState.REFUSED: Message("须更正", "to be corrected"),
}


@router.get("")
def get_imports(visit: CataloguerVisit) -> Response:
    """List the imports of one's department; the authority sees all."""
    return _listed(visit)


def _listed(visit: Visit) -> Response:
    provider = None if visit.has(Role.AUTHORITY) else visit.actor.organisation
    with reading(visit.platform.engine) as connection:
        found = imports_of(connection, provider, IMPORTS_SHOWN)
    return visit.page(
        Message("目录批量导入", "Import of the catalogue"),
        Links(
            [
                Link(Message("提交目录表格", "Submit a spreadsheet"), f"{HOME}/new", strong=True),
                Link(Message("下载导入模板", "Fetch the template"), f"{HOME}/template"),
            ]
        ),
        Rows(
            (
                Message("文件", "File"),
                Message("检查时间", "Checked"),
                Message("行数", "Rows"),
                Message("须更正", "To correct"),
                Message("状态", "State"),
            ),
            [_import_row(one) for one in found],
        ),
    )


@router.get("/template")
def get_template(visit: CataloguerVisit) -> Response:
    """Fetch the spreadsheet that bureaus fill in."""
    platform = visit.platform
    rules = platform.pack.rules(ExchangeRules)
    return _file(template_xlsx(rules, made_at_us=platform.clock.now_us()), FILE_NAME)


def _upload(visit: Visit, entered: Entered) -> str:
    assert entered.path is not None  # noqa: S101 - the form asks for it
    found, _ = catalogue_node.imports_of(visit.platform).judge(
        visit.actor,
        visit.actor.organisation,
        entered.path.read_bytes(),
        entered.file_name,
        entered["sheet"] or None,
    )
    return f"{HOME}/{found.id}"


def _take(visit: Visit, _entered: Entered) -> str:
    import_id = visit.request.path_params["import_id"]
    catalogue_node.imports_of(visit.platform).take(visit.actor, import_id)
    return f"{HOME}/{import_id}?done=1"


posting(router, "/new", UPLOAD, _upload, visitors=VISITORS)


@router.get("/{import_id}")
def get_import(import_id: str, visit: CataloguerVisit) -> Response:
    """Show what an import would do, or did, and each row that must be corrected."""
    return _shown(visit, import_id)


@router.get("/{import_id}/report")
def get_report(import_id: str, visit: CataloguerVisit) -> Response:
    """Fetch the whole report as a workbook."""
    found, rows = _rows(visit, import_id)
    return _file(reports.report_xlsx(found, rows), f"目录导入报告-{found.id}.xlsx")


@router.get("/{import_id}/refused")
def get_refused(import_id: str, visit: CataloguerVisit) -> Response:
    """Fetch the rows to correct as a workbook."""
    found, rows = _rows(visit, import_id, frozenset({RowState.REFUSED}))
    return _file(reports.refused_xlsx(found, rows), f"目录导入退回行-{found.id}.xlsx")


posting(router, "/{import_id}/taking", TAKING, _take, visitors=VISITORS)


def _shown(visit: Visit, import_id: str) -> Response:
    found, rows = _rows(visit, import_id, frozenset({RowState.REFUSED}))
    counts: Mapping[str, int] = found.about["counts"]
    blocks: list[Block] = [
        Facts(
            [
                (Message("文件", "File"), found.file_name),
                (Message("检查时间", "Checked"), shown_time(found.judged_us)),
                (Message("状态", "State"), _state(found)),
                *((_STATES[state], counts[str(state)]) for state in RowState),
            ]
        )
    ]
    ignored = "、".join(str(one["header"]) for one in found.about["ignored"])
    if ignored:
        blocks.append(
            Paragraph(
                Message(
                    f"以下列不属于目录字段，未采用：{ignored}。",
                    f"These columns are no fields of an entry and were left out: {ignored}.",
                ),
                "wait",
            )
        )
    blocks.append(Links(_ways_on(found, refused=bool(rows))))
    if found.taken is None and any(counts[str(state)] for state in TAKEN_STATES):
        blocks.append(Filled(TAKING, f"{HOME}/{found.id}/taking"))
    if rows:
        blocks += [
            Heading(Message("须更正的行", "Rows to be corrected")),
            Rows(_FAULT_COLUMNS, list(islice(_faults(visit, rows), ROWS_SHOWN))),
        ]
    return visit.page(Message("目录导入检查结果", "What the check of the import found"), *blocks)


_FAULT_COLUMNS = (
    Message("行", "Row"),
    Message("列", "Column"),
    Message("表头", "Header"),
    Message("问题", "Problem"),
    Message("更正办法", "How to correct it"),
)


def _faults(visit: Visit, rows: Sequence[StoredRow]) -> list[tuple[Cell, ...]]:
    return [
        (
            str(row.number),
            fault["column"] or "",
            fault["header"],
            _said(visit, fault["message"]),
            _said(visit, fault["way_out"]),
        )
        for row in rows[:ROWS_SHOWN]
        for fault in row.faults
    ]


def _said(visit: Visit, words: Mapping[str, Any]) -> str:
    return visit.say(Message(str(words["zh"]), str(words["en"])))


def _ways_on(found: Import, *, refused: bool) -> list[Link]:
    links = [Link(Message("下载完整报告", "Fetch the whole report"), f"{HOME}/{found.id}/report")]
    if refused:
        words = Message("下载须更正的行", "Fetch the rows to correct")
        links.append(Link(words, f"{HOME}/{found.id}/refused"))
    batches = found.taken.get("batches", ()) if found.taken else ()
    for number, name in enumerate(batches, start=1):
        words = Message(f"办理第{number}批", f"Go on with batch {number}")
        links.append(Link(words, f"/pages/catalogue-batches/{name}", strong=True))
    links.append(Link(Message("提交更正后的文件", "Submit a corrected file"), f"{HOME}/new"))
    return links


def _import_row(found: Import) -> tuple[Cell, ...]:
    return (
        Link(found.file_name, f"{HOME}/{found.id}"),
        shown_time(found.judged_us),
        int(found.about["rows"]),
        int(found.about["counts"][str(RowState.REFUSED)]),
        _state(found),
    )


def _state(found: Import) -> Badge:
    if found.taken is None:
        return Badge(Message("待确认", "To be confirmed"), "wait")
    return Badge(Message("已导入", "Taken"), "good")


def _rows(
    visit: Visit, import_id: str, states: frozenset[RowState] | None = None
) -> tuple[Import, list[StoredRow]]:
    found = catalogue_node.imports_of(visit.platform).of(visit.actor, import_id)
    with reading(visit.platform.engine) as connection:
        return found, list(rows_of(connection, import_id, states=states))


def _file(data: bytes, name: str) -> Response:
    return Response(
        data,
        media_type=XLSX,
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "x-content-type-options": "nosniff",
        },
    )
