"""Writes the pages and pictures that follow from code and rules; ``--check`` names stale ones."""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.routing import APIRoute

from audit.cases.files import CASE_TRANSITIONS, HOLD_TRANSITIONS
from audit.grammar import grammar
from audit.sentences import KIND_SENTENCES
from authorization.licences import TRANSITIONS as LICENCE_TRANSITIONS
from catalog.datasets import IdentifierFormat, Mask, MaskKind
from disclosure.masking.disclosed import discloses
from disclosure.release.states import RELEASE_TRANSITIONS
from docs.catalogue_pictures import catalogue_pictures
from docs.pictures import IMAGES, pictures
from docs.revenue_pictures import waterfall
from foundation.errors import Message
from foundation.settings import Settings
from policies.load import load_policies
from revenue.disputes.states import NEXT as DISPUTE_NEXT
from revenue.settlement_files.writing import NEXT as FILE_NEXT
from sandbox.lifecycle import TRANSITIONS as SESSION_TRANSITIONS
from sandbox.reviews import REVIEW_TRANSITIONS
from sandbox.unattended import RUN_TRANSITIONS
from service.api import callers, delegated, gateway
from service.app import IN_SESSION, ROUTERS
from service.pages import frame

REFERENCE = Path(__file__).parent / "reference"
HEAD = "<!-- written by ./dev docs; edit the code instead -->\n\n"

