"""The loader refuses what it does not know, by file and field; then the packaged rules load."""

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from foundation.errors import InvalidInput
from policies.load import ACCESS_MODEL, SECTIONS, load_policies
from policies.schema.access import AccessRules
from policies.schema.licences import LicenceRules

ACCESS = "access/national.toml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the packaged rules, without the package's own Python."""
    copy = tmp_path / "rules"
    for name in SECTIONS:
        shutil.copytree(Path(str(files("policies"))) / name, copy / name)
    return copy


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda found: found.replace(old, new)


@pytest.mark.parametrize(
    ("code", "field", "edit"),
    [
        ("policy_file_invalid", "surprise", lambda found: found + "\nsurprise = 1\n"),
        ("policy_file_invalid", "version", replaced("version = ", "# version = ")),
        ("policy_file_invalid", "jurisdiction", replaced('jurisdiction = "CN"', "")),
        ("policy_file_invalid", "document", replaced("document = ", "note2 = ")),
        ("policy_file_invalid", "rows_grade_max", replaced('"L2"', '"L9"')),
        ("policy_file_invalid", "lines_max", replaced("2000000", '"many"')),
        ("policy_file_float", ACCESS, replaced("2000000", "2.5")),
        ("policy_file_unreadable", ACCESS, lambda found: found + "= broken"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_field(
    directory: Path, code: str, field: str, edit: Callable[[str], str]
) -> None:
    path = directory / ACCESS
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InvalidInput, match=code) as refusal:
        load_policies(directory)
    assert ACCESS in str(refusal.value.field)
    assert field in str(refusal.value.field)
    assert ACCESS in refusal.value.message.zh


@pytest.mark.parametrize(
    "path", ["stray.toml", "access/notes.txt", "unknown/national.toml", "access/deep/x.toml"]
)
def test_an_unknown_file_is_refused(directory: Path, path: str) -> None:
    (directory / path).parent.mkdir(exist_ok=True)
    (directory / path).write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput, match="policy_file_unknown"):
        load_policies(directory)


@pytest.mark.parametrize("section", [*SECTIONS, ACCESS_MODEL])
def test_a_missing_section_is_refused(directory: Path, section: str) -> None:
    path = directory / section
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(InvalidInput, match="policy_section_missing"):
        load_policies(directory)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="policy_directory_missing"):
        load_policies(tmp_path / "none")


def test_a_section_of_several_files_needs_a_name(directory: Path) -> None:
    shutil.copy(directory / "licences/national.toml", directory / "licences/city.toml")
    pack = load_policies(directory)
    with pytest.raises(InvalidInput, match="policy_rules_unknown"):
        pack.rules(LicenceRules)
    with pytest.raises(InvalidInput, match="policy_rules_unknown"):
        pack.rules(LicenceRules, "village")
    assert pack.rules(LicenceRules, "city") == pack.rules(LicenceRules, "national")


def test_one_changed_byte_changes_the_digest(directory: Path) -> None:
    before = load_policies(directory)
    with (directory / ACCESS).open("a", encoding="utf-8") as file:
        file.write("\n")
    after = load_policies(directory)
    assert before.digest != after.digest
    changed = {
        path for path in after.file_digests if after.file_digests[path] != before.file_digests[path]
    }
    assert changed == {ACCESS}


def test_a_renamed_file_changes_the_digest(directory: Path) -> None:
    before = load_policies(directory).digest
    (directory / ACCESS).rename(directory / "access/city.toml")
    assert load_policies(directory).digest != before


def test_the_packaged_rules_equal_the_same_rules_in_a_directory(directory: Path) -> None:
    assert load_policies().digest == load_policies(directory).digest


def test_every_rule_file_names_jurisdiction_document_and_version() -> None:
    pack = load_policies()
    assert {path.partition("/")[0] for path in pack.files} == set(SECTIONS)
    for rules in pack.files.values():
        assert rules.jurisdiction
        assert rules.document
        assert rules.version


def test_the_term_of_a_licence_is_five_years_by_document_27() -> None:
    rules = load_policies().rules(LicenceRules)
    assert (rules.term_years_max, rules.term_document) == (5, "发改数据规〔2025〕27号")
    assert load_policies().rules(AccessRules).rows_grade_max == "L2"
