"""Decides whether a data set's declaration holds together, before any row of it is read.

Every later promise rests on it: bounds for sums, public values for keys, a unit for people, a
mask for what may be shown. Each refusal names the column or group set and the way out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from catalog.datasets import (
    DAY_ZERO,
    BirthShown,
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    GroupSet,
    IdentifierFormat,
    IdentifierKind,
    Mask,
    MaskKind,
    RegionLevel,
)
from catalog.entries import invalid_form
from catalog.written import written_date
from foundation.errors import InvalidInput, Message

PUBLIC_VALUES_MAX = 10_000
GROUPS_MAX = 1_000_000
_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
_HIDING = frozenset(
    {
        MaskKind.REDACT,
        MaskKind.PARTIAL,
        MaskKind.PSEUDONYM,
        MaskKind.FORMAT,
        MaskKind.NULL,
    }
)
_REGIONAL = frozenset({IdentifierFormat.RESIDENT_ID, IdentifierFormat.CREDIT_CODE})
_DAYS = tuple((limit - DAY_ZERO).days for limit in (date.min, date.max))
_BUCKETED = _NUMBERS | {ColumnType.DATE}


def check_declaration(raw: Mapping[str, Any]) -> DatasetDeclaration:
    """Return the declaration, or raise InvalidInput for the first rule it breaks."""
    try:
        declaration = DatasetDeclaration.model_validate(raw)
    except ValidationError as error:
        raise invalid_form("declaration_field_invalid", error) from error
    _check_distinct(declaration)
    _check_subject(declaration)
    for place, column in enumerate(declaration.columns):
        for check in (_check_bounds, _check_mask, _check_exposure, _check_public_values):
            check(column, f"$.columns[{place}]")
    _check_units(declaration)
    _check_unique_keys(declaration)
    for place, group_set in enumerate(declaration.group_sets):
        _check_group_set(declaration, group_set, f"$.group_sets[{place}]")
    return declaration


def _check_distinct(declaration: DatasetDeclaration) -> None:
    _refuse_repeats([column.name for column in declaration.columns], "$.columns")
    _refuse_repeats([item.name for item in declaration.group_sets], "$.group_sets")
    _refuse_repeats(declaration.unit_columns, "$.unit_columns")
    _refuse_repeats(declaration.unique_keys, "$.unique_keys")


def _refuse_repeats(names: Sequence[str], field: str) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise _refused(
            "name_repeated",
            field,
            zh=f"名称“{repeated}”重复，请只保留一个。",
            en=f"The name {repeated!r} stands twice; keep one.",
        )


def _check_subject(declaration: DatasetDeclaration) -> None:
    if declaration.subject == "open":
        of_units = (declaration.unit_columns, declaration.group_sets, declaration.rows_per_unit_max)
        if declaration.population or any(of_units):
            raise _refused(
                "open_with_unit",
                "$.subject",
                zh="开放数据集不得声明总体、隐私单元或分组；如涉及个人或组织，请改 subject。",
                en="An open data set has no population, privacy unit or group set; if it is "
                "about people or organisations, change its subject.",
            )
        return
    if not declaration.population:
        raise _refused(
            "population_missing",
            "$.population",
            zh="涉及个人或组织的数据集必须指明其总体（population），隐私预算记在总体名下。",
            en="A data set about people or organisations must name its population: the privacy "
            "budget belongs to it.",
        )
    if not declaration.unit_columns:
        raise _refused(
            "unit_missing",
            "$.unit_columns",
            zh="涉及个人或组织的数据集必须指明隐私单元列（unit_columns）。",
            en="A data set about people or organisations must name its privacy unit columns.",
        )


def _check_bounds(column: Column, field: str) -> None:
    if (column.lower is None) != (column.upper is None):
        raise _refused(
            "bounds_incomplete",
            field,
            zh=f"列“{column.name}”只声明了一侧界限，请同时给出 lower 和 upper。",
            en=f"The column {column.name!r} has one bound; declare both lower and upper.",
        )
    if column.lower is None or column.upper is None:
        return
    bounded = column.type in _NUMBERS or (
        column.type is ColumnType.DATE and _DAYS[0] <= column.lower <= column.upper <= _DAYS[1]
    )
    if not bounded or column.lower >= column.upper:
        raise _refused(
            "bounds_invalid",
            field,
            zh=f"列“{column.name}”的界限无效：只有数值列和日期列（公元 1 至 9999 年）可设界限，"
            "且 lower 必须小于 upper。",
            en=f"The bounds of {column.name!r} are invalid: only numbers and dates (of the years "
            "1 to 9999) have bounds, and lower lies below upper.",
        )


def mask_fits(mask: Mask, kind: ColumnType) -> bool:
    """Tell whether a mask means something for a type of column; where not, it hides the value."""
    text = kind is ColumnType.TEXT
    fits: dict[MaskKind, bool] = {
        MaskKind.PARTIAL: text and bool(mask.keep_first or mask.keep_last),
        MaskKind.REDACT: text,
        MaskKind.GENERALISE: kind in _BUCKETED and mask.step > 0,
        MaskKind.REGION: _region_fits(mask, kind),
        MaskKind.BUCKET: kind in _NUMBERS and _edges_fit(mask),
        MaskKind.FORMAT: text and _format_fits(mask),
    }
    return fits.get(mask.kind, True)


def _region_fits(mask: Mask, kind: ColumnType) -> bool:
    if mask.hierarchy:
        values = [value for value, _ in mask.hierarchy]
        return kind is ColumnType.TEXT and mask.level is None and len(set(values)) == len(values)
    return kind in {ColumnType.TEXT, ColumnType.INTEGER} and mask.level is not None


def _edges_fit(mask: Mask) -> bool:
    rising = all(low < high for low, high in pairwise(mask.edges))
    named = len(mask.labels) == len(set(mask.labels)) == len(mask.edges) + 1
    return bool(mask.edges) and rising and named


def _format_fits(mask: Mask) -> bool:
    """Hold what a format keeps to what leaves a million others (NIST SP 800-38G Rev. 1)."""
    if mask.format is None:
        return False
    if mask.format not in _REGIONAL:
        return mask.level is None and mask.birth is BirthShown.NOTHING
    county_and_year = mask.level is RegionLevel.COUNTY and mask.birth is not BirthShown.NOTHING
    return mask.level is not None and not county_and_year


def _check_mask(column: Column, field: str) -> None:
    if not mask_fits(column.mask, column.type):
        raise _refused(
            "mask_unfit",
            f"{field}.mask",
            zh=f"列“{column.name}”的脱敏方式 {column.mask.kind} 与类型或参数不符：partial、redact、"
            "format 用于文本（partial 须给出保留位数，format 须给出 format，身份证与信用代码另须"
            "给出 level），generalise 用于数值或日期（须给出 step），region 用于区划代码"
            "（须给出 level 或 hierarchy），bucket 用于数值（edges 递增，labels 多一项）。",
            en=f"The mask {column.mask.kind} does not fit the column {column.name!r}: partial, "
            "redact and format are for text (partial says how much it keeps, format which format, "
            "and for resident and credit codes which level), generalise for numbers and dates "
            "(with a step), region for division codes (a level or a hierarchy), bucket for "
            "numbers (rising edges, one label more).",
        )


def _check_exposure(column: Column, field: str) -> None:
    if column.exposure is not Exposure.ROWS:
        if column.mask.kind is not MaskKind.NONE:
            raise _refused(
                "mask_unused",
                f"{field}.mask",
                zh=f"列“{column.name}”不会以行的形式给出，不应声明脱敏方式。",
                en=f"The column {column.name!r} is never given as rows; it needs no mask.",
            )
        return
    if column.grade is Grade.L4:
        raise _refused(
            "grade_forbids_rows",
            f"{field}.exposure",
            zh=f"列“{column.name}”为四级数据，不得按行提供，请改为 aggregate 或 never。",
            en=f"The column {column.name!r} is of grade L4 and never leaves as rows; declare "
            "aggregate or never.",
        )
    if column.identifier is IdentifierKind.DIRECT and column.mask.kind not in _HIDING:
        raise _refused(
            "identifier_unmasked",
            f"{field}.mask",
            zh=f"列“{column.name}”是直接标识符，按行提供时必须脱敏"
            "（redact、partial、pseudonym、format 或 null）。",
            en=f"The column {column.name!r} is a direct identifier: as rows it needs a mask "
            "(redact, partial, pseudonym, format or null).",
        )


def _check_public_values(column: Column, field: str) -> None:
    values = column.public_values
    if len(values) > PUBLIC_VALUES_MAX or len(set(values)) != len(values):
        raise _refused(
            "public_values_invalid",
            f"{field}.public_values",
            zh=f"列“{column.name}”的公开取值有重复或超过 {PUBLIC_VALUES_MAX} 个。",
            en=f"The public values of {column.name!r} repeat, or are over {PUBLIC_VALUES_MAX}.",
        )
    written = _WRITTEN[column.type]
    wrong = next((place for place, value in enumerate(values) if not written(value)), None)
    if wrong is not None:
        raise _refused(
            "public_values_invalid",
            f"{field}.public_values[{wrong}]",
            zh=f"列“{column.name}”的公开取值与其类型 {column.type} 的规范写法不符。",
            en=f"A public value of {column.name!r} is not written as its type {column.type} is.",
        )


def _is_integer_text(value: str) -> bool:
    return value.removeprefix("-").isdecimal() and value.isascii() and str(int(value)) == value


_WRITTEN: Mapping[ColumnType, Callable[[str], bool]] = {
    ColumnType.INTEGER: _is_integer_text,
    ColumnType.DECIMAL: lambda _value: False,
    ColumnType.TEXT: lambda value: "\0" not in value,
    ColumnType.DATE: lambda value: written_date(value) is not None,
    ColumnType.BOOLEAN: lambda value: value in {"true", "false"},
}


def _check_units(declaration: DatasetDeclaration) -> None:
    for name in declaration.unit_columns:
        column = _known(declaration, name, "$.unit_columns")
        shown = column.exposure is Exposure.ROWS and (
            declaration.subject == "person" or column.mask.kind is not MaskKind.PSEUDONYM
        )
        if column.nullable or shown or column.exposure is Exposure.AGGREGATE:
            raise _refused(
                "unit_column_invalid",
                "$.unit_columns",
                zh=f"隐私单元列“{name}”不得为空，且 exposure 应为 unit 或 never"
                "（组织数据可用 rows 加 pseudonym 脱敏）。",
                en=f"The unit column {name!r} may not be null, and is exposed as unit or never "
                "(about organisations: as rows under a pseudonym mask).",
            )
    for place, column in enumerate(declaration.columns):
        if column.exposure is Exposure.UNIT and column.name not in declaration.unit_columns:
            raise _refused(
                "unit_column_invalid",
                f"$.columns[{place}].exposure",
                zh=f"列“{column.name}”的 exposure 为 unit，却不在 unit_columns 中。",
                en=f"The column {column.name!r} is exposed as unit but is no unit column.",
            )


def _check_unique_keys(declaration: DatasetDeclaration) -> None:
    for name in declaration.unique_keys:
        column = _known(declaration, name, "$.unique_keys")
        if declaration.subject != "open" or column.exposure is not Exposure.ROWS:
            raise _refused(
                "unique_key_invalid",
                "$.unique_keys",
                zh=f"唯一键“{name}”无效：只有开放数据集中按行提供（rows）的列可声明为唯一键。",
                en=f"The unique key {name!r} is invalid: only columns of open data that are given "
                "as rows can be declared unique.",
            )


def _check_group_set(declaration: DatasetDeclaration, group_set: GroupSet, field: str) -> None:
    _refuse_repeats(group_set.keys, f"{field}.keys")
    _refuse_repeats(group_set.measures, f"{field}.measures")
    groups = 1
    for column in _grouped(declaration, group_set.keys, f"{field}.keys"):
        if not column.public_values or column.identifier is IdentifierKind.DIRECT:
            raise _refused(
                "key_not_public",
                f"{field}.keys",
                zh=f"分组键“{column.name}”必须声明公开取值（public_values），且不得是直接标识符。",
                en=f"The key {column.name!r} must declare its public values and may not be a "
                "direct identifier.",
            )
        groups *= len(column.public_values)
    for column in _grouped(declaration, group_set.measures, f"{field}.measures"):
        if column.lower is None:
            raise _refused(
                "measure_unbounded",
                f"{field}.measures",
                zh=f"汇总列“{column.name}”必须声明界限 lower 和 upper。",
                en=f"The measure {column.name!r} must declare its bounds lower and upper.",
            )
    if groups > GROUPS_MAX or group_set.groups_per_unit_max > groups:
        raise _refused(
            "group_set_size_invalid",
            field,
            zh=f"分组“{group_set.name}”共有 {groups} 组：不得超过 {GROUPS_MAX} 组，"
            "groups_per_unit_max 也不得多于组数。",
            en=f"The group set {group_set.name!r} has {groups} groups: at most {GROUPS_MAX}, and "
            "groups_per_unit_max no more than there are.",
        )


def _grouped(
    declaration: DatasetDeclaration, names: tuple[str, ...], field: str
) -> Iterator[Column]:
    for name in names:
        column = _known(declaration, name, field)
        if column.exposure not in {Exposure.ROWS, Exposure.AGGREGATE}:
            raise _refused(
                "column_not_exposed",
                field,
                zh=f"列“{name}”的 exposure 为 {column.exposure}，不能用于分组或汇总。",
                en=f"The column {name!r} is exposed as {column.exposure}: no key, no measure.",
            )
        yield column


def _known(declaration: DatasetDeclaration, name: str, field: str) -> Column:
    column = declaration.column(name)
    if column is None:
        raise _refused(
            "column_unknown",
            field,
            zh=f"声明中没有列“{name}”。",
            en=f"The declaration has no column {name!r}.",
        )
    return column


def _refused(code: str, field: str, *, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=field, rule="catalog/declarations")
