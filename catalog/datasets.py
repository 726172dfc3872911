"""What a data set is: its columns with class, grade and bounds, its privacy unit, its versions.

These are the declared facts that every later decision reads. A data set about persons or
organisations that may answer aggregates names its population, its privacy unit and the group
sets whose bounded rows are stored at onboarding.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
SYSTEM_PATTERN = r"^(|[a-z0-9][a-z0-9_.-]{0,62})$"
TABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}$"
ELEMENT_PATTERN = r"^[A-Z][A-Z0-9_-]{1,39}$"
BOUND_MAX = 2**40
Edge = Annotated[int, Field(ge=-BOUND_MAX, le=BOUND_MAX)]
CAP_MAX = 254  # stored ranks saturate at 255
DAY_ZERO = date(1970, 1, 1)
PUBLIC_ZONE = "public"  # 公共数据区: where everything stands that names no zone


class Frozen(BaseModel):
    """A value object: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnType(StrEnum):
    """How a column is stored. Decimals are integers of 10^-scale (I4: no float is summed)."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"


class Grade(StrEnum):
    """Grade of general data, levels 1 to 4 (GB/T 43697-2024, common four-level split)."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


class IdentifierKind(StrEnum):
    """What a column could do for re-identification (GB/T 37964-2019)."""

    DIRECT = "direct"
    QUASI = "quasi"
    SENSITIVE = "sensitive"
    NONE = "none"


class Exposure(StrEnum):
    """The most that any licence may be granted of a column."""

    ROWS = "rows"  # may stand in a governed extract, after its mask
    AGGREGATE = "aggregate"  # only inside a differentially private aggregate
    UNIT = "unit"  # names the privacy unit: counted, never shown
    NEVER = "never"  # stored for the source only


class MaskKind(StrEnum):
    """The masks; all are total functions (``disclosure.masking`` says what each discloses)."""

    NONE = "none"
    REDACT = "redact"
    PARTIAL = "partial"
    PSEUDONYM = "pseudonym"
    GENERALISE = "generalise"
    REGION = "region"
    BUCKET = "bucket"
    FORMAT = "format"
    NULL = "null"


class DateUnit(StrEnum):
    """The span that a date is lowered to the first day of; weeks begin on Monday (GB/T 7408)."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class RegionLevel(StrEnum):
    """How much of an administrative division code (GB/T 2260) stays: 2, 4 or 6 digits."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"


class IdentifierFormat(StrEnum):
    """Identifiers that a mask can replace by another one of the same form."""

    RESIDENT_ID = "resident_id"  # 居民身份证, GB 11643-1999
    MOBILE = "mobile"  # 手机号
    CREDIT_CODE = "credit_code"  # 统一社会信用代码, GB 32100-2015
    BANK_CARD = "bank_card"  # 银行卡, ISO/IEC 7812-1
    NUMBER_PLATE = "number_plate"  # 车牌, GA 36-2018


class BirthShown(StrEnum):
    """How much of a resident's date of birth a format-preserving mask keeps."""

    NOTHING = "nothing"
    YEAR = "year"


class Mask(Frozen):
    """One mask with its parameters.

    PARTIAL: ``keep_first``, ``keep_last``, and at least ``hidden_min`` characters behind the
    middle. GENERALISE: ``step`` (width in stored integer units, or so many ``unit`` of a date).
    REGION: ``level`` of a division code, or ``hierarchy`` as (value, shown) pairs. BUCKET:
    ``edges``, each the lowest value of its bucket, with one label more than edges. FORMAT:
    ``format``, the region ``level`` it keeps and the ``birth`` it keeps.
    """

    kind: MaskKind = MaskKind.NONE
    keep_first: int = Field(default=0, ge=0, le=64)
    keep_last: int = Field(default=0, ge=0, le=64)
    hidden_min: int = Field(default=0, ge=0, le=256)
    step: int = Field(default=0, ge=0, le=2**62)
    unit: DateUnit = DateUnit.YEAR
    level: RegionLevel | None = None
    hierarchy: tuple[tuple[str, str], ...] = Field(default=(), max_length=10_000)
    edges: tuple[Edge, ...] = Field(default=(), max_length=200)
    labels: tuple[str, ...] = Field(default=(), max_length=201)
    format: IdentifierFormat | None = None
    birth: BirthShown = BirthShown.NOTHING


class Column(Frozen):
    """One column as the source declares it.

    Bounds are in stored integer units: for a date, days since 1970-01-01, which a declaration may
    also write as an ISO date. Public values are coded; a value that is none of them counts as
    missing wherever aggregates read the column. ``element`` binds the column to a data element of
    the dictionary (数据元), by which its values are checked when a version is published.
    """

    name: Name
    type: ColumnType
    label_zh: str = Field(min_length=1, max_length=200)
    label_en: str = Field(min_length=1, max_length=200)
    grade: Grade
    identifier: IdentifierKind = IdentifierKind.NONE
    exposure: Exposure
    mask: Mask = Mask()
    nullable: bool = False
    scale: int = Field(default=0, ge=0, le=6)
    lower: int | None = Field(default=None, ge=-BOUND_MAX, le=BOUND_MAX)
    upper: int | None = Field(default=None, ge=-BOUND_MAX, le=BOUND_MAX)
    unit_of_measure: str = ""
    public_values: tuple[str, ...] = ()
    element: str | None = Field(default=None, pattern=ELEMENT_PATTERN)

    @model_validator(mode="before")
    @classmethod
    def _days_of_dates(cls, raw: Any) -> Any:
        """Turn the ISO bounds of a date column into days since 1970-01-01."""
        if not isinstance(raw, dict) or raw.get("type") != ColumnType.DATE:
            return raw
        days = {
            name: (date.fromisoformat(raw[name]) - DAY_ZERO).days
            for name in ("lower", "upper")
            if isinstance(raw.get(name), str)
        }
        return raw | days


