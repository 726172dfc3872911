"""Decides whether a catalogue code is built as the guide of 2017 says, and takes it apart.

政务信息资源目录编制指南（试行）: class (类, one digit), item (项, two), subject (目, three), detail
(细目, any number), then a separator and a running number. Separator and classes are rules.
"""

import re
from dataclasses import dataclass

from foundation.errors import InvalidInput, Message
from policies.schema.catalog import CodeRules


@dataclass(frozen=True)
class CodeParts:
    """One catalogue code in its parts; ``front`` is all before the separator."""

    kind: str
    item: str
    subject: str
    detail: str
    sequence: str

    @property
    def front(self) -> str:
        """Class, item, subject and detail together: the place in the classification."""
        return f"{self.kind}{self.item}{self.subject}{self.detail}"


def parts_of(code: str, rules: CodeRules) -> CodeParts | None:
    """Take a code apart; None where it is not built by the rules."""
    found = re.fullmatch(
        rf"(?P<kind>[0-9])(?P<item>[0-9]{{2}})(?P<subject>[0-9]{{3}})"
        rf"(?P<detail>[0-9]{{0,{rules.detail_digits_max}}}){re.escape(rules.separator)}"
        rf"(?P<sequence>[0-9]{{1,{rules.sequence_digits_max}}})",
        code,
        re.ASCII,
    )
    if found is None or found["kind"] not in {item.digit for item in rules.classes}:
        return None
    return CodeParts(**found.groupdict())


def check_code(code: str, rules: CodeRules, field: str) -> CodeParts:
    """Return the parts of a code. Raises InvalidInput where it is not built by the rules."""
    found = parts_of(code, rules)
    if found is not None:
        return found
    example = f"{rules.classes[-1].digit}04001{rules.separator}12"
    classes_zh = "、".join(f"{item.digit} {item.zh}" for item in rules.classes)
    classes_en = ", ".join(f"{item.digit} {item.en}" for item in rules.classes)
    raise InvalidInput(
        "entry_code_invalid",
        Message(
            zh=f"目录代码应为：类 1 位（{classes_zh}）、项 2 位、目 3 位、细目不定长，"
            f"再加“{rules.separator}”和顺序号，例如 {example}。",
            en=f"A catalogue code is one digit of class ({classes_en}), two of item, three of "
            f"subject, any of detail, then {rules.separator!r} and a running number: {example}.",
        ),
        field=field,
        rule=rules.source,
    )