SETTING_SENTENCES: Mapping[str, Message] = {
    "home": Message(
        "状态目录：控制库、密钥、数据版本", "where the control store, keys and data lie"
    ),
    "mode": Message(
        "development 或 production；后者缺一项限制即拒绝启动",
        "development or production; production refuses to start where a limit is missing",
    ),
    "database_url": Message(
        "控制库地址；空则用状态目录中的 SQLite", "the control store; empty: SQLite in the home"
    ),
    "key_holder": Message(
        "密钥由谁保管：embedded（本进程，仅限开发）、process（自启的保管进程，serve 的默认值）"
        "或已运行的保管进程的套接字路径",
        "who has the keys: embedded (this process, development only), process (a key holder of "
        "our own, the default of serve), or the socket path of one that runs already",
    ),
    "data_cipher": Message(
        "保护数据密钥和非公开字段的算法：AES-256-GCM 或 SM4-GCM",
        "what data keys are wrapped and private texts sealed with: AES-256-GCM or SM4-GCM",
    ),
    "sm_profile": Message(
        "国密方案：检查点另加 SM2 签名，并另建 SM3 日志",
        "the Chinese profile: a second signature by SM2, and an SM3 log beside the first",
    ),
    "source_connections": Message(
        "来源数据库连接文件：部门数据库的逻辑接入由此读取；空则不接入",
        "a file of connections to departments' databases; empty: none is read",
    ),
    "jurisdiction": Message(
        "所在法域的规则包（policies/jurisdictions 中的名称）",
        "the jurisdiction whose rules apply: a name of policies/jurisdictions",
    ),
    "smtp_host": Message("发信服务器；空则不发邮件", "the mail server; empty: no e-mail is sent"),
    "smtp_port": Message("发信服务器端口", "the mail server's port"),
    "smtp_security": Message(
        "starttls、tls 或 none（仅限以地址写明的本机）",
        "starttls, tls, or none (this machine only, written as an address)",
    ),
    "smtp_sender": Message("发件人地址", "the address that mail is sent from"),
    "smtp_user": Message("发信账号；空则不登录", "the mail account; empty: no login"),
    "smtp_password_file": Message("发信密码所在文件", "a file with the mail account's password"),
    "smtp_authorities": Message(
        "发信服务器证书的颁发机构（PEM）；空则用本机信任的",
        "the authorities of the mail server's certificate (PEM); empty: this machine's",
    ),
    "webhook_hosts": Message(
        "可接收推送的主机，逗号分隔，可写 *.后缀；空则一律不推送",
        "hosts that webhooks may call, by commas, or *.suffix; empty: none",
    ),
    "webhook_inner_hosts": Message(
        "允许解析到内网地址的推送主机，逗号分隔",
        "hosts of webhooks that may have addresses of inner networks, by commas",
    ),
    "pkcs11_module": Message(
        "PKCS#11 模块路径；空则签名密钥为文件", "a PKCS#11 module; empty: signing keys are files"
    ),
    "pkcs11_token": Message("PKCS#11 令牌标签", "the label of the PKCS#11 token"),
    "pkcs11_pin_file": Message("含口令的文件", "a file that holds the token's PIN"),
    "authority_key": Message(
        "主管部门公钥（名称+指纹+公钥）或其文件；生产模式必填",
        "the authority's verifier key, or a file with it; production needs it",
    ),
    "aggregate_processors": Message(
        "专供差分隐私计算的处理器编号（如 1,3），会话不得使用；空则共用",
        "processors kept for private answers, and from sessions (such as 1,3); empty: all shared",
    ),
    "host": Message("监听地址", "address to listen on"),
    "login_issuers": Message(
        "认证源（OIDC）文件；生产模式必填", "file of OIDC issuers; production needs it"
    ),
    "public_url": Message(
        "浏览器访问平台的网址；生产模式须为 https",
        "the address that browsers reach the platform by; production needs https",
    ),
    "port": Message("监听端口", "port to listen on"),
    "language": Message("命令行与会话的语言：zh 或 en", "of command line and sessions: zh or en"),
    "log_origin": Message("日志的名称，写入检查点", "the log's name, written in each checkpoint"),
    "platform_host": Message(
        "平台页面的主机名；各会话用其子域名",
        "host name of the pages; sessions use names beneath it",
    ),
    "session_backend": Message(
        "会话的隔离方式：bubblewrap 或 gvisor", "what isolates sessions: bubblewrap or gvisor"
    ),
    "runsc": Message(
        "gVisor 的 runsc 路径；不设则自行查找", "path of gVisor's runsc; found if unset"
    ),
    "session_environment": Message("会话所用的 Python 环境", "the Python environment of sessions"),
    "bubblewrap": Message("bwrap 程序；空则自动寻找", "the bwrap program; empty: found by itself"),
    "founding": Message(
        "创始名单文件；新的正式部署首次启动时必需",
        "file of the founding ceremony; a new production deployment needs it at its first start",
    ),
    "policies": Message("规则文件目录；空则用自带规则", "directory of rule files; empty: our own"),
    "witnesses": Message(
        "见证方文件，每行 witness 名称 公钥 网址；空则没有见证方",
        "file of witnesses, a line each: witness NAME VKEY URL; empty: there are none",
    ),
    "witness_home": Message(
        "若见证方也在本机，其目录；生产模式下本服务必须读不到",
        "the witness's directory, where it lives on this host; production must not read it",
    ),
    "session_memory_bytes_max": Message("每个会话的内存上限", "memory of one session"),
    "session_pids_max": Message("每个会话的进程数上限", "processes of one session"),
    "session_home_bytes_max": Message("会话主目录的大小", "size of a session's home directory"),
    "session_idle_seconds_max": Message("会话闲置多久后结束", "an idle session ends after this"),
    "session_wall_seconds_max": Message("会话最长存续时间", "any session ends after this"),
    "session_files_max": Message("每个会话的文件数上限", "files of one session"),
    "session_processors_max": Message(
        "每个会话可用的处理器数", "processors that one session may use"
    ),
    "session_memory_budget_bytes": Message(
        "本机可供会话使用的内存总量；0 表示可用内存的四分之三",
        "the host's memory for sessions; 0: three quarters of what this service may use",
    ),
    "session_memory_committed_bytes": Message(
        "接纳时每个会话计入的内存；实际用量更多时按实际用量",
        "what a session counts for when another asks to open; more once it uses more",
    ),
    "session_slots_floor": Message("至少预热的沙箱数", "sandboxes kept warm at least"),
    "session_slots_ceiling": Message(
        "最多预热的沙箱数；0 表示不预热", "sandboxes kept warm at most; 0: none"
    ),
    "session_slot_seconds_max": Message(
        "未分配的沙箱保留多久", "a warm sandbox that nobody took is replaced after this"
    ),
    "session_preload": Message(
        "预热时先导入的模块", "modules that a warm kernel has imported already"
    ),
    "worker_memory_bytes_max": Message("每个引擎进程的内存上限", "memory of one engine worker"),
    "workers_resident_max": Message("常驻引擎进程数上限", "engine workers kept warm"),
}


