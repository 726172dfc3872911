"""Whether a data set's origin and class may stand at all, before it is registered.

Core data, work secrets and state secrets are refused with the document that says so; purchased data
name their contract and permitted use, shared data their source.
"""

import json

from sqlalchemy import Connection, insert

from audit.events import PendingEntry
from catalog.datasets import Dataset, DatasetDeclaration, OriginKind, Secrecy
from catalog.resources.store import resource
from foundation.errors import InvalidInput, Message, SandgateError
from policies.schema.zones import ZoneRules


def check_origin(declaration: DatasetDeclaration, rules: ZoneRules) -> None:
    """Raise InvalidInput where an origin lacks what its kind asks for, or the class is refused."""
    if declaration.secrecy is not Secrecy.NONE:
        raise _refused_class(declaration.secrecy, rules)
    origin = declaration.origin
    wanted = {
        OriginKind.OWN: (),
        OriginKind.PURCHASED: ("contract_number", "permitted_use"),
        OriginKind.SHARED: ("source",),
    }[origin.kind]
    for field in ("contract_number", "permitted_use", "source"):
        told = bool(getattr(origin, field).strip())
        if field in wanted and not told:
            raise _field(field, "origin_incomplete", "须填写", "must be given")
        if field not in wanted and told:
            raise _field(field, "origin_contradicted", "不适用", "does not apply")
    column = declaration.region_column
    if column is not None and declaration.column(column) is None:
        raise InvalidInput(
            "region_column_unknown",
            Message("区划列不在数据集中。", "The region column is not one of the columns."),
            field="$.region_column",
        )


def record_origin(connection: Connection, entry: PendingEntry, dataset: Dataset) -> None:
    """Store where a data set came from, inside the effect that registers it."""
    declaration = dataset.declaration
    if declaration.origin.source == dataset.provider:
        raise _field("source", "origin_own_source", "不得是本单位", "is the department itself")
    connection.execute(
        insert(resource).values(
            dataset_id=dataset.id,
            dataset=declaration.name,
            origin=str(declaration.origin.kind),
            source=declaration.origin.source,
            derived_from=json.dumps(sorted(declaration.derived_from)),
            created_us=entry.time_us,
        )
    )


def _refused_class(secrecy: Secrecy, rules: ZoneRules) -> SandgateError:
    words = {
        Secrecy.CORE: ("核心数据", "Core data"),
        Secrecy.WORK_SECRET: ("工作秘密", "Work secrets"),
        Secrecy.STATE_SECRET: ("国家秘密", "State secrets"),
    }
    zh, en = words[secrecy]
    return InvalidInput(
        "class_refused",
        Message(f"{zh}不得进入本平台。", f"{en} are not held on this platform."),
        field="$.secrecy",
        rule=rules.refusal_of(str(secrecy)),
        way_out=Message(
            "请按保密和核心数据管理规定另行办理。",
            "Handle them under the rules for secrets and core data, apart from this platform.",
        ),
    )


def _field(field: str, code: str, zh: str, en: str) -> InvalidInput:
    names = {"contract_number": "合同编号", "permitted_use": "许可用途", "source": "来源部门"}
    return InvalidInput(
        code,
        Message(f"数据来源的{names[field]}{zh}。", f"The origin's {field} {en}."),
        field=f"$.origin.{field}",
    )
