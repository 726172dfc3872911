"""Format-preserving masks: NIST's vectors, valid check digits, and nothing of another form."""

import re
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.check_digits import body_check, luhn_check, resident_check
from catalog.credit_codes import CREDIT_ALPHABET, credit_check
from catalog.datasets import BirthShown, IdentifierFormat, Mask, MaskKind, RegionLevel
from disclosure.masking import apply_mask
from disclosure.masking.ff1 import ff1_encrypt, permuted
from disclosure.masking.identifiers import FORMS
from tests.masks import KEY, RULES, bank_card, credit_code, resident_id

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY_256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
TWEAK_10 = "39383736353433323130"
TWEAK_36 = "3737373770717273373737"
REGIONS = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)
RESIDENTS = st.builds(
    lambda region, birth, sequence: resident_id(region, f"{birth:%Y%m%d}", f"{sequence:03d}"),
    REGIONS,
    st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)),
    st.integers(0, 999),
)
MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
CARDS = st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True).map(bank_card)
CREDIT_CODES = st.builds(
    credit_code,
    REGIONS.map(lambda region: f"91{region}"),
    st.text(CREDIT_ALPHABET, min_size=8, max_size=8),
)
FORMLESS = (
    "",
    "张三",
    "110105194912310021",
    "11010519491331002X",
    "12812345678",
    "１３８１２３４５６７８",
    "6222021001123450",
    "91440300MA5DA1TX3Y",
    "粤B1234学",
    "粤BABC12",
    "13812345678\n",
    "0" * 18,
)
PLATES = st.from_regex(
    r"[粤京][AB]([0-9]{5}|[A-HJ-NP-Z][0-9]{3}[A-HJ-NP-Z]|D[0-9]{5}|[0-9]{5}F)", fullmatch=True
)


def mask(name: IdentifierFormat, level: RegionLevel | None = None, birth: str = "nothing") -> Mask:
    return Mask(kind=MaskKind.FORMAT, format=name, level=level, birth=BirthShown(birth))


def masked(values: list[str], how: Mask, key: bytes = KEY) -> list[str]:
    shown: list[str] = apply_mask(
        pa.array(values, pa.string()), how, key=key, rules=RULES
    ).to_pylist()
    return shown


