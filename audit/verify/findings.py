"""What a verification found: each finding says what it proves, in Chinese and in English."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """The weight of a finding; the worst one decides the exit code."""

    GOOD = "good"
    NOTE = "note"
    UNMET = "unmet"
    UNUSABLE = "unusable"
    TAMPERED = "tampered"


EXIT_CODES = {
    Verdict.TAMPERED: 1,
    Verdict.UNUSABLE: 2,
    Verdict.UNMET: 3,
    Verdict.NOTE: 0,
    Verdict.GOOD: 0,
}


class Unusable(Exception):
    """The input cannot be read at all, so that nothing was verified."""

    def __init__(self, zh: str, en: str) -> None:
        """Say what is wrong with the input, in both languages."""
        super().__init__(en)
        self.zh = zh
        self.en = en


@dataclass(frozen=True)
class Finding:
    """One thing that was found, and the log index it is about where there is one."""

    verdict: Verdict
    code: str
    zh: str
    en: str
    index: int | None = None


@dataclass
class Report:
    """All findings of one run."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self, verdict: Verdict, code: str, *, zh: str, en: str, index: int | None = None
    ) -> None:
        """Record a finding."""
        self.findings.append(Finding(verdict, code, _inert(zh), _inert(en), index))

    def good(self, code: str, *, zh: str, en: str) -> None:
        """Record something that holds."""
        self.add(Verdict.GOOD, code, zh=zh, en=en)

    def tampered(self, code: str, *, zh: str, en: str, index: int | None = None) -> None:
        """Record evidence of tampering."""
        self.add(Verdict.TAMPERED, code, zh=zh, en=en, index=index)

    @property
    def exit_code(self) -> int:
        """0 good, 1 tampered, 2 unusable input, 3 policy unmet."""
        found = {finding.verdict for finding in self.findings}
        return next((code for verdict, code in EXIT_CODES.items() if verdict in found), 2)

    @property
    def first_bad_index(self) -> int | None:
        """The smallest log index that a finding of tampering names."""
        bad = (item.index for item in self.findings if item.verdict is Verdict.TAMPERED)
        return min((index for index in bad if index is not None), default=None)

    def as_json(self) -> dict[str, object]:
        """Return the report for machines."""
        return {
            "exit_code": self.exit_code,
            "first_bad_index": self.first_bad_index,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def text(self, language: str) -> str:
        """Return the report for people: ``zh``, ``en``, or ``both``."""
        lines = []
        for item in self.findings:
            spoken = {"zh": [item.zh], "en": [item.en]}.get(language, [item.zh, item.en])
            lines.append(f"[{item.verdict}] {item.code}")
            lines += [f"    {sentence}" for sentence in spoken]
        return "\n".join(lines) + "\n"


def _inert(text: str) -> str:
    """Spell out what would act on a terminal: a name in the evidence may hold a forged line."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