class GroupSet(Frozen):
    """A declared set of public group keys whose contribution-bounded rows are stored.

    Each unit keeps at most ``groups_per_unit_max`` groups and ``rows_per_group_max`` rows in
    each; ``measures`` are the clamped columns that SUM and AVG may read there.
    """

    name: Name
    keys: tuple[Name, ...] = Field(min_length=1, max_length=4)
    groups_per_unit_max: int = Field(ge=1, le=CAP_MAX)
    rows_per_group_max: int = Field(ge=1, le=CAP_MAX)
    measures: tuple[Name, ...] = ()


class OriginKind(StrEnum):
    """How a department came by data (来源)."""

    OWN = "own"  # 履职自采
    PURCHASED = "purchased"  # 采购
    SHARED = "shared"  # 通过共享获得


class Origin(Frozen):
    """Where data come from. ``source`` is the organisation that shared them.

    PURCHASED names its contract and the use it permits. SHARED names its source, whose consent is
    needed before any licence may grant the data (发改数据规〔2025〕27号 art. 5).
    """

    kind: OriginKind = OriginKind.OWN
    contract_number: str = Field(default="", max_length=200)
    permitted_use: str = Field(default="", max_length=400)
    source: str = Field(default="", max_length=64)


class Ingestion(StrEnum):
    """归集方式: copied once a version, or read again from its system on command."""

    PHYSICAL = "physical"  # 物理归集
    LOGICAL = "logical"  # 逻辑接入


class Secrecy(StrEnum):
    """Data that this platform must not hold; each is refused with its rule (数据安全法 art. 53)."""

    NONE = "none"
    CORE = "core"  # 核心数据
    WORK_SECRET = "work_secret"  # noqa: S105 - 工作秘密, a class of data
    STATE_SECRET = "state_secret"  # noqa: S105 - 国家秘密, a class of data


class DatasetDeclaration(Frozen):
    """What the source department registers beneath a catalogue entry.

    ``rows_per_unit_max`` caps the rows of one unit where an answer is bounded by rows and not by
    a group set. ``unique_keys`` are columns of open data whose values stand once each, which the
    builder proves: protected rows may be joined to them. ``important`` marks important data
    (重要数据, 数据安全法 art. 21): asked only with the authority's approval of the case.
    ``system`` names the information system that the data come out of (系统关联数据) and
    ``system_table`` the one table or view of it, as ``schema.table``,
    ``derived_from`` the data sets they were made from, whose highest grade they take (就高从严),
    and ``region_column`` the column of division codes that downward delivery chooses rows by.
    """

    name: Name
    entry: str
    label_zh: str = Field(min_length=1, max_length=200)
    label_en: str = Field(min_length=1, max_length=200)
    subject: Literal["person", "organisation", "open"]
    population: str | None = None
    unit_columns: tuple[Name, ...] = ()
    columns: tuple[Column, ...] = Field(min_length=1, max_length=500)
    group_sets: tuple[GroupSet, ...] = ()
    rows_per_unit_max: int | None = Field(default=None, ge=1, le=CAP_MAX)
    unique_keys: tuple[Name, ...] = ()
    important: bool = False
    secrecy: Secrecy = Secrecy.NONE
    origin: Origin = Origin()
    system: str = Field(default="", pattern=SYSTEM_PATTERN)
    system_table: str | None = Field(default=None, pattern=TABLE_PATTERN)
    ingestion: Ingestion = Ingestion.PHYSICAL
    derived_from: tuple[Name, ...] = Field(default=(), max_length=50)
    region_column: Name | None = None

    def column(self, name: str) -> Column | None:
        """Return a column by name, or None."""
        return next((column for column in self.columns if column.name == name), None)


class Dataset(Frozen):
    """A registered data set: its declaration, who supplies it, and the zone it stands in for good.

    The zone is that of its catalogue entry when it was registered; it never changes after.
    """

    id: str
    provider: str
    declaration: DatasetDeclaration
    zone: str = PUBLIC_ZONE


class StoredFile(Frozen):
    """One file of a version: path below the version's directory, digest and role."""

    path: str
    sha256: str
    bytes: int
    role: Literal["rows", "bounded", "ranked", "units"]
    group_set: str | None = None


class Version(Frozen):
    """An immutable, salted, content-hashed version of a data set.

    ``row_count`` is exact and for the source and the authority only. ``manifest_digest`` names
    the version everywhere else.
    """

    id: str
    dataset: str
    number: int
    created_us: int
    manifest_digest: str
    row_count: int
    files: tuple[StoredFile, ...]
    zone: str = PUBLIC_ZONE
