import ast
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from foundation.settings import Settings
from tests.parts import REPOSITORY

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "client/*.md")
    for path in REPOSITORY.glob(pattern)
)
PAIRS = (
    ("README.md", "README.zh-CN.md"),
    ("docs/en/authority.md", "docs/zh/authority.md"),
    ("docs/en/operator.md", "docs/zh/operator.md"),
    ("docs/en/finance.md", "docs/zh/finance.md"),
    ("docs/en/regulator.md", "docs/zh/regulator.md"),
    ("docs/en/deployment.md", "docs/zh/deployment.md"),
    ("docs/en/department.md", "docs/zh/department.md"),
    ("docs/en/administrators.md", "docs/zh/administrators.md"),
    ("docs/explanation/matters.md", "docs/explanation/matters.zh-CN.md"),
    ("docs/explanation/query-path.md", "docs/explanation/query-path.zh-CN.md"),
    ("docs/explanation/budgets.md", "docs/explanation/budgets.zh-CN.md"),
    ("docs/explanation/private-answers.md", "docs/explanation/private-answers.zh-CN.md"),
    ("docs/explanation/extracts.md", "docs/explanation/extracts.zh-CN.md"),
    ("docs/explanation/distribution.md", "docs/explanation/distribution.zh-CN.md"),
    ("docs/explanation/decisions-at-scale.md", "docs/explanation/decisions-at-scale.zh-CN.md"),
)
REGULATOR_GUIDES = ("docs/en/regulator.md", "docs/zh/regulator.md")
IMAGE_BYTES_MAX = 400_000
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
FINDING = re.compile(r"[a-z]+(?:_[a-z]+)+")
FINDING_CALLS = {"report.add", "report.good", "report.tampered", "_bad"}
READMES = ("README.md", "README.zh-CN.md")

pytestmark = pytest.mark.skipif(
    not (REPOSITORY / "docs" / "README.md").exists(), reason="needs a checkout: run it there"
)


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    """Return the depth of each heading, in order; the words differ between languages."""
    return [line.split(" ")[0] for line in FENCE.sub("", text).splitlines() if line[:1] == "#"]


def commands(text: str) -> list[str]:
    """Return the lines of code blocks without remarks and without what is said in a language."""
    blocks = [line for block in FENCE.findall(text) for line in block.splitlines()]
    blocks += [line.strip() for line in text.splitlines() if line.startswith("    ")]
    plain = [re.sub(r"\s*(?<![\w$])#.*", "", line).strip() for line in blocks]
    plain = [re.sub(r'"[^"]*"', '""', line) for line in plain]
    return [line for line in plain if line]


def anchors(path: Path) -> set[str]:
    """Return the anchors that the usual renderer makes of a document's headings."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def broken_links(path: Path) -> list[str]:
    broken = []
    for link in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def code_places(node: ast.AST) -> list[ast.expr]:
    """Return the expressions where a finding's code stands: a report's argument, a problem."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in FINDING_CALLS:
        return node.args
    if isinstance(node, (ast.Return, ast.Yield)) and isinstance(node.value, ast.Tuple):
        return node.value.elts[:1]
    return []


def finding_codes() -> set[str]:
    """Return every code that the offline verifier can report, from its source."""
    codes: set[str] = set()
    for path in (REPOSITORY / "audit" / "verify").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for place in code_places(node):
                ways = [place.body, place.orelse] if isinstance(place, ast.IfExp) else [place]
                found = [str(way.value) for way in ways if isinstance(way, ast.Constant)]
                codes |= {text for text in found if FINDING.fullmatch(text)}
    return codes


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_opens_with_the_two_commands(readme: str) -> None:
    lines = [line for line in text_of(readme).splitlines() if line.strip()]
    assert lines[0].startswith("# ")
    assert [line.split("#")[0].strip() for line in lines[1:3]] == ["./dev demo", "./dev test"]


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda name: name)
def test_both_languages_have_the_same_sections_and_commands(english: str, chinese: str) -> None:
    assert headings(text_of(chinese)) == headings(text_of(english))
    assert commands(text_of(chinese)) == commands(text_of(english))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_within_the_repository_resolves(path: Path) -> None:
    assert broken_links(path) == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`SANDGATE_{name.upper()}`" in text_of("docs/reference/settings.md")


@pytest.mark.parametrize("guide", REGULATOR_GUIDES)
def test_every_finding_of_the_verifier_is_explained(guide: str) -> None:
    codes = finding_codes()
    assert len(codes) > 20
    assert sorted(codes - set(CODE.findall(text_of(guide)))) == []


def test_every_decision_names_what_holds_it_and_its_tests_exist() -> None:
    for path in sorted((REPOSITORY / "docs" / "decisions").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert "**Context.**" in text, path.name
        assert "**Decision.**" in text, path.name
        assert "**Held by.**" in text, path.name
        for file, test in NAMED_TEST.findall(text):
            source = REPOSITORY / file
            assert source.exists(), (path.name, file)
            assert not test or f"def {test}(" in source.read_text("utf-8"), (path.name, test)


def test_generated_pages_are_current() -> None:
    command = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_no_picture_is_too_heavy_to_load() -> None:
    pictures = [*(REPOSITORY / "docs" / "images").iterdir()]
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > IMAGE_BYTES_MAX] == []
