"""Rule packs of jurisdictions: what each changes, inherits, and may never do quietly."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from typer.testing import CliRunner

import policies
from foundation.errors import InvalidInput, NotFound
from policies.effective import differences, every_jurisdiction, jurisdiction_of
from policies.load import load_policies
from policies.schema.deadlines import DeadlineRules
from policies.schema.jurisdictions import JurisdictionRules
from service.cli import app

PACK = load_policies()
EVERY = every_jurisdiction(PACK)
HEAD = 'jurisdiction = "X"\ndocument = "x"\nversion = "1"\nname_zh = "某市"\nname_en = "X"\n'

Files = Callable[[str], Path]


@pytest.fixture
def with_pack(tmp_path: Path) -> Files:
    """Give a copy of the rules with one more jurisdiction, ``x``."""

    def made(text: str) -> Path:
        target = tmp_path / "rules"
        ignored = ignore_patterns("__pycache__", "schema", "*.py", "py.typed")
        copytree(Path(policies.__file__).parent, target, ignore=ignored)
        (target / "jurisdictions" / "x.toml").write_text(HEAD + text)
        return target

    return made


@pytest.mark.parametrize(
    ("name", "clock", "days", "extension"),
    [
        ("national", "share_unconditional", 1, 0),
        ("national", "share_conditional", 10, 10),
        ("national", "share_supply", 20, 0),
        ("national", "catalogue_review", 2, 0),
        ("national", "catalogue_change", 10, 5),
        ("huangshan-2020", "share_unconditional", 3, 0),
        ("huangshan-2020", "share_conditional", 10, 10),
        ("guizhou", "catalogue_change", 10, 5),
        ("qingdao", "correction", 5, 5),
        ("qingdao", "correction_referral", 2, 0),
        ("fujian", "correction", 10, 0),
        ("shenzhen", "share_supply", 20, 0),
    ],
)
def test_each_clock_is_what_the_source_says(
    name: str, clock: str, days: int, extension: int
) -> None:
    found = EVERY[name].clocks[clock]
    assert (found.working_days, found.extension_days_max) == (days, extension)


def test_one_deadline_file_stays_the_base_of_all_and_each_pack_cites_its_documents() -> None:
    assert PACK.rules(DeadlineRules).catalogue_review.working_days == 2
    assert len({found.digest for found in EVERY.values()}) == len(EVERY)
    for name, rules in PACK.every(JurisdictionRules).items():
        assert rules.documents, name
        assert rules.unknown or name == "national", "what is not known is said"
        assert set(rules.looser) == ({"share_unconditional"} if name == "huangshan-2020" else set())


def test_words_of_a_city_are_its_own() -> None:
    assert EVERY["quanzhou"].labels["operator"].zh == "平台运营单位"
    assert EVERY["quanzhou"].labels["developer"].zh == "数据使用单位"
    assert EVERY["quanzhou"].chain == ("quanzhou", "fujian", "national")
    assert EVERY["qingdao"].labels["provider"].zh == "供数单位"
    assert EVERY["shenzhen"].labels["operator"] == EVERY["national"].labels["operator"]


def test_two_packs_are_told_apart_as_each_is_in_force() -> None:
    assert differences(EVERY["fujian"], EVERY["national"]) == []
    (first, second) = differences(EVERY["national"], EVERY["huangshan-2020"])
    assert [first.name, second.name] == ["share_conditional", "share_unconditional"]
    assert second.second is not None
    assert second.second["working_days"] == 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('inherits = "x"', "inherits"),
        ('inherits = "national"\n[clocks.tea]\nworking_days = 1\nsource = "s"', "clocks.tea"),
        ('inherits = "national"\n[clocks.calendar]\nworking_days = 1\nsource = "s"', "calendar"),
        (
            'inherits = "national"\n[clocks.share_supply]\nworking_days = 21\nsource = "s"',
            "clocks.share_supply",
        ),
        (
            (
                'inherits = "national"\nlooser = ["share_supply"]\n'
                '[clocks.share_supply]\nworking_days = 20\nsource = "s"'
            ),
            "clocks.share_supply",
        ),
        ('inherits = "national"\nlooser = ["correction"]', "looser.correction"),
        ('inherits = "national"\n[clocks.correction_referral]\nsource = "s"', "clocks"),
    ],
)
def test_a_pack_that_slips_is_refused_by_name(with_pack: Files, text: str, place: str) -> None:
    pack = load_policies(with_pack(text))
    with pytest.raises(InvalidInput) as caught:
        every_jurisdiction(pack)
    assert caught.value.code == "jurisdiction_invalid"
    assert place in (caught.value.field or "")


@pytest.mark.parametrize(
    "text",
    [
        "",  # neither inherits nor names a deadline file
        'inherits = "national"\ndeadlines = "national"',
        'inherits = "national"\n[clocks.correction]\nworking_day = 1\nsource = "s"',
        'inherits = "national"\n[clocks.correction]\nworking_days = 0\nsource = "s"',
        'inherits = "national"\n[labels.operator]\nzh = "运营机构"',
    ],
)
def test_a_pack_of_another_form_is_not_loaded(with_pack: Files, text: str) -> None:
    with pytest.raises(InvalidInput):
        load_policies(with_pack(text))


def test_an_unknown_jurisdiction_is_refused_with_those_there_are(with_pack: Files) -> None:
    with pytest.raises(NotFound, match="qingdao"):
        jurisdiction_of(PACK, "atlantis")
    pack = load_policies(with_pack('inherits = "atlantis"'))
    with pytest.raises(NotFound):
        jurisdiction_of(pack, "x")


def test_the_digest_covers_each_file_that_had_a_say_and_no_other(with_pack: Files) -> None:
    place = with_pack('inherits = "national"')
    before = every_jurisdiction(load_policies(place))
    with (place / "jurisdictions" / "fujian.toml").open("a") as file:
        file.write("\n# a remark\n")
    after = every_jurisdiction(load_policies(place))
    changed = {name for name in before if before[name].digest != after[name].digest}
    assert changed == {"fujian", "quanzhou"}
    assert before["national"].digest == EVERY["national"].digest


def test_the_command_line_tells_packs_apart_without_a_service() -> None:
    run = CliRunner().invoke(app, ["policy", "diff", "national", "qingdao", "--json"])
    assert run.exit_code == 0
    told = {(item["about"], item["name"]): item for item in json.loads(run.output)}
    assert told["clock", "correction"]["second"]["working_days"] == 5
    assert told["clock", "correction_referral"]["first"] is None
    assert CliRunner().invoke(app, ["policy", "diff", "fujian", "national"]).output == "无差异\n"
    listed = CliRunner().invoke(app, ["policy", "list", "--lang", "en"]).output
    assert "Huangshan (2020)" in listed
    shown = CliRunner().invoke(app, ["policy", "show", "guizhou"]).output
    assert "catalogue_change: 10个工作日，可延长5个工作日" in shown