@pytest.mark.parametrize(
    ("key_bytes", "radix", "tweak", "plain", "cipher"),
    [
        (16, 10, "", "0123456789", "2433477484"),
        (16, 10, TWEAK_10, "0123456789", "6124200773"),
        (16, 36, TWEAK_36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (24, 10, "", "0123456789", "2830668132"),
        (24, 10, TWEAK_10, "0123456789", "2496655549"),
        (24, 36, TWEAK_36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (32, 10, "", "0123456789", "6657667009"),
        (32, 10, TWEAK_10, "0123456789", "1001623463"),
        (32, 36, TWEAK_36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ],
)
def test_ff1_gives_the_sample_vectors_of_nist(
    key_bytes: int, radix: int, tweak: str, plain: str, cipher: str
) -> None:
    found = ff1_encrypt(
        [int(plain, radix)],
        digits=len(plain),
        radix=radix,
        key=bytes.fromhex(KEY_256)[:key_bytes],
        tweaks=[bytes.fromhex(tweak)],
    )[0]
    text = ""
    for _ in plain:
        found, digit = divmod(found, radix)
        text = DIGITS[digit] + text
    assert text == cipher


def test_a_column_is_encrypted_together_as_each_value_alone() -> None:
    numbers, tweaks = [1, 999_999, 5], [b"aaaaaaaa", b"bbbbbbbb", b"aaaaaaaa"]
    together = permuted(numbers, size=1_000_003, key=KEY, tweaks=tweaks)
    alone = [
        permuted([number], size=1_000_003, key=KEY, tweaks=[tweak])[0]
        for number, tweak in zip(numbers, tweaks, strict=True)
    ]
    assert together == alone


def test_a_small_domain_is_permuted_without_a_collision() -> None:
    size = 1_000_000
    some = list(range(0, size, 37))
    found = permuted(some, size=size, key=KEY, tweaks=[b"t"] * len(some))
    assert len(set(found)) == len(some)
    assert all(0 <= number < size for number in found)


def test_a_domain_that_could_be_guessed_through_is_refused() -> None:
    with pytest.raises(ValueError, match="a million"):
        permuted([1], size=999_999, key=KEY, tweaks=[b"t"])


def test_check_digits_are_those_of_published_numbers() -> None:
    assert resident_check("11010519491231002") == "X"  # GB 11643-1999, annex A
    assert luhn_check("7992739871") == "3"  # ISO/IEC 7812-1
    assert body_check("D2143569") == "X"  # GB 11714-1997, annex A
    assert credit_check("91350100M000100Y4") == "3"  # GB 32100-2015, annex B


@settings(max_examples=50)
@given(values=st.lists(RESIDENTS, min_size=1, max_size=5), level=st.sampled_from(RegionLevel))
def test_a_resident_number_stays_valid_and_keeps_its_region(
    values: list[str], level: RegionLevel
) -> None:
    kept = {"province": 2, "city": 4, "county": 6}[level]
    for value, shown in zip(
        values, masked(values, mask(IdentifierFormat.RESIDENT_ID, level)), strict=True
    ):
        assert FORMS[IdentifierFormat.RESIDENT_ID].open(
            shown, mask(IdentifierFormat.RESIDENT_ID, level)
        )
        assert shown[:kept] == value[:kept]


@settings(max_examples=50)
@given(value=RESIDENTS)
def test_a_resident_number_may_keep_the_year_of_birth(value: str) -> None:
    shown = masked([value], mask(IdentifierFormat.RESIDENT_ID, RegionLevel.CITY, "year"))[0]
    assert shown[:4] == value[:4]
    assert shown[6:10] == value[6:10]
    assert resident_check(shown[:17]) == shown[17]


def test_a_county_and_a_year_together_leave_too_few_others_and_are_hidden() -> None:
    how = mask(IdentifierFormat.RESIDENT_ID, RegionLevel.COUNTY, "year")
    assert masked([resident_id("440305", "19900228", "123")], how) == [RULES.redacted_text]


@settings(max_examples=50)
@given(value=MOBILES)
def test_a_mobile_number_keeps_three_digits(value: str) -> None:
    shown = masked([value], mask(IdentifierFormat.MOBILE))[0]
    assert re.fullmatch(r"1[3-9][0-9]{9}", shown)
    assert shown[:3] == value[:3]


@settings(max_examples=50)
@given(value=CARDS)
def test_a_card_keeps_issuer_length_and_luhn(value: str) -> None:
    shown = masked([value], mask(IdentifierFormat.BANK_CARD))[0]
    assert (len(shown), shown[:6]) == (len(value), value[:6])
    assert luhn_check(shown[:-1]) == shown[-1]


@settings(max_examples=50)
@given(value=CREDIT_CODES, level=st.sampled_from(RegionLevel))
def test_a_credit_code_keeps_both_check_characters_valid(value: str, level: RegionLevel) -> None:
    shown = masked([value], mask(IdentifierFormat.CREDIT_CODE, level))[0]
    assert shown[:4] == value[:4]
    assert body_check(shown[8:16]) == shown[16]
    assert credit_check(shown[:17]) == shown[17]


@settings(max_examples=50)
@given(value=PLATES)
def test_a_plate_stays_a_plate_of_its_kind(value: str) -> None:
    how = mask(IdentifierFormat.NUMBER_PLATE)
    shown = masked([value], how)[0]
    one, other = (FORMS[IdentifierFormat.NUMBER_PLATE].open(text, how) for text in (value, shown))
    assert one is not None
    assert other is not None
    assert one.kept == other.kept


@pytest.mark.parametrize("name", list(IdentifierFormat))
@pytest.mark.parametrize("value", FORMLESS)
def test_what_is_not_of_the_form_is_hidden(name: IdentifierFormat, value: str) -> None:
    assert masked([value], mask(name, RegionLevel.CITY)) == [RULES.redacted_text]


def test_equal_values_meet_under_one_key_and_never_under_another() -> None:
    values = [f"138{number:08d}" for number in range(500)]
    how = mask(IdentifierFormat.MOBILE)
    one, other = masked(values, how), masked(values, how, b"o" * 32)
    assert one == masked(values, how)
    assert len(set(one)) == len(values)
    assert sum(a == b for a, b in zip(one, other, strict=True)) == 0
    assert sum(a == b for a, b in zip(one, values, strict=True)) == 0
