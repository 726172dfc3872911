"""What the values of a column look like: shares of them that each detector recognises.

Numbers are recognised by check digit (``catalog.detectors.numbers``); names, addresses and e-mail
by their shape, which proves nothing: such a likeness only ever suggests. Standard library only:
the confined child runs it, and only shares leave it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from catalog.detectors.numbers import kinds_in

EMAIL, PERSON_NAME, ADDRESS = "email", "person_name", "address"
PER_MILLE = 1_000
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
"""The hundred most frequent surnames, most frequent first (公安部 statistics)."""
COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐")
_HAN_NAME = re.compile(r"[\u4e00-\u9fff·]{2,4}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_PLACE = re.compile(r"省|自治区|市|区|县|旗|镇|乡|街道|村|社区")
_STREET = re.compile(r"路|街|巷|弄|大道|小区|号|栋|幢|单元|室|组")
_ADDRESS_CHARACTERS_MIN = 6


def shares(values: Iterable[str | None]) -> dict[str, int]:
    """Return, per mille of the values that are there, how many each detector recognises.

    Detectors that recognise nothing are left out.
    """
    seen: Counter[str] = Counter()
    present = 0
    for text, times in Counter(values).items():
        if text is None or not text.strip():
            continue
        present += times
        for kind in likenesses(text):
            seen[kind] += times
    return {kind: count * PER_MILLE // present for kind, count in sorted(seen.items())}


def likenesses(text: str) -> set[str]:
    """Tell which detectors recognise one value."""
    found = kinds_in(text)
    plain = unicodedata.normalize("NFKC", text).strip()
    found.update(kind for kind, looks in _SHAPES.items() if looks(plain))
    return found


def _is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    known = text[:1] in SURNAMES or text.startswith(COMPOUND_SURNAMES)
    return known and _HAN_NAME.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    if len(text) < _ADDRESS_CHARACTERS_MIN:
        return False
    return _PLACE.search(text) is not None and _STREET.search(text) is not None


_SHAPES: Mapping[str, Callable[[str], bool]] = {
    EMAIL: _is_email,
    PERSON_NAME: _is_name,
    ADDRESS: _is_address,
}