def entry_kinds() -> str:
    """List every kind of log entry with its sentence."""
    lines = [
        "# Entry kinds · 日志条目种类",
        "",
        (
            "Public fields are hashed as they stand and travel with the log; of private fields it "
            "holds salted commitments. A question mark: may be missing. Kinds marked ● are changes "
            "of state that are refused in any other form. 公开字段随日志流转；"
            "非公开字段只留加盐承诺；问号表示可缺；标 ● 的种类，形式不符即拒绝。"
        ),
        "",
        "| kind | 中文 | English | public fields · 公开字段 | private fields · 非公开字段 |",
        "|---|---|---|---|---|",
    ]
    for kind, fields in grammar().items():
        sentence = KIND_SENTENCES[kind]
        public = ", ".join(f"`{name}` {wanted}" for name, wanted in fields.public.items())
        private = ", ".join(f"`{name}`" for name in sorted(fields.private))
        mark = " ●" if fields.enforced else ""
        lines.append(
            f"| `{kind.value}`{mark} | {sentence.zh} | {sentence.en} | {public} | {private} |"
        )
    return "\n".join(lines) + "\n"


def settings() -> str:
    """List every setting with its variable, default and meaning; one without a meaning fails."""
    lines = [
        "# Settings · 设置",
        "",
        (
            "Read once at start, from the environment. No setting can change noise, thresholds, "
            "masks or shares: those are rule files. 启动时从环境变量读取一次；"
            "噪声、阈值、脱敏与分成均由规则文件决定，任何设置都不能改变。"
        ),
        "",
        "| variable | default | 中文 | English |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        meaning = SETTING_SENTENCES[name]
        lines.append(f"| `SANDGATE_{name.upper()}` | {default} | {meaning.zh} | {meaning.en} |")
    return "\n".join(lines) + "\n"


def states() -> str:
    """Draw each state table as a diagram."""
    parts = ["# States · 状态"]
    licence = {(old, new): move for (old, move), new in LICENCE_TRANSITIONS.items()}
    session = {(old, new): kind.value for (old, new), kind in SESSION_TRANSITIONS.items()}
    review = {(old, new): kind.value for (old, new), kind in REVIEW_TRANSITIONS.items()}
    run = {(old, new): kind.value for (old, new), kind in RUN_TRANSITIONS.items()}
    release = {(old, new): move for (old, move), (new, _) in RELEASE_TRANSITIONS.items()}
    case = {(old, new): kind.value for (old, new), kind in CASE_TRANSITIONS.items()}
    hold = {(old, new): kind.value for (old, new), kind in HOLD_TRANSITIONS.items()}
    dispute = {(old, new): new for old, after in DISPUTE_NEXT.items() for new in after}
    file = {(old, new): new for old, after in FILE_NEXT.items() for new in after}
    for title, table in (
        ("Licence · 授权", licence),
        ("Session · 会话", session),
        ("Review of a notebook · 笔记本审查", review),
        ("Unattended run · 无人值守运行", run),
        ("Release · 出域", release),
        ("Case · 审计案件", case),
        ("Hold · 证据保全", hold),
        ("Dispute · 账务异议", dispute),
        ("Settlement file · 拨付文件", file),
    ):
        arrows = "\n".join(
            f"    {old} --> {new}: {_label(way)}" for (old, new), way in table.items()
        )
        parts.append(f"## {title}\n\n```mermaid\nstateDiagram-v2\n{arrows}\n```")
    return "\n\n".join(parts) + "\n"


def rules() -> str:
    """List every rule file with its digest."""
    pack = load_policies()
    lines = ["# Rule files · 规则文件", "", "| file | SHA-256 |", "|---|---|"]
    lines += [f"| `{path}` | `{digest}` |" for path, digest in sorted(pack.file_digests.items())]
    return "\n".join(lines) + "\n"


def masks() -> str:
    """Say of each mask what the holder of a column under it learns."""
    lines = ["# Masks · 脱敏方式", "", "| mask | 中文 | English |", "|---|---|---|"]
    plain = [Mask(kind=kind) for kind in MaskKind if kind is not MaskKind.FORMAT]
    formats = [Mask(kind=MaskKind.FORMAT, format=name) for name in IdentifierFormat]
    for mask in (*plain, *formats):
        sentence = discloses(mask)
        name = mask.kind if mask.format is None else f"{mask.kind} {mask.format}"
        lines.append(f"| `{name}` | {sentence.zh} | {sentence.en} |")
    return "\n".join(lines) + "\n"


def endpoints() -> str:
    """List every way in over HTTP with who may use it."""
    lines = [
        "# HTTP API · 接口",
        "",
        (
            "The running service gives the full contract at `/api/v1/openapi.json`. "
            "运行中的服务在 `/api/v1/openapi.json` 给出完整契约。"
        ),
        "",
        "| method | path | caller · 调用者 | what it does |",
        "|---|---|---|---|",
    ]
    lines += [_endpoint(route, prefix) for prefix, router in ROUTERS for route in _routes(router)]
    lines += _who_calls()
    lines += [
        "",
        "## Inside a session · 会话之内",
        "",
        (
            "On the session's own Unix socket; the socket is the identity. "
            "仅在会话自己的 Unix 套接字上；套接字即身份。"
        ),
        "",
        "| method | path | caller · 调用者 | what it does |",
        "|---|---|---|---|",
    ]
    lines += [_endpoint(route, "") for router in IN_SESSION for route in _routes(router)]
    return "\n".join(lines) + "\n"


def _who_calls() -> list[str]:
    """Say of each kind of caller which roles it needs one of."""
    lines = ["", "## Callers · 调用者", "", "| caller | one of · 具有其一 |", "|---|---|"]
    for name, kind in sorted(vars(callers).items()):
        if name.endswith("Caller") and name != "Caller":
            roles = callers.roles_of(_dependency(kind))
            shown = "、".join(f"{callers.ROLE_NAMES_ZH[role]} `{role}`" for role in roles)
            lines.append(f"| {name.removesuffix('Caller').lower()} | {shown or 'any'} |")
    powers = "an authority's person · 数据主管部门人员, by power lent · 依委托"
    lines += [f"| {word} | {powers} |" for word in ("officer", "activating", "suspending")]
    return [*lines, "| visitor | who signed in; the page says for which roles · 已登录者 |"]


def _routes(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


def _endpoint(route: APIRoute, prefix: str) -> str:
    sentence = (
        (inspect.getdoc(route.endpoint) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")
    )
    path = prefix + route.path
    methods = ", ".join(sorted(route.methods or ()))
    return f"| {methods} | `{path}` | {_caller(route)} | {sentence} |"


def _caller(route: APIRoute) -> str:
    known = {
        _dependency(getattr(module, name)): name.removesuffix("Caller").lower()
        for module in (callers, delegated)
        for name in vars(module)
        if name.endswith("Caller") and name != "Caller"
    }
    known[gateway.session_scope] = "session"
    known[gateway.any_session_scope] = "session, debug too"
    for parameter in inspect.signature(route.endpoint).parameters.values():
        asked = _dependency(parameter.annotation)
        if (name := known.get(asked)) is not None:
            return name
        if getattr(asked, "__module__", "") == frame.__name__:
            return "visitor"
    return "public"


def _dependency(annotation: object) -> object:
    found = [item for item in get_args(annotation) if isinstance(item, Depends)]
    return found[0].dependency if found else None


def _label(way: str) -> str:
    return str(way).rsplit(":", maxsplit=1)[-1]


PAGES = {
    "entry-kinds.md": entry_kinds,
    "settings.md": settings,
    "states.md": states,
    "rules.md": rules,
    "masks.md": masks,
    "api.md": endpoints,
}


def main(arguments: list[str]) -> int:
    """Write the pages and pictures, or with ``--check`` name those that are stale; return 1."""
    REFERENCE.mkdir(exist_ok=True)
    wanted = {REFERENCE / name: HEAD + page() for name, page in PAGES.items()}
    wanted |= {IMAGES / name: picture for name, picture in pictures().items()}
    wanted |= {IMAGES / name: picture for name, picture in catalogue_pictures().items()}
    wanted |= {
        IMAGES / "split-of-a-bill.en.svg": waterfall("en"),
        IMAGES / "split-of-a-bill.zh.svg": waterfall("zh"),
    }
    stale = []
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print("stale:", ", ".join(stale), "- run ./dev docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
