"""Draws the road of a catalogue entry and a clock over a holiday; the calendar counts the days."""

from collections.abc import Mapping
from datetime import date, timedelta

from docs.pictures import BLUE, GREEN, GREY, INK, ROSE, SAND, WHITE, Drawing, Language, Tone
from policies.effective import calendar_of
from policies.load import load_policies

ROAD_TITLE: Mapping[Language, str] = {
    "en": "The road of a catalogue entry: three people of two houses see every text",
    "zh": "目录条目的办理流程：每一文本都经两个单位的三个人",
}
CLOCK_TITLE: Mapping[Language, str] = {
    "en": "Ten working days over National Day 2026, counted once",
    "zh": "十个工作日跨越 2026 年国庆假期：只计算一次",
}
STEPS: Mapping[Language, tuple[tuple[str, str, str], ...]] = {
    "en": (
        ("draft", "the department", "nine legal fields"),
        ("two assessments", "the department", "secrecy, personal data"),
        ("sign-off", "its head", "over exactly this text"),
        ("submitted", "the department", "2 working days begin"),
        ("reviewed", "the data authority", "another person and house"),
        ("published", "everybody sees it", "version n, change feed"),
    ),
    "zh": (
        ("草稿", "部门人员", "九项法定要素"),
        ("两项评估", "部门人员", "保密、个人信息"),
        ("负责人审签", "部门负责人", "只对这一文本有效"),
        ("提交", "部门人员", "两个工作日开始计算"),
        ("审核", "数据主管部门", "另一单位、另一人"),
        ("发布", "各方可见", "第 n 版，变更动态"),
    ),
}
BACK: Mapping[Language, tuple[str, str]] = {
    "en": (
        "any change after the sign-off undoes it",
        "returned once, with everything that lacks: the clock starts afresh",
    ),
    "zh": ("审签之后的任何改动都使审签失效", "退回一次，所缺材料一次告知；补齐后重新计算期限"),
}
CHANGE: Mapping[Language, str] = {
    "en": "A change is a new text on the same road; the last version stays published until then.",
    "zh": "变更是走同一流程的新文本，其间仍以上一版本为准。",
}
KINDS: Mapping[Language, tuple[tuple[Tone, str], ...]] = {
    "en": (
        (BLUE, "working day, counted"),
        (GREEN, "make-up day, counted"),
        (GREY, "weekend or holiday"),
        (ROSE, "last day"),
    ),
    "zh": (
        (BLUE, "工作日，计入"),
        (GREEN, "调休上班日，计入"),
        (GREY, "周末或假日"),
        (ROSE, "届满日"),
    ),
}
STARTS: Mapping[Language, str] = {"en": "starts: not counted", "zh": "起算日，不计入"}
KEPT: Mapping[Language, str] = {
    "en": "Kept with the matter: the last day, the digests of its calendar and of its rules.",
    "zh": "随办件保存：届满日、日历摘要、规则摘要。",
}
STEP_WIDTH, STEP_LEFT, STEP_TOP = 160, 30, 66
STARTED, WORKING_DAYS = date(2026, 9, 30), 10
DAY_WIDTH, DAYS_LEFT, DAYS_TOP = 50, 30, 74


def entry_road(language: Language) -> str:
    """Draw the six steps with who takes them, and the two ways back."""
    drawing = Drawing(330, ROAD_TITLE[language])
    drawing.text((30, 38), ROAD_TITLE[language], size=18, bold=True, colour=INK)
    tones = (GREY, GREY, SAND, GREY, SAND, GREEN)
    for place, ((name, who, what), tone) in enumerate(zip(STEPS[language], tones, strict=True)):
        left = STEP_LEFT + place * (STEP_WIDTH + 20)
        drawing.box((left, STEP_TOP, STEP_WIDTH, 92), tone)
        middle = left + STEP_WIDTH / 2
        drawing.text((middle, STEP_TOP + 28), name, size=15, bold=True, colour=INK, anchor="middle")
        drawing.text((middle, STEP_TOP + 52), who, size=12.5, anchor="middle")
        drawing.text((middle, STEP_TOP + 74), what, size=11.5, anchor="middle")
        if place:
            drawing.arrow(f"M{left - 19} {STEP_TOP + 46}H{left - 2}")
    foot = STEP_TOP + 92
    undone, returned = BACK[language]
    first, third, fifth = (STEP_LEFT + n * (STEP_WIDTH + 20) + STEP_WIDTH / 2 for n in (0, 2, 4))
    drawing.arrow(f"M{third} {foot}V{foot + 36}H{first + 30}V{foot + 3}")
    drawing.text((first + 40, foot + 30), undone, size=12.5)
    drawing.arrow(f"M{fifth} {foot}V{foot + 86}H{first - 30}V{foot + 3}")
    drawing.text((first + 40, foot + 80), returned, size=12.5)
    drawing.text((30, 306), CHANGE[language], size=13, colour=INK)
    return drawing.written()


def matter_clock(language: Language) -> str:
    """Draw each day of a clock of ten working days, as the calendar in force counts it."""
    calendar = calendar_of(load_policies(), "china")
    last = calendar.due(STARTED, WORKING_DAYS)
    drawing = Drawing(272, CLOCK_TITLE[language])
    drawing.text((30, 38), CLOCK_TITLE[language], size=18, bold=True, colour=INK)
    counted = 0
    for place in range((last - STARTED).days + 1):
        day = STARTED + timedelta(days=place)
        working = calendar.is_working_day(day)
        counts = working and day > STARTED
        counted += counts
        left = DAYS_LEFT + place * DAY_WIDTH
        drawing.box((left, DAYS_TOP, DAY_WIDTH - 4, 62), _tone(day, last, working=working))
        middle = left + (DAY_WIDTH - 4) / 2
        written = f"{day.month}-{day.day}"
        drawing.text((middle, DAYS_TOP + 25), written, size=12.5, colour=INK, anchor="middle")
        number = str(counted) if counts else "·"
        drawing.text((middle, DAYS_TOP + 48), number, size=14, bold=counts, anchor="middle")
    drawing.text((DAYS_LEFT, DAYS_TOP + 86), STARTS[language], size=12.5)
    for place, (tone, words) in enumerate(KINDS[language]):
        left = DAYS_LEFT + place * 260
        drawing.box((left, DAYS_TOP + 112, 26, 20), tone)
        drawing.text((left + 36, DAYS_TOP + 127), words, size=12.5)
    drawing.text((30, 250), KEPT[language], size=13, colour=INK)
    return drawing.written()


def _tone(day: date, last: date, *, working: bool) -> Tone:
    if day in (STARTED, last):
        return WHITE if day == STARTED else ROSE
    if working:
        return GREEN if day.isoweekday() > 5 else BLUE  # noqa: PLR2004 - Saturday and Sunday
    return GREY


def catalogue_pictures() -> dict[str, str]:
    """Return both pictures in both languages by the names of their files."""
    languages: tuple[Language, ...] = ("en", "zh")
    return {
        f"{name}.{language}.svg": draw(language)
        for name, draw in (("entry-road", entry_road), ("matter-clock", matter_clock))
        for language in languages
    }
