"""Step 7, audit: the regulator verifies offline; a flipped byte and a re-signed log are refused."""

import json
import zipfile
from pathlib import Path
from typing import Any

from examples.demo.insider import forge_bundle
from examples.demo.stage import Stage, StepFailed

GOOD, TAMPERED = 0, 1
_VERDICTS = {
    GOOD: {"zh": "前后一致", "en": "consistent"},
    TAMPERED: {"zh": "发现篡改", "en": "tampering found"},
}
LAST_QUESTION = {
    "cell_type": "code",
    "metadata": {},
    "source": "sandgate.sql('SELECT degree, COUNT(*) AS n FROM colleges GROUP BY degree')",
    "outputs": [],
}


def keep_checkpoint(stage: Stage) -> None:
    """Let the regulator keep key and checkpoint outside the platform, early in the story."""
    key = stage.output / "regulator" / "log.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text(stage.command("audit", "key", caller="auditor"), encoding="utf-8")
    stage.command("audit", "kept", "--out", str(key.with_name("kept.zip")), caller="auditor")


def play(stage: Stage) -> dict[str, str]:
    """Export, verify, flip one byte, and cut one query out with the platform's own key."""
    stage.facts["verification"] = []
    kept = stage.output / "regulator" / "kept.zip"
    bundle = _export(stage, "evidence.zip")
    _verify(stage, bundle, kept, GOOD, ("证据包原件", "The bundle as exported"))
    stage.facts["revenue"]["journals_balanced"] = _journals_balance(bundle)
    _verify_destruction(stage)
    _flip_byte(bundle, stage.output / "evidence-flipped.zip")
    _verify(
        stage,
        stage.output / "evidence-flipped.zip",
        kept,
        TAMPERED,
        ("副本中改动一个字节", "A copy with one byte flipped"),
    )
    removed = _ask_once_more(stage)
    later = stage.output / "regulator" / "kept-later.zip"
    stage.command("audit", "kept", "--out", str(later), caller="auditor")
    forged = stage.output / "evidence-forged.zip"
    forge_bundle(stage.home, removed, "sandgate.example/log", forged)
    _verify(
        stage,
        forged,
        None,
        GOOD,
        ("内部人员重新签名：只看文件本身", "Re-signed by an insider, alone"),
    )
    said = _verify(
        stage,
        forged,
        later,
        TAMPERED,
        (
            "内部人员重新签名：对照监管者留存的检查点",
            "Re-signed by an insider, against the kept checkpoint",
        ),
    )
    if str(removed[0]) not in said:
        raise StepFailed(f"the verifier does not name entry {removed[0]}: {said}")
    return {
        "zh": "证据与会话的销毁证书离线核验通过；副本被改动一个字节、"
        f"内部人员删去第 {removed[0]} 号条目（一次查询）后重新签名，均被发现并指明。",
        "en": "Evidence and a session's certificate of destruction verified offline; one flipped "
        "byte, and an insider who cut out query "
        f"{removed[0]} and signed again, were both found and named.",
    }


def _export(stage: Stage, name: str) -> Path:
    path = stage.output / name
    stage.command("audit", "export", "--out", str(path), caller="auditor")
    return path


def _verify(
    stage: Stage, bundle: Path, kept: Path | None, expect: int, title: tuple[str, str]
) -> str:
    """Verify a bundle against the key that the regulator keeps, and what it kept of the log."""
    arguments = ["verify", "bundle", str(bundle), "--key", str(bundle.parent / "regulator/log.key")]
    if kept is not None:
        arguments += ["--since", str(kept)]
    return _record(stage, arguments, expect, title)


def _verify_destruction(stage: Stage) -> None:
    """Hold the certificate of the closed session to the key that the regulator keeps."""
    key = stage.output / "regulator" / "log.key"
    told = ["verify", "certificate", str(stage.output / "destruction.json"), "--key", str(key)]
    _record(stage, told, GOOD, ("会话的销毁证书", "The certificate of a destroyed session"))


def _record(stage: Stage, arguments: list[str], expect: int, title: tuple[str, str]) -> str:
    """Run the verifier as the regulator would; keep what it said for the report, and return it."""
    said = _sentences(stage.command(*arguments, "--lang", stage.language, expect=expect))
    shown = " ".join(Path(word).name if "/" in word else word for word in arguments)
    stage.facts["verification"].append(
        {
            "title": {"zh": title[0], "en": title[1]},
            "ok": True,
            "verdict": _VERDICTS[expect],
            "command": f"sandgate {shown}",
            "outcome": said,
        }
    )
    return said


def _journals_balance(bundle: Path) -> bool:
    """Tell whether the postings of every journal in the bundle sum to zero."""
    with zipfile.ZipFile(bundle) as source:
        lines = source.read("journals.jsonl").decode().splitlines()
    journals = [json.loads(line) for line in lines]
    if not journals:
        raise StepFailed("the bundle holds no journal")
    return all(sum(leg["fen"] for leg in journal["postings"]) == 0 for journal in journals)


def _sentences(printed: str) -> str:
    """Keep what the verifier says in words; its codes stay in the terminal."""
    lines = (line.strip() for line in printed.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("["))


def _flip_byte(bundle: Path, out: Path) -> None:
    """Copy a bundle with one bit of one entry's body changed."""
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = bytearray(source.read(name))
            if name.startswith("tile/entries/"):
                data[len(data) // 2] ^= 1
            target.writestr(name, bytes(data))


def _ask_once_more(stage: Stage) -> list[int]:
    """Ask one more question in the live session; return the indexes of its entries."""
    client = stage.facts["session_client"]
    notebook: dict[str, Any] = {"cells": [{**LAST_QUESTION, "source": "import sandgate"}]}
    notebook["cells"].append(dict(LAST_QUESTION))
    done = client.run(notebook, lambda _number, _cell: None)
    if any(
        output["output_type"] == "error" for cell in done["cells"] for output in cell["outputs"]
    ):
        raise StepFailed(f"the last question failed: {json.dumps(done)[:500]}")
    auditor, licence = stage.callers["auditor"], stage.facts["licence"]
    return [
        auditor.get("/log/entries", params={"kind": kind, "licence": licence, "limit": 500})[
            "entries"
        ][-1]["index"]
        for kind in ("query:question:decided", "query:answer:released")
    ]
