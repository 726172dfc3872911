"""Looks for what hides in a file that would leave: identifiers, unseen signs, opaque runs, markup.

Applies to every file, also to those that the desk worked out itself: their texts come from data,
and their names from an operator. No result holds what was found, only its kind and how often (I11).
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa

from disclosure.checks.desk import CheckResult
from disclosure.checks.identifiers import NAMES, find_identifiers
from disclosure.release.contents.numerals import Told, numbers_in
from foundation.errors import Message
from policies.schema.contents import ContentRules

_RUN = re.compile(r"[A-Za-z0-9+/=_\-]+")
_CUT = re.compile(r"(?<=[A-Za-z0-9+/=])\s+(?=[A-Za-z0-9+/=])")
_ACTIVE = re.compile(
    r"<\s*/?\s*[A-Za-z!?]|\bon[a-z]{3,20}\s*=|(?:javascript|vbscript)\s*:|data\s*:[^,\s]{0,80};base64",
    re.IGNORECASE,
)
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_SELECTORS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufffc\u2800"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
_ODD_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_LIKE_LATIN = "\u0400-\u052fΑΒΕΖΗΙΚΜΝΟΡΤΥΧον"
_MIXED = re.compile(f"[A-Za-z][{_LIKE_LATIN}]|[{_LIKE_LATIN}][A-Za-z]")
_ALLOWED = frozenset("\n\t")
_ENTITY = re.compile(r"&(?:#[0-9xX]|[A-Za-z]{2,8};)")
YEAR_FIRST, YEAR_LAST = 1900, 2099


def scan_texts(texts: Sequence[str], rules: ContentRules) -> tuple[CheckResult, ...]:
    """Run every scan on the texts of one file: names, cells and lines."""
    return (
        _identifiers(texts),
        _unseen(texts),
        _opaque(texts, rules),
        _active(texts),
    )


def numbers_traced(text: str, tables: Iterable[pa.Table], rules: ContentRules) -> CheckResult:
    """Check that each number of a text stands in a table that the desk worked out itself.

    A number is met where a value of a table rounds to it at the digits that it shows; per cent of
    a share counts too. A few small whole numbers and years are words (``ContentRules``).
    """
    wanted = list(numbers_in(text))
    values = _values(tables) if wanted else []
    unmet = [number for number in wanted if not _is_met(number, values)]
    small = sum(1 for number in unmet if _is_plain(number, rules))
    untraced = len(unmet) - small + max(0, small - rules.plain_numbers_max)
    return _result(
        "numbers_traced",
        untraced <= rules.untraced_numbers_max,
        f"文本中有 {untraced} 个数字不见于本申请中由平台重新计算的表格（允许 "
        f"{rules.untraced_numbers_max} 个）；请把相应的表格一并加入申请，或删去这些数字。",
        f"{untraced} numbers of the text stand in no recomputed table of this request (at most "
        f"{rules.untraced_numbers_max} may); add the table to the request, or drop the numbers.",
    )


def entropy_millibits(run: str) -> int:
    """Return the Shannon entropy of a run's characters, in thousandths of a bit a character."""
    counts = Counter(run)
    total = len(run)
    bits = -sum(count / total * math.log2(count / total) for count in counts.values())
    return int(bits * 1_000)


def _identifiers(texts: Sequence[str]) -> CheckResult:
    found = find_identifiers(texts)
    zh = "、".join(f"{NAMES[kind].zh} {count} 处" for kind, count in sorted(found.items()))
    en = ", ".join(f"{NAMES[kind].en} in {count} texts" for kind, count in sorted(found.items()))
    return _result(
        "identifiers",
        not found,
        f"疑似个人或组织标识：{zh}；请删去该列或改用掩码后的粗粒度字段。"
        if found
        else "未发现身份证、信用代码、手机、银行卡或车牌号码。",
        f"Numbers that look like identifiers: {en}; drop the column, or use a coarser one."
        if found
        else "No identity, credit, telephone, card or plate number was found.",
    )


