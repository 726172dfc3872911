"""What each mask discloses, in a sentence for whoever signs a licence that uses it."""

from catalog.datasets import IdentifierFormat, Mask, MaskKind
from foundation.errors import Message

_DISCLOSES: dict[MaskKind, Message] = {
    MaskKind.NONE: Message("披露原值。", "Discloses the value itself."),
    MaskKind.REDACT: Message(
        "不披露任何内容，也不披露是否有值（非文本列为空）。",
        "Discloses nothing, not even whether there is a value (NULL where the column is no text).",
    ),
    MaskKind.NULL: Message("不披露任何内容。", "Discloses nothing."),
    MaskKind.PARTIAL: Message(
        "披露首尾若干字符、是否为空以及值是否过短；不披露长度。",
        "Discloses the first and last characters, whether there is a value, and whether it is too "
        "short to show; not its length.",
    ),
    MaskKind.PSEUDONYM: Message(
        "披露同一关联组内哪些值相等及其次数；无密钥者无法由已知值算出假名。",
        "Discloses which values of one linkage group are equal, and how often; nobody without the "
        "key can compute the pseudonym of a known value.",
    ),
    MaskKind.GENERALISE: Message(
        "披露数值或日期所在的区间。", "Discloses the span that a number or date lies in."
    ),
    MaskKind.REGION: Message(
        "披露所在的省、市或县级区划，或所声明层级中的上级。",
        "Discloses the province, city or county, or what stands above in the declared hierarchy.",
    ),
    MaskKind.BUCKET: Message(
        "披露数值所在的已声明分段。", "Discloses the declared bucket that a number lies in."
    ),
}
_KEPT: dict[IdentifierFormat, Message] = {
    IdentifierFormat.RESIDENT_ID: Message(
        "所声明级别的区划（及出生年，如已声明）",
        "the region to the declared level (and the year of birth, where declared)",
    ),
    IdentifierFormat.MOBILE: Message("前三位号段", "the first three digits (the network)"),
    IdentifierFormat.CREDIT_CODE: Message(
        "登记管理部门、机构类别和所声明级别的区划",
        "the registrar, the class and the region to the declared level",
    ),
    IdentifierFormat.BANK_CARD: Message(
        "发卡机构六位标识和位数", "the issuer's six digits and the length"
    ),
    IdentifierFormat.NUMBER_PLATE: Message(
        "省份、发牌机关字母和号牌种类", "the province, the city letter and the kind of plate"
    ),
}


def discloses(mask: Mask) -> Message:
    """Say what the holder of a masked column learns of each value."""
    if mask.kind is not MaskKind.FORMAT:
        return _DISCLOSES[mask.kind]
    if mask.format is None:
        return _DISCLOSES[MaskKind.NULL]
    kept = _KEPT[mask.format]
    return Message(
        f"披露{kept.zh}、哪些值相等，以及值是否符合该格式；其余部分为假名，可能恰为他人真号。",
        f"Discloses {kept.en}, which values are equal, and whether a value has the form; the rest "
        "is a pseudonym, and may happen to be another's real number.",
    )
