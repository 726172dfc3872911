"""The provider supplies what it agreed to: columns of a data set of that entry, and no more.

What was asked for bounds what is supplied. Columns that the source keeps to itself never leave; a
grade too high for files leaves through the metered interface only. A downward grant (下沉、回流)
gives a region the rows of its own division code.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.separation import check_natural_person, check_role
from authorization.sharing.parts import DECIDERS, SharingParts, published_entry
from authorization.sharing.states import (
    Granted,
    Share,
    ShareState,
    no_such_share,
    require_share,
)
from authorization.sharing.telling import move_and_tell
from catalog.datasets import Column, ColumnType, Dataset, Exposure
from catalog.entries import ShareMode
from catalog.matters.opening import conclude
from catalog.resources.consents import without_consent
from catalog.store import current_version, dataset_by_name, dataset_table
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor


class Supplying(SharingParts):
    """The provider's supply after its approval."""

    def supply(
        self,
        actor: Actor,
        share_id: str,
        dataset: str,
        columns: Sequence[str],
        region_column: str | None = None,
    ) -> Recorded[Share]:
        """Open delivery of columns of a data set. Raises Denied, InvalidInput, Conflict.

        ``region_column`` holds division codes, where the request is for one region's rows.
        """
        check_role(actor, *DECIDERS)
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.SHARE_SUPPLIED,
            actor,
            {
                "share": share_id,
                "dataset": dataset,
                "columns": list(columns),
                "policy_digest": self.policy_digest,
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = require_share(connection, share_id)
            if share.provider != actor.organisation or share.submitted_us is None:
                raise no_such_share()
            granted = self._granted(connection, share, dataset, columns, region_column)
            if share.state is ShareState.APPROVED:
                conclude(connection, entry, share.matter, "supplied")
            entry.amend(requester=share.requester, region=granted.region)
            return move_and_tell(
                connection,
                entry,
                share,
                ShareState.SUPPLIED,
                granted=granted.model_dump_json(),
                supplied_us=entry.time_us,
            )

        return self.writer.submit(event, apply)

    def _granted(
        self,
        connection: Connection,
        share: Share,
        name: str,
        columns: Sequence[str],
        region_column: str | None,
    ) -> Granted:
        dataset = _dataset_of(connection, share, name)
        form = share.form
        if form.dataset is not None and form.dataset != name:
            raise _beyond("$.dataset")
        if form.columns and not set(columns) <= set(form.columns):
            raise _beyond("$.columns")
        if not columns or len(set(columns)) != len(columns):
            raise _beyond("$.columns")
        for column in columns:
            self._check_column(dataset, column, form.mode)
        region_column = _region_column(dataset, form.region, region_column)
        return Granted(
            dataset=name,
            columns=tuple(columns),
            region_column=region_column,
            region=form.region,
        )

    def _check_column(self, dataset: Dataset, name: str, mode: ShareMode) -> None:
        column = dataset.declaration.column(name)
        if column is None:
            raise _unknown_column("$.columns")
        check_leaves(column, mode, self.rules.file_grade_max)


def _region_column(dataset: Dataset, region: str, named: str | None) -> str | None:
    """Return the column of division codes for a region's rows, as declared or as named."""
    if region and named is None:
        named = dataset.declaration.region_column
    if bool(region) != (named is not None):
        raise _region_wanted(wanted=bool(region))
    if named is not None:
        found = dataset.declaration.column(named)
        if found is None or found.type is not ColumnType.TEXT:
            raise _unknown_column("$.region_column")
    return named


def check_leaves(column: Column, mode: ShareMode, file_grade_max: str) -> None:
    """Refuse a column that never leaves, or not by this mode. Raises Denied."""
    if column.exposure is Exposure.NEVER:
        raise Denied(
            "share_column_kept",
            Message(
                f"字段“{column.name}”仅供数源部门自用，不对外提供。",
                f"The column {column.name!r} is kept for the source only.",
            ),
            field="$.columns",
            rule="exposure",
        )
    if mode is not ShareMode.SERVICE and str(column.grade) > file_grade_max:
        raise Denied(
            "share_grade_needs_interface",
            Message(
                f"字段“{column.name}”为 {column.grade} 级，不得以文件或批量方式提供。",
                f"The column {column.name!r} is of grade {column.grade}: no file or batch has it.",
            ),
            field="$.columns",
            rule="policies/sharing",
            way_out=Message("请改用服务接口方式共享。", "Share it through the interface instead."),
        )


def _dataset_of(connection: Connection, share: Share, name: str) -> Dataset:
    dataset = dataset_by_name(connection, name)
    found = published_entry(connection, share.entry)
    beneath = select(dataset_table.c.entry_id).where(dataset_table.c.name == name)
    if (
        dataset is None
        or dataset.provider != share.provider
        or connection.execute(beneath).scalar() != found.id
    ):
        raise NotFound(
            "dataset_unknown",
            Message(
                "该目录条目下没有本单位的这一数据集。",
                "There is no such data set of yours beneath this entry.",
            ),
            field="$.dataset",
        )
    if name in without_consent(connection):
        raise not_ours_to_share()
    if current_version(connection, dataset.id) is None:
        raise Conflict(
            "dataset_empty",
            Message("该数据集尚无数据版本。", "The data set has no version yet."),
            field="$.dataset",
            way_out=Message("请先提交数据。", "Publish a version first."),
        )
    return dataset


def not_ours_to_share() -> Denied:
    """Say that shared data do not go on without their source's consent."""
    return Denied(
        "share_source_consent_missing",
        Message(
            "该数据由共享获得，未附数源部门的书面同意，不得再提供给其他部门。",
            "These data were obtained by sharing: without their source's consent, none go on.",
        ),
        field="$.dataset",
        rule="政务数据共享条例",
        way_out=Message(
            "请附数源部门的同意，或请申请单位直接向数源部门申请。",
            "Attach the source's consent, or have the requester ask the source itself.",
        ),
    )


def _beyond(field: str) -> Denied:
    return Denied(
        "share_beyond_request",
        Message(
            "供给内容不得为空、重复，或超出申请的范围。",
            "What is supplied is not empty, names nothing twice, and stays within the request.",
        ),
        field=field,
        rule="政务数据共享条例 第二十条",
    )


def _unknown_column(field: str) -> InvalidInput:
    return InvalidInput(
        "column_unknown",
        Message("该数据集没有所列字段。", "The data set has no such column."),
        field=field,
    )


def _region_wanted(*, wanted: bool) -> InvalidInput:
    return InvalidInput(
        "share_region_column",
        Message(
            "按区域下沉须指明区划代码所在字段。"
            if wanted
            else "该申请不按区域下沉，不需区划字段。",
            "A downward grant names the column of division codes."
            if wanted
            else "This request is for no region: name no column of division codes.",
        ),
        field="$.region_column",
        rule="回流属性",
    )
