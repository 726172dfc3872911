"""The only reader of rule files: a directory in, one typed and digested pack out, or a refusal.

Unknown sections, files and keys are refused, as is a missing section, so that no rule is lost to
a misspelling (I3). The pack's digest stands in every log entry that a rule decided (I12).
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, TypeVar

from pydantic import ValidationError

from foundation.canonical import digest, sha256_hex
from foundation.errors import InvalidInput, Message
from policies.schema import RuleFile
from policies.schema.access import AccessRules
from policies.schema.accounts import AccountRules
from policies.schema.alerts import AlertRules
from policies.schema.calendars import CalendarRules
from policies.schema.catalog import CatalogRules
from policies.schema.checks import CheckRules
from policies.schema.contents import ContentRules
from policies.schema.controls import ControlRules
from policies.schema.daily import DailyRules
from policies.schema.deadlines import DeadlineRules
from policies.schema.disclosure import DisclosureRules
from policies.schema.exchange import ExchangeRules
from policies.schema.figures import FigureRules
from policies.schema.gate import GateRules
from policies.schema.history import HistoryRules
from policies.schema.jurisdictions import JurisdictionRules
from policies.schema.licences import LicenceRules
from policies.schema.login import LoginRules
from policies.schema.masks import MaskRules
from policies.schema.notices import NoticeRules
from policies.schema.privacy import PrivacyRules
from policies.schema.quality import QualityRules
from policies.schema.retention import RetentionRules
from policies.schema.revenue import RevenueRules
from policies.schema.roles import RoleRules
from policies.schema.screen import ScreenRules
from policies.schema.sessions import SessionRules
from policies.schema.sharing import SharingRules
from policies.schema.standards import StandardRules
from policies.schema.tables import TableRules
from policies.schema.twins import TwinRules
from policies.schema.verification import VerificationRules
from policies.schema.witness import WitnessRules
from policies.schema.zones import ZoneRules

R = TypeVar("R", bound=RuleFile)

SECTIONS: Mapping[str, type[RuleFile]] = MappingProxyType(
    {
        "access": AccessRules,
        "accounts": AccountRules,
        "alerts": AlertRules,
        "calendars": CalendarRules,
        "catalog": CatalogRules,
        "checks": CheckRules,
        "contents": ContentRules,
        "controls": ControlRules,
        "daily": DailyRules,
        "deadlines": DeadlineRules,
        "disclosure": DisclosureRules,
        "exchange": ExchangeRules,
        "figures": FigureRules,
        "gate": GateRules,
        "history": HistoryRules,
        "jurisdictions": JurisdictionRules,
        "licences": LicenceRules,
        "login": LoginRules,
        "masks": MaskRules,
        "notices": NoticeRules,
        "privacy": PrivacyRules,
        "quality": QualityRules,
        "retention": RetentionRules,
        "revenue": RevenueRules,
        "roles": RoleRules,
        "sessions": SessionRules,
        "sharing": SharingRules,
        "standards": StandardRules,
        "tables": TableRules,
        "screen": ScreenRules,
        "twins": TwinRules,
        "verification": VerificationRules,
        "witness": WitnessRules,
        "zones": ZoneRules,
    }
)
"""Directory name to the class of its files: one line adds a section."""

ACCESS_MODEL = "access/model.conf"
_PLAIN_FILES = frozenset({ACCESS_MODEL})
_NOT_SECTIONS = frozenset({"schema", "__pycache__"})
_PACKAGE_FILES = frozenset({"__init__.py", "effective.py", "load.py", "py.typed"})


@dataclass(frozen=True)
class PolicyPack:
    """All rules in force, as typed values, with the digest of the bytes they came from.

    ``files`` maps ``section/name`` to its rules; ``file_digests`` maps each path to its SHA-256,
    and ``sources`` to its bytes, for an evidence bundle.
    """

    digest: str
    file_digests: Mapping[str, str]
    files: Mapping[str, RuleFile]
    access_model: str
    sources: Mapping[str, bytes]

    def rules(self, schema: type[R], name: str | None = None) -> R:
        """Return the rules of one section, chosen by its class.

        A section of several files (one a jurisdiction) needs ``name``, the file's name without
        its ending. Raises InvalidInput where there is no such file, or more than one.
        """
        found = self.every(schema)
        if name is not None and name in found:
            return found[name]
        if name is None and len(found) == 1:
            return next(iter(found.values()))
        raise _refusal(
            "policy_rules_unknown",
            schema.__name__,
            zh=f"规则包中没有（或不止一份）“{name or schema.__name__}”规则，请指明规则文件名。",
            en=f"The pack has no rules {name or schema.__name__!r}, or more than one: name a file.",
        )

    def every(self, schema: type[R]) -> dict[str, R]:
        """Return all files of one section, by name."""
        return {
            path.partition("/")[2]: rules
            for path, rules in self.files.items()
            if isinstance(rules, schema)
        }


def load_policies(directory: Path | None = None) -> PolicyPack:
    """Read the packaged rules, or those of a directory of the same shape."""
    packaged = directory is None
    root: Traversable = files("policies") if directory is None else directory
    contents = dict(sorted(_read(root, packaged=packaged)))
    rules = {
        path.removesuffix(".toml"): _parse(path, data)
        for path, data in contents.items()
        if path not in _PLAIN_FILES
    }
    _check_complete(contents)
    return PolicyPack(
        digest=_pack_digest(contents),
        file_digests=MappingProxyType(
            {path: f"sha256:{sha256_hex(data)}" for path, data in contents.items()}
        ),
        files=MappingProxyType(rules),
        access_model=contents[ACCESS_MODEL].decode(),
        sources=MappingProxyType(contents),
    )


def _pack_digest(contents: Mapping[str, bytes]) -> str:
    return digest({path: hashlib.sha256(data).hexdigest() for path, data in contents.items()})


def _read(root: Traversable, *, packaged: bool) -> Iterator[tuple[str, bytes]]:
    if not root.is_dir():
        raise _refusal(
            "policy_directory_missing",
            root.name,
            zh="规则目录不存在。",
            en="There is no such policy directory.",
        )
    for item in root.iterdir():
        if item.is_dir():
            yield from _read_section(item)
        elif not packaged or item.name not in _PACKAGE_FILES:
            raise _unknown_file(item.name)


def _read_section(section: Traversable) -> Iterator[tuple[str, bytes]]:
    if section.name in _NOT_SECTIONS:
        return
    for item in section.iterdir():
        path = f"{section.name}/{item.name}"
        known = section.name in SECTIONS and item.name.endswith(".toml")
        if not item.is_file() or not (known or path in _PLAIN_FILES):
            raise _unknown_file(path)
        yield path, item.read_bytes()


def _check_complete(contents: Mapping[str, bytes]) -> None:
    present = {path.partition("/")[0] for path in contents if path.endswith(".toml")}
    missing = sorted(set(SECTIONS) - present)
    if ACCESS_MODEL not in contents:
        missing.append(ACCESS_MODEL)
    if missing:
        raise _refusal(
            "policy_section_missing",
            missing[0],
            zh=f"规则包缺少：{'、'.join(missing)}。",
            en=f"The policy pack lacks: {', '.join(missing)}.",
        )


def _parse(path: str, data: bytes) -> RuleFile:
    try:
        table = tomllib.loads(data.decode(), parse_float=_refuse_float)
    except _FloatFound as error:
        raise _refusal(
            "policy_file_float",
            path,
            zh=f"规则文件 {path} 含有小数；请改用整数单位（如分、百万分比、nano-ρ）。",
            en=f"The rule file {path} holds a decimal number; write it in integer units.",
        ) from error
    except ValueError as error:
        raise _refusal(
            "policy_file_unreadable",
            path,
            zh=f"规则文件 {path} 不是有效的 UTF-8 TOML 文件。",
            en=f"The rule file {path} is not valid UTF-8 TOML.",
        ) from error
    return _validate(path, table)


def _validate(path: str, table: Mapping[str, object]) -> RuleFile:
    try:
        return SECTIONS[path.partition("/")[0]].model_validate(table)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise _refusal(
            "policy_file_invalid",
            f"{path}:{place}",
            zh=f"规则文件 {path} 的字段 {place} 不符合要求（{first['type']}）。",
            en=f"In the rule file {path}, the field {place} is not acceptable ({first['type']}).",
        ) from error


class _FloatFound(Exception):
    """A decimal number stood in a rule file."""


def _refuse_float(_text: str) -> NoReturn:
    raise _FloatFound


def _unknown_file(path: str) -> InvalidInput:
    return _refusal(
        "policy_file_unknown",
        path,
        zh=f"规则目录中有未知文件：{path}。请移走它，或登记其所属的规则类别。",
        en=f"The policy directory holds an unknown file: {path}. Remove it, or add its section.",
    )


def _refusal(code: str, field: str, *, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=field, rule="policies/load.py")
