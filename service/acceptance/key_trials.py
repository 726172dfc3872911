"""Row 29: an installation under the Chinese profile, its keys turned over, its evidence pack."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from foundation.db import reading
from foundation.errors import Message
from foundation.settings import Settings
from service.acceptance.audit_trials import REGULATOR, verified
from service.acceptance.stage import NotShown, Stage, expect
from service.key_care import rewrap_data_keys, rotate_log_key
from service.key_evidence import as_markdown, key_evidence

_SM4 = "SM4-GCM"
_HOLDER = "process"
_VERIFY_SECONDS_MAX = 120


def cryptography(_stage: Stage) -> Sequence[Message]:
    """Row 29: on a stage of its own; TLS is the deployment's, so the row is not passed here."""
    with tempfile.TemporaryDirectory(prefix="sandgate-acceptance-") as made:
        settings = Settings(
            home=Path(made) / "home", key_holder=_HOLDER, sm_profile=True, data_cipher=_SM4
        )
        chinese = Stage(settings)
        try:
            chinese.start()
            _check_profile(chinese)
            old = chinese.by(REGULATOR).call("GET", "/log/key").body.decode().strip()
            chinese.stop()
            rotate_log_key(settings)
            rewrap_data_keys(settings)
            chinese.restart()
            _check_turned(chinese, old)
            _check_evidence(chinese, settings)
        finally:
            chinese.stop()
    raise NotShown(
        Message(
            "SM2 签名、SM3 日志、SM4 数据密钥可选，密钥轮换后旧公钥仍可核验，"
            "密评材料可生成，均已验证；"
            "TLS 由部署的反向代理终止，须在部署现场演示",
            "SM2, SM3 and SM4 are selectable, keys are turned over, and the evidence pack is "
            "made; TLS is ended by the deployment's reverse proxy and is to be shown there",
        )
    )


def _check_profile(stage: Stage) -> None:
    """Check that a log is kept under SM3 and SM2, and private fields under SM4."""
    signer = stage.platform.opened_keys.signer
    expect(len(signer.verifier_keys) > 1, "没有 SM2 签名。", "there is no SM2 signature")
    bundle = stage.by(REGULATOR).call("POST", "/log/bundles").body
    key = stage.by(REGULATOR).call("GET", "/log/key").body.decode().strip()
    told = _findings(bundle, key, signer.verifier_keys[-1].text())
    both = {"sm2_line_holds", "sm_log_holds"} <= set(told)
    expect(both, f"SM3 日志核验不通过：{told}", f"the SM3 log does not hold: {told}")
    names = {record.name for record in stage.platform.keys.inventory()}
    under = [name for name in names if name.endswith(".sm4")]
    expect(under, "没有 SM4 数据密钥。", "no data key is under SM4")


def _check_turned(stage: Stage, old: str) -> None:
    """Check that the key in force is another, and that the old one still vouches for the log."""
    new = stage.by(REGULATOR).call("GET", "/log/key").body.decode().strip()
    expect(new != old, "日志密钥没有轮换。", "the log's key was not turned over")
    bundle = stage.by(REGULATOR).call("POST", "/log/bundles").body
    expect(verified(bundle, old), "旧公钥不能核验。", "the old key no longer verifies the log")


def _check_evidence(stage: Stage, settings: Settings) -> None:
    with reading(stage.platform.engine) as connection:
        pack = key_evidence(settings, stage.platform.keys.inventory(), connection)
    passed = all(test["passed"] for test in pack["self_tests"]) and pack["keys"]
    expect(passed, "密码自检不通过。", "a self-test of cryptography fails")
    text = as_markdown(pack)
    whole = all(name in text for name in ("SM2", "SM3", "SM4", "GB/T 32918"))
    expect(whole, "密评材料不全。", "the evidence pack is not whole")


def _findings(bundle: bytes, key: str, chinese: str) -> list[str]:
    """Return what ``sandgate verify`` finds of both logs of a bundle."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "bundle.zip"
        file.write_bytes(bundle)
        command = ["-m", "audit.verify", "bundle", str(file), "--key", key, "--sm-key", chinese]
        done = subprocess.run(
            [sys.executable, *command, "--json"],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            check=False,
            timeout=_VERIFY_SECONDS_MAX,
        )
    expect(not done.returncode, "国密日志核验不通过。", "the log does not verify under SM2")
    return [str(item["code"]) for item in json.loads(done.stdout)["findings"]]
