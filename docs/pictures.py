"""Draws the pictures of private answers, in both languages; ``docs.generate`` keeps them current.

What a picture says of a rule (the length of a slot) is read from the rule file.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple

from policies.load import load_policies
from policies.schema.privacy import PrivacyRules

IMAGES = Path(__file__).parent / "images"
FONTS = (
    "'Noto Sans CJK SC','WenQuanYi Zen Hei','PingFang SC','Microsoft YaHei',"
    "Helvetica,Arial,sans-serif"
)
WIDTH = 1120
INK, SOFT, LINE, RED = "#1b2a3a", "#4a5a6a", "#33475b", "#9b2c2c"
GROUPS: Mapping[str, str] = {"A": "#2a6496", "B": "#2f7d4f", "C": "#b9822b"}
Language = Literal["zh", "en"]


class Tone(NamedTuple):
    """The fill and the border of a box."""

    fill: str
    border: str


BLUE, GREEN = Tone("#eef4fa", "#2a6496"), Tone("#e6f2ea", "#2f7d4f")
SAND, GREY = Tone("#fdf3e3", "#b9822b"), Tone("#f2f4f6", "#5a6b7c")
WHITE, ROSE = Tone("#ffffff", "#9bb4cb"), Tone("#fbeeee", "#9b2c2c")


class Drawing:
    """Collects the parts of one picture."""

    def __init__(self, height: int, title: str) -> None:
        """Begin with a white ground and the tip of an arrow."""
        self._parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                f'role="img" aria-label="{escape(title)}" font-family="{FONTS}">'
            ),
            (
                '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
                'markerHeight="8" orient="auto-start-reverse">'
                f'<path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker></defs>'
            ),
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        ]

    def box(self, place: tuple[float, float, float, float], tone: Tone) -> None:
        """Draw a box: left, top, width, height."""
        left, top, width, height = place
        self._parts.append(
            f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="8" '
            f'fill="{tone.fill}" stroke="{tone.border}" stroke-width="1.5"/>'
        )

    def text(
        self,
        at: tuple[float, float],
        words: str,
        *,
        size: float = 13.5,
        bold: bool = False,
        colour: str = SOFT,
        anchor: str = "start",
    ) -> None:
        """Write one line."""
        weight = 700 if bold else 400
        self._parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-size="{size}" font-weight="{weight}" '
            f'fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def lines(self, at: tuple[float, float], words: Sequence[str], size: float = 13.5) -> None:
        """Write several lines beneath each other."""
        for number, line in enumerate(words):
            self.text((at[0], at[1] + number * 21), line, size=size)

    def arrow(self, path: str) -> None:
        """Draw a line that ends in a tip."""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.6" '
            'marker-end="url(#arrow)"/>'
        )

    def mark(self, path: str, colour: str = LINE) -> None:
        """Draw a dashed line."""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4" '
            'stroke-dasharray="5 4"/>'
        )

    def row(self, at: tuple[float, float], group: str, number: str, *, kept: bool) -> None:
        """Draw one row of a person: filled where it counts, an outline where it is left out."""
        colour = GROUPS[group]
        dashes = "" if kept else ' stroke-dasharray="3 3"'
        self._parts.append(
            f'<rect x="{at[0]:g}" y="{at[1]:g}" width="40" height="30" rx="5" '
            f'fill="{colour if kept else "#ffffff"}" stroke="{colour}"{dashes}/>'
        )
        ink = "#ffffff" if kept else colour
        middle = (at[0] + 20, at[1] + 20)
        self.text(middle, group + number, bold=kept, colour=ink, anchor="middle")

    def written(self) -> str:
        """Return the picture."""
        return "\n".join([*self._parts, "</svg>", ""])


ROWS = ("A", "A", "A", "B", "B", "C")


class Lane(NamedTuple):
    """One road: its name, what it keeps of the six rows, and what is said beside them."""

    tone: Tone
    name: str
    kept: tuple[bool, ...]
    numbers: tuple[str, ...]
    told: tuple[str, str, str]
    made_one: bool


ROADS_TITLE: Mapping[Language, str] = {
    "en": "Four ways to bound what one person adds to an answer",
    "zh": "限制一个人对答案影响的四种方式",
}
PERSON: Mapping[Language, tuple[str, str, str]] = {
    "en": ("One person's rows", "in three groups,", "A, B and C"),
    "zh": ("一个人的各行", "分属 A、B、C", "三个组"),
}
LEGEND: Mapping[Language, str] = {
    "en": "Filled: counts in the answer. Dashed: left out, whatever is asked. "
    "A secret key decides which rows stay.",
    "zh": "实心：计入答案。虚线：不计入。保留哪些行由密钥决定，提问者无法挑选。",
}
TWO_BY_TWO = (True, True, False, True, True, False)
PLAIN = ("",) * len(ROWS)
RANKS = ("·1", "·3", "·4", "·2", "·6", "·5")
BY_RANK = (True, True, True, True, False, False)


def lanes(language: Language) -> list[Lane]:
    """Return the four roads in one language."""
    names = {
        "en": ("1  Bounded rows", "2  Stored ranks", "3  While answering", "4  Per person"),
        "zh": ("1  限界行", "2  存储的序号", "3  作答时限界", "4  先按人汇总"),
    }[language]
    told: list[tuple[str, str, str]] = {
        "en": [
            (
                "Kept at onboarding for a declared group set:",
                "here at most 2 groups and 2 rows in each.",
                "The answer reads these rows only. Fastest.",
            ),
            (
                "Every row is stored with its number in the",
                "person's own secret order. The question takes",
                "those up to a cap (here 4): any keys, any filter.",
            ),
            (
                "Counted off while the question runs, after its",
                "filter and by its own groups. Slowest; kept for",
                "comparison, as every version stores ranks.",
            ),
            (
                "An inner GROUP BY unit makes one row of all:",
                "a count, a sum, a least or a greatest value,",
                "brought into bounds that the question states.",
            ),
        ],
        "zh": [
            (
                "数据上线时按声明的分组集存好：",
                "此处每人至多 2 个组、每组至多 2 行。",
                "作答只读这些行，最快。",
            ),
            (
                "每一行都带着它在此人各行中的秘密序号。",
                "查询只取序号不超过上限的行（此处为 4），",
                "分组和筛选不限。",
            ),
            (
                "执行查询时先筛选，再按答案自身的分组计数截取。",
                "最慢；因每个版本都存有序号，",
                "目前只用于对照测量。",
            ),
            (
                "内层 GROUP BY unit 把一个人的各行并成一行：",
                "行数、合计、最小值或最大值，",
                "再收入查询写明的上下界。",
            ),
        ],
    }[language]
    tones = (GREEN, BLUE, GREY, SAND)
    kept = (TWO_BY_TWO, BY_RANK, TWO_BY_TWO, (True,) * len(ROWS))
    numbers = (PLAIN, RANKS, PLAIN, PLAIN)
    made_one = (False, False, False, True)
    parts = zip(tones, names, kept, numbers, told, made_one, strict=True)
    return [Lane(*lane) for lane in parts]


def roads(language: Language) -> str:
    """Draw how each road bounds one person."""
    drawing = Drawing(560, ROADS_TITLE[language])
    drawing.text((30, 38), ROADS_TITLE[language], size=18, bold=True, colour=INK)
    drawing.box((30, 62, 190, 440), WHITE)
    heading, *more = PERSON[language]
    drawing.text((48, 92), heading, size=16, bold=True, colour=INK)
    drawing.lines((48, 116), more)
    for number, group in enumerate(ROWS):
        drawing.row((105, 164 + number * 46), group, "", kept=True)
    for place, lane in enumerate(lanes(language)):
        top = 62 + place * 112
        drawing.arrow(f"M222 {top + 52}H268")
        drawing.box((270, top, 820, 104), lane.tone)
        drawing.text((288, top + 30), lane.name, size=16, bold=True, colour=INK)
        drawing.lines((700, top + 34), lane.told, size=13)
        if lane.made_one:
            one_row(drawing, top, language)
            continue
        for number, group in enumerate(ROWS):
            at = (288 + number * 54, top + 52)
            drawing.row(at, group, lane.numbers[number], kept=lane.kept[number])
    drawing.text((30, 536), LEGEND[language], size=13, colour=LINE)
    return drawing.written()


def one_row(drawing: Drawing, top: float, language: Language) -> None:
    """Draw six rows that become one."""
    for number, group in enumerate(ROWS):
        drawing.row((288 + number * 30, top + 52), group, "", kept=True)
    drawing.arrow(f"M486 {top + 67}H524")
    drawing.box((528, top + 52, 140, 30), WHITE)
    words = {"en": "6 rows, clamped to 5", "zh": "6 行，限为 5"}[language]
    drawing.text((598, top + 72), words, size=12.5, bold=True, colour=INK, anchor="middle")


SLOTS_TITLE: Mapping[Language, str] = {
    "en": "A private answer leaves at the end of its slot, whatever happened inside",
    "zh": "差分隐私答案在时隙结束时给出，与其间发生了什么无关",
}
STEPS: Mapping[Language, tuple[str, str, str]] = {
    "en": ("charged, decision logged", "slot begins", "slot ends: outcome logged, answer leaves"),
    "zh": ("已扣减，决定已落盘", "时隙开始", "时隙结束：记录结果，给出答案"),
}
COURSES: Mapping[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("The work succeeds", "noisy figures"),
        ("The work fails", "noisy figures of no row at all; this kind of plan is closed"),
    ),
    "zh": (
        ("执行成功", "加噪的数字"),
        ("执行失败", "如同没有一行匹配的加噪数字；此类计划随即停用"),
    ),
}
WORK: Mapping[Language, tuple[str, str, str, str]] = {
    "en": ("queue", "load", "work", "waiting"),
    "zh": ("排队", "装载", "执行", "等待"),
}
LENGTHS: Mapping[Language, str] = {
    "en": "Length of the slot, by kind of plan (rule file, policies/privacy)",
    "zh": "各类计划的时隙长度（规则文件 policies/privacy）",
}
KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "declared": "bounded rows",
        "ranked": "stored ranks",
        "heavy": "quantiles, unlisted groups",
        "per_unit": "per person",
        "joined": "two data sets, unit to unit",
        "unranked": "while answering",
    },
    "zh": {
        "declared": "限界行",
        "ranked": "存储的序号",
        "heavy": "分位数、未列明的组",
        "per_unit": "先按人汇总",
        "joined": "两个数据集按人相连",
        "unranked": "作答时限界",
    },
}
DECIDED_X, BEGINS_X, ENDS_X = 200, 330, 760


def slots(language: Language) -> str:
    """Draw the slot of a private answer that succeeds and of one that fails, and all lengths."""
    drawing = Drawing(548, SLOTS_TITLE[language])
    drawing.text((30, 38), SLOTS_TITLE[language], size=18, bold=True, colour=INK)
    anchors = ((DECIDED_X, "middle"), (BEGINS_X, "middle"), (ENDS_X, "middle"))
    for (x, anchor), words in zip(anchors, STEPS[language], strict=True):
        drawing.text((x, 78), words, size=12.5, colour=INK, anchor=anchor)
        drawing.mark(f"M{x} 88V250")
    ways = zip(COURSES[language], (GREEN, ROSE), (BEGINS_X + 250, BEGINS_X + 130), strict=True)
    for place, (course, tone, done_x) in enumerate(ways):
        one_course(drawing, 100 + place * 80, course, (tone, done_x), language)
    slot_lengths(drawing, language)
    return drawing.written()


def one_course(
    drawing: Drawing,
    top: float,
    course: tuple[str, str],
    work: tuple[Tone, float],
    language: Language,
) -> None:
    """Draw how one private answer comes about, from its decision to its end."""
    (name, given), (tone, done_x) = course, work
    drawing.text((30, top + 34), name, size=14.5, bold=True, colour=INK)
    ends = (DECIDED_X, BEGINS_X, BEGINS_X + 60, done_x, ENDS_X)
    tones = (GREY, BLUE, tone, WHITE)
    for left, right, piece, words in zip(ends, ends[1:], tones, WORK[language], strict=False):
        drawing.box((left + 2, top + 12, right - left - 4, 34), piece)
        drawing.text(((left + right) / 2, top + 34), words, size=12.5, anchor="middle")
    drawing.arrow(f"M{ENDS_X + 2} {top + 29}H{ENDS_X + 30}")
    said = given.split("; ") if "; " in given else given.split("；")
    for number, line in enumerate(said):
        drawing.text((ENDS_X + 38, top + 33 + (number - (len(said) - 1) / 2) * 20), line, size=13)


def slot_lengths(drawing: Drawing, language: Language) -> None:
    """Draw a bar for each kind of plan, as long as the rule file says."""
    milliseconds = load_policies().rules(PrivacyRules).answer_slot_milliseconds
    drawing.text((30, 300), LENGTHS[language], size=15, bold=True, colour=INK)
    longest = max(milliseconds.values())
    for place, (kind, name) in enumerate(KINDS[language].items()):
        length = milliseconds[kind]  # type: ignore[index]
        top = 320 + place * 36
        drawing.text((30, top + 19), name, size=13.5)
        drawing.box((240, top, max(760 * length / longest, 8), 26), BLUE)
        unit = {"en": "s", "zh": "秒"}[language]
        beside = 250 + 760 * length / longest
        drawing.text((beside, top + 19), f"{length / 1000:g} {unit}", bold=True, colour=INK)


def pictures() -> dict[str, str]:
    """Return every picture by the name of its file."""
    languages: tuple[Language, ...] = ("en", "zh")
    return {
        f"{name}.{language}.svg": draw(language)
        for name, draw in (("private-roads", roads), ("private-slots", slots))
        for language in languages
    }
