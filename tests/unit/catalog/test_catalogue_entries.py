from typing import Any

import pytest
from pydantic import ValidationError

from catalog.entries import Wording, check_entry, is_social_credit_code
from foundation.errors import InvalidInput
from policies.schema.catalog import CatalogRules

REQUIRED = {
    "name": ("目录名称", "catalogue name"),
    "data_items": ("数据项", "data items"),
    "provider": ("提供单位", "provider"),
    "format": ("数据格式", "data format"),
    "update_frequency": ("更新频率", "update frequency"),
    "share_attribute": ("共享属性", "share attribute"),
    "share_mode": ("共享方式", "share mode"),
    "use_conditions": ("使用条件", "use conditions"),
    "classification": ("分类分级", "class and grade"),
    "return_attribute": ("回流属性", "return attribute"),
}


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_each_legal_field_is_required_by_name(
    entry_document: dict[str, Any], rules: CatalogRules, field: str, empty: object
) -> None:
    entry_document[field] = empty
    with pytest.raises(InvalidInput) as refused:
        check_entry(entry_document, rules)
    zh, en = REQUIRED[field]
    assert refused.value.code == "entry_field_missing"
    assert refused.value.field == f"$.{field}"
    assert zh in refused.value.message.zh
    assert en in refused.value.message.en


def test_all_missing_fields_are_named_at_once(rules: CatalogRules) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_entry({}, rules)
    assert all(zh in refused.value.message.zh for zh, _ in REQUIRED.values())


def test_withholding_needs_its_legal_basis(
    entry_document: dict[str, Any], rules: CatalogRules
) -> None:
    entry_document["share_attribute"] = "withheld"
    with pytest.raises(InvalidInput) as refused:
        check_entry(entry_document, rules)
    assert (refused.value.code, refused.value.field) == (
        "entry_legal_basis_missing",
        "$.legal_basis",
    )
    text = {"zh": "某法第一条", "en": "Some Act, art. 1"}
    entry_document["legal_basis"] = {"reason": text, "act": text}
    assert check_entry(entry_document, rules).legal_basis is not None


@pytest.mark.parametrize("english", [{}, {"en": ""}])
def test_a_text_without_english_is_told_in_chinese_as_the_contract_says(
    english: dict[str, str],
) -> None:
    assert Wording.model_validate({"zh": "甲", **english}) == Wording(zh="甲", en="甲")
    contract = Wording.model_json_schema()
    assert contract["required"] == ["zh"]
    assert "minLength" not in contract["properties"]["en"]


@pytest.mark.parametrize("english", [None, 0, False, [], {}])
def test_what_is_no_text_is_not_taken_for_a_missing_one(english: object) -> None:
    with pytest.raises(ValidationError):
        Wording.model_validate({"zh": "甲", "en": english})


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y44", "91350100M000100Y4", "91350100M000100YO3", "９1350100M000100Y43"],
)
def test_a_wrong_social_credit_code_is_refused(
    entry_document: dict[str, Any], rules: CatalogRules, code: str
) -> None:
    entry_document["provider"]["code"] = code
    with pytest.raises(InvalidInput) as refused:
        check_entry(entry_document, rules)
    assert refused.value.field == "$.provider.code"
    assert code not in refused.value.message.en


def test_an_unknown_field_is_refused_without_its_value(
    entry_document: dict[str, Any], rules: CatalogRules
) -> None:
    entry_document["share_mode"] = "carrier pigeon"
    with pytest.raises(InvalidInput) as refused:
        check_entry(entry_document, rules)
    assert refused.value.field == "$.share_mode"
    assert "pigeon" not in f"{refused.value} {refused.value.message.zh}"


def test_a_complete_entry_is_accepted(entry_document: dict[str, Any], rules: CatalogRules) -> None:
    assert check_entry(entry_document, rules).code == "304001/1"


def test_the_check_character_follows_the_standard() -> None:
    code = "91350100M000100Y43"  # the worked example of GB 32100-2015
    assert is_social_credit_code(code)
    for place in range(18):
        changed = "2" if code[place] != "2" else "3"
        assert not is_social_credit_code(code[:place] + changed + code[place + 1 :])
