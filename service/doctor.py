"""What ``sandgate doctor`` says of an installation beside its host: who guards log, keys and terms.

Each line tells whether a part stands, and never what is in it. Nothing is started or changed, and a
part that cannot be read is named as not standing.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from audit.cosigned import best_cosigned_size
from audit.retention.due import due_list
from foundation.clock import SystemClock
from foundation.db import open_engine, reading
from foundation.errors import Message, SandgateError
from foundation.settings import Settings
from policies.load import load_policies
from policies.schema.witness import WitnessRules
from service.key_opening import EMBEDDED, HOLDER, PROCESS
from service.login.configuration import IssuerConfiguration, read_issuers
from service.login.provider import Provider
from service.retention import classes_of
from service.witnessing import read_peers

STORE_FILE = "control.db"


@dataclass(frozen=True)
class Part:
    """One part of an installation: whether it stands, and how."""

    name: str
    title: Message
    stands: bool
    how: Message

    def as_json(self) -> dict[str, object]:
        """Return the part for machines."""
        return {
            "name": self.name,
            "title": {"zh": self.title.zh, "en": self.title.en},
            "stands": self.stands,
            "how": {"zh": self.how.zh, "en": self.how.en},
        }

    def as_text(self, language: str) -> str:
        """Return the part as a line for people."""
        mark = "✓" if self.stands else "–"
        return f"{mark} {self.title.in_language(language)}: {self.how.in_language(language)}"


def parts_of(settings: Settings) -> tuple[Part, ...]:
    """Look at witnesses, key holder, ciphers, terms and issuers of logins of an installation."""
    return (
        _witnesses(settings),
        _holder(settings),
        _ciphers(settings),
        _retention(settings),
        _logins(settings),
    )


def _witnesses(settings: Settings) -> Part:
    title = Message("见证方", "Witnesses")
    if settings.witnesses is None:
        none = Message(
            "没有见证方：平台自己重建的日志，只有监管部门留存的检查点可以发现",
            "none: only a checkpoint that the regulator kept shows a log rebuilt by the platform",
        )
        return Part("witnesses", title, stands=False, how=none)
    try:
        names = [peer.name for peer in read_peers(settings.witnesses)]
        required = load_policies(settings.policies).rules(WitnessRules)
    except SandgateError as error:
        return Part("witnesses", title, stands=False, how=error.message)
    asked = required.witnesses_required
    size = _cosigned_size(settings)
    how = Message(
        f"{'、'.join(names)}；规则要求 {asked} 个；已联署至 {size} 条",
        f"{', '.join(names)}; the rules ask for {asked}; cosigned up to {size} entries",
    )
    return Part("witnesses", title, stands=bool(names), how=how)


def _cosigned_size(settings: Settings) -> int:
    if not _has_store(settings):
        return 0
    try:
        with reading(open_engine(settings.control_store_url)) as connection:
            return best_cosigned_size(connection, 0) or 0
    except SQLAlchemyError:
        return 0


def _holder(settings: Settings) -> Part:
    title = Message("密钥保管", "Key holder")
    holding = settings.key_holder or PROCESS  # what `serve` takes where nothing is set
    if holding == EMBEDDED:
        how = Message("服务自己的进程（仅限开发）", "the service's own process (development only)")
    elif holding == PROCESS:
        started = (settings.home / HOLDER).exists()
        how = Message(
            "由服务启动的单独进程" + ("" if started else "（尚未启动过）"),
            "a process of its own, started by the service" + ("" if started else " (not yet)"),
        )
    else:
        there = Path(holding).is_socket()
        how = Message(
            "已运行的保管进程" if there else "所设的套接字不存在",
            "a holder that runs already" if there else "there is no socket where it was set",
        )
        return Part("key_holder", title, stands=there, how=how)
    return Part("key_holder", title, stands=holding != EMBEDDED, how=how)


def _ciphers(settings: Settings) -> Part:
    signing = "Ed25519 + SM2/SM3" if settings.sm_profile else "Ed25519"
    token = settings.pkcs11_module is not None
    how = Message(
        f"数据密钥与非公开字段 {settings.data_cipher}；签名 {signing}；"
        f"签名密钥存于{'PKCS#11 设备' if token else '文件'}",
        f"data keys and private fields {settings.data_cipher}; signatures {signing}; signing keys "
        f"in {'a PKCS#11 token' if token else 'files'}",
    )
    return Part("ciphers", Message("密码算法", "Ciphers"), stands=True, how=how)


def _retention(settings: Settings) -> Part:
    title = Message("留存期限", "Retention")
    if not _has_store(settings):
        how = Message("尚无控制库", "there is no control store yet")
        return Part("retention", title, stands=True, how=how)
    try:
        classes = classes_of(load_policies(settings.policies))
        with reading(open_engine(settings.control_store_url)) as connection:
            found = due_list(connection, classes, SystemClock().now_us())
    except (SandgateError, SQLAlchemyError):
        how = Message("控制库无法读取", "the control store cannot be read")
        return Part("retention", title, stands=False, how=how)
    due, held, overdue = (
        sum(getattr(item, name) for item in found) for name in ("due", "held", "overdue")
    )
    how = Message(
        f"到期 {due} 项，其中 {held} 项被保全；逾期未清理 {overdue} 项",
        f"{due} fields past their term, {held} of them held; {overdue} overdue",
    )
    return Part("retention", title, stands=overdue == 0, how=how)


def _logins(settings: Settings) -> Part:
    """Tell who vouches for people, and whether each issuer answers now."""
    title = Message("登录", "Logins")
    try:
        issuers = read_issuers(settings)
    except SandgateError as error:
        return Part("logins", title, stands=False, how=error.message)
    if not issuers:
        how = Message(
            "内置开发令牌（仅限开发）：生产须设 SANDGATE_LOGIN_ISSUERS",
            "the built-in development issuer (development only): set SANDGATE_LOGIN_ISSUERS",
        )
        return Part("logins", title, stands=False, how=how)
    silent = [item.issuer for item in issuers if not _answers(item)]
    names = ", ".join(item.issuer for item in issuers)
    how = Message(
        names + (f"；无应答：{'、'.join(silent)}" if silent else ""),
        names + (f"; no answer from {', '.join(silent)}" if silent else ""),
    )
    return Part("logins", title, stands=not silent, how=how)


def _answers(issuer: IssuerConfiguration) -> bool:
    try:
        Provider(issuer, SystemClock()).metadata()
    except SandgateError:
        return False
    return True


def _has_store(settings: Settings) -> bool:
    return bool(settings.database_url) or (settings.home / STORE_FILE).exists()