def _unseen(texts: Sequence[str]) -> CheckResult:
    count = sum(1 for text in texts if any(map(_is_unseen, text)) or _SELECTORS.search(text))
    odd = sum(1 for text in texts if _ODD_SPACES.search(text) or _has_two_spellings(text))
    return _result(
        "unseen_characters",
        not count and not odd,
        f"{count + odd} 处文本含有不可见或方向控制字符；请重新录入这些文字。"
        if count or odd
        else "文本中没有不可见字符。",
        f"{count + odd} texts hold characters that nobody sees, or that turn the reading order; "
        "type them anew."
        if count or odd
        else "No text holds an unseen character.",
    )


def _has_two_spellings(text: str) -> bool:
    """Tell a text whose letters could be stored in another way, or are of two like alphabets."""
    return not unicodedata.is_normalized("NFC", text) or _MIXED.search(text) is not None


def _is_unseen(character: str) -> bool:
    if character in _ALLOWED:
        return False
    return unicodedata.category(character) in _UNSEEN_CATEGORIES


def _opaque(texts: Sequence[str], rules: ContentRules) -> CheckResult:
    count = sum(1 for text in texts if _has_opaque(text, rules))
    return _result(
        "opaque_runs",
        not count,
        f"{count} 处文本含有类似编码或密钥的长串；请删去，或说明后由指定人员书面例外。"
        if count
        else "文本中没有类似编码数据的长串。",
        f"{count} texts hold a long run that looks like encoded data or a key; drop it."
        if count
        else "No text holds a run that looks like encoded data.",
    )


def _has_opaque(text: str, rules: ContentRules) -> bool:
    joined = _CUT.sub("", text)
    return any(_is_opaque(run, rules) for run in (*_RUN.findall(text), *_RUN.findall(joined)))


def _is_opaque(run: str, rules: ContentRules) -> bool:
    """Tell encoded data from words: digits and both cases follow each other as in no language."""
    if len(run) < rules.opaque_characters_min:
        return False
    if run.isdigit():
        return True
    kinds = [_kind(character) for character in run]
    changes = sum(1 for one, other in pairwise(kinds) if one != other)
    return (
        changes * 1_000 >= rules.opaque_changes_per_mille_min * len(run)
        and entropy_millibits(run) >= rules.opaque_millibits_per_character_min
    )


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    return "upper" if character.isupper() else "lower"


def _active(texts: Sequence[str]) -> CheckResult:
    count = sum(1 for text in texts if _ACTIVE.search(text) or _ENTITY.search(text))
    return _result(
        "active_content",
        not count,
        f"{count} 处文本含有 HTML 或脚本；请改为纯文字。" if count else "文本中没有 HTML 或脚本。",
        f"{count} texts hold HTML or script; write plain words."
        if count
        else "No text holds HTML or script.",
    )


def _is_plain(number: Told, rules: ContentRules) -> bool:
    """Tell whether a number is a word: of few digits, or a year."""
    year = YEAR_FIRST <= number.value <= YEAR_LAST
    return number.plain and (year or number.value < 10**rules.plain_digits_max)


def _values(tables: Iterable[pa.Table]) -> list[Decimal]:
    """Return the magnitudes of a table's numbers, and their shares in per cent, in their order."""
    found: set[Decimal] = set()
    for table in tables:
        for column in table.columns:
            if is_number(column.type):
                read = (abs(Decimal(str(v))) for v in column.to_pylist() if v is not None)
                found.update(value for value in read if value.is_finite())
    return sorted({scaled for value in found for scaled in (value, value * 100)})


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column holds numbers, whole or not."""
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _is_met(number: Told, values: Sequence[Decimal]) -> bool:
    place = bisect_left(values, number.value - number.half)
    return place < len(values) and values[place] <= number.value + number.half


def _result(check: str, passed: bool, zh: str, en: str) -> CheckResult:
    return CheckResult(check, passed, Message(zh, en))
