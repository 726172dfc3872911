"""The evidence pack for a cryptography assessment (密评, GB/T 39786-2021): what is used, and where.

Algorithms with their standards, every key by name and never its material, each key's making,
turning over and end as log entries, and self-tests; in both languages, as Markdown and JSON.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from audit.keyholder.journal import read_journal
from audit.reading import current_checkpoint, read_entries
from audit.tags import EntryKind
from foundation.clock import to_iso
from foundation.errors import Message
from foundation.keys import KeyRecord
from foundation.keys.self_test import self_tests
from foundation.settings import Settings
from service.key_opening import HOLDER

FORMAT = "sandgate/key-evidence@1"
PAGE = 1_000
_ABOUT_KEYS = (
    EntryKind.KEYS_REQUESTED,
    EntryKind.KEY_ROTATED,
    EntryKind.KEYS_REWRAPPED,
    EntryKind.EXTRACT_BUILT,
    EntryKind.EXTRACT_DESTROYED,
)
# algorithm, standard, where it is used (zh, en), which module
USES = (
    (
        "Ed25519",
        "RFC 8032",
        "日志检查点、授权、出域证书的签名",
        "checkpoints, licences, certificates",
    ),
    (
        "SM2 + SM3",
        "GB/T 32918, GB/T 32905",
        "检查点的第二签名（国密方案）",
        "second line of checkpoints",
    ),
    ("SHA-256", "FIPS 180-4, RFC 6962", "日志哈希树与摘要", "the log's tree, digests"),
    (
        "AES-256-GCM",
        "NIST SP 800-38D",
        "数据密钥的保护、非公开字段、授权副本",
        "key wrapping, private fields, extracts",
    ),
    (
        "SM4-GCM",
        "GB/T 32907, RFC 8998",
        "数据密钥的保护、非公开字段（国密方案）",
        "key wrapping, private fields (Chinese profile)",
    ),
    ("HMAC-SHA-256", "RFC 2104", "假名、核验摘要", "pseudonyms, digests of claims"),
    ("TLS", "RFC 8446", "由部署的反向代理终止", "ended by the deployment's reverse proxy"),
)
LIMITS = (
    Message(
        "授权副本为 Parquet 模块化加密，该格式只支持 AES-GCM，不支持 SM4；"
        "其密钥可用 SM4-GCM 保护。",
        "Extracts use Parquet modular encryption, which knows AES-GCM alone; their keys may be "
        "wrapped with SM4-GCM.",
    ),
    Message(
        "SM2 私钥存于文件（由密钥保管进程独占），所测试的 PKCS#11 设备不支持 SM2。",
        "SM2 keys are files of the key holder's: the token tested makes none.",
    ),
    Message(
        "所用密码模块（OpenSSL、cryptography）未经商用密码产品认证；"
        "需认证产品时请接入已认证的 PKCS#11 设备。",
        "The modules in use (OpenSSL, cryptography) hold no certificate as commercial cryptography "
        "products; where one is required, a certified PKCS#11 device takes their place.",
    ),
)


def key_evidence(
    settings: Settings, inventory: Sequence[KeyRecord], connection: Connection
) -> dict[str, Any]:
    """Gather the pack: nothing in it is key material or data."""
    journal = settings.home / HOLDER / "journal.jsonl"
    counted = Counter(str(line["what"]) for line in read_journal(journal))
    return {
        "format": FORMAT,
        "checkpoint": current_checkpoint(connection),
        "settings": {
            "mode": settings.mode.value,
            "key_holder": "embedded" if not journal.exists() else "process",
            "data_cipher": settings.data_cipher,
            "sm_profile": settings.sm_profile,
            "pkcs11": settings.pkcs11_module is not None,
        },
        "algorithms": [
            {"algorithm": name, "standard": standard, "use_zh": zh, "use_en": en}
            for name, standard, zh, en in USES
        ],
        "self_tests": [asdict(test) for test in self_tests()],
        "keys": [asdict(record) for record in inventory],
        "journal": dict(sorted(counted.items())),
        "entries": list(_entries(connection)),
        "limits": [asdict(limit) for limit in LIMITS],
    }


def as_markdown(pack: Mapping[str, Any]) -> str:
    """Return the pack for people, both languages side by side."""
    passed = {True: "通过 passed", False: "未通过 failed"}
    parts = [
        "# 密码应用安全性评估证据 / Evidence of the use of cryptography\n",
        f"日志检查点 / checkpoint of the log:\n\n```\n{pack['checkpoint'] or '—'}```\n",
        "## 算法与用途 / Algorithms and where they are used\n",
        _table(
            ("算法 algorithm", "标准 standard", "用途", "use"),
            [tuple(item.values()) for item in pack["algorithms"]],
        ),
        "## 自检 / Self-tests\n",
        _table(
            ("算法 algorithm", "依据 source", "结果 result"),
            [
                (item["algorithm"], item["source"], passed[item["passed"]])
                for item in pack["self_tests"]
            ],
        ),
        "## 密钥清单（不含密钥内容）/ Keys, without material\n",
        _table(
            (
                "名称 name",
                "类型 kind",
                "版本 version",
                "状态 state",
                "存放 place",
                "公钥 public key",
            ),
            [tuple(item.values()) for item in pack["keys"]],
        ),
        "## 密钥的生成、使用、轮换与销毁 / Making, use, turning over and end, by log entry\n",
        _table(
            ("条目 entry", "时间 time", "类型 kind", "密钥 keys"),
            [
                (item["index"], item["time"], item["kind"], ", ".join(item["keys"]))
                for item in pack["entries"]
            ],
        ),
        "## 保管进程计数 / The key holder's counts\n",
        _table(("事项 what", "次数 count"), list(pack["journal"].items())),
        "## 局限 / Limits\n",
        "".join(f"- {item['zh']}\n  {item['en']}\n" for item in pack["limits"]),
    ]
    return "\n".join(parts)


def as_json(pack: Mapping[str, Any]) -> str:
    """Return the pack for machines."""
    return json.dumps(pack, ensure_ascii=False, indent=2) + "\n"


def _entries(connection: Connection) -> Iterator[dict[str, object]]:
    first = 0
    while True:
        page = read_entries(connection, first=first, kinds=_ABOUT_KEYS, limit=PAGE)
        for entry in page:
            public = entry.public
            keys = public.get("key_names") or [
                public.get("key_name") or public.get("role") or "data"
            ]
            yield {
                "index": entry.index,
                "time": to_iso(entry.time_us),
                "kind": entry.kind,
                "keys": [str(key) for key in keys],
            }
        if len(page) < PAGE:
            return
        first = page[-1].index + 1


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)
