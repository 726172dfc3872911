"""What a page may hold: facts, rows, words, links, a timeline, a form. Text only, never markup.

``Text`` is either our own bilingual words (Message) or somebody's data (str); the template escapes
both. A link leads only to this platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message

CHINA = timezone(timedelta(hours=8))
"""Pages show China Standard Time; it has no daylight saving."""
Text = Message | str


@dataclass(frozen=True)
class Link:
    """A way to another page of ours. ``strong`` marks the main one."""

    text: Text
    href: str
    strong: bool = False

    def __post_init__(self) -> None:
        """Refuse an address that leads away: a stored text must never become one."""
        if not self.href.startswith("/") or self.href.startswith("//") or "\\" in self.href:
            raise ValueError("a page links within the platform only")


@dataclass(frozen=True)
class Badge:
    """A short state, coloured: ``good``, ``wait``, ``bad`` or ``plain``."""

    text: Text
    tone: str = "plain"


@dataclass(frozen=True)
class Noted:
    """Words, and what stands small beneath them."""

    text: Text
    note: Text


NOTHING = Message("暂无记录。", "Nothing here yet.")
Cell = Message | str | int | Link | Badge | Noted | None
"""What may stand in one place. An int is shown with digit groups."""


@dataclass(frozen=True)
class Heading:
    """A heading inside a page."""

    text: Text
    kind: str = field(default="heading", init=False)


@dataclass(frozen=True)
class Paragraph:
    """A few sentences; ``tone`` as for a badge."""

    text: Text
    tone: str = "plain"
    kind: str = field(default="paragraph", init=False)


@dataclass(frozen=True)
class Facts:
    """Names and values of one thing."""

    facts: Sequence[tuple[Text, Cell]]
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Rows:
    """A table; ``empty`` is what stands where there are no rows, ``following`` the next page."""

    columns: Sequence[Text]
    rows: Sequence[Sequence[Cell]]
    empty: Text = NOTHING
    following: str = ""
    kind: str = field(default="rows", init=False)


@dataclass(frozen=True)
class Links:
    """What can be done next."""

    links: Sequence[Link]
    kind: str = field(default="links", init=False)


@dataclass(frozen=True)
class Event:
    """One thing that happened, for a timeline."""

    when: str
    what: Text
    who: Text = ""
    more: Text = ""


@dataclass(frozen=True)
class Timeline:
    """What happened, oldest first."""

    events: Sequence[Event]
    kind: str = field(default="timeline", init=False)


@dataclass(frozen=True)
class Bars:
    """Figures as bars, where a picture tells more: a label, a value, what the value is of."""

    bars: Sequence[tuple[Text, int]]
    unit: Text = ""
    kind: str = field(default="bars", init=False)

    @property
    def most(self) -> int:
        """The largest value, at least one."""
        return max([1, *(value for _label, value in self.bars)])


@dataclass(frozen=True)
class Field:
    """One thing that is asked for.

    ``kind``: text, area (many lines), number, date, choice, several (one or more choices), yes
    (a box to tick), file, hidden. ``choices`` pairs a stored value with its words.
    """

    name: str
    label: Text
    kind: str = "text"
    required: bool = True
    help: Text = ""
    choices: Sequence[tuple[str, Text]] = ()
    value: str = ""


@dataclass(frozen=True)
class Form:
    """The fields of one move, and the word on its button. ``danger`` marks what ends a thing."""

    fields: Sequence[Field]
    button: Text = field(default=Message("提交", "Submit"))
    title: Text = ""
    intro: Text = ""
    danger: bool = False

    @property
    def has_file(self) -> bool:
        """Whether a file is asked for, so that the form is sent in parts."""
        return any(item.kind == "file" for item in self.fields)


@dataclass(frozen=True)
class Filled:
    """A form with what was entered, and the problem it met."""

    form: Form
    action: str
    values: dict[str, str] = field(default_factory=dict)
    problem: Text = ""
    problem_field: str = ""
    way_out: Text = ""
    method: str = "post"
    kind: str = field(default="form", init=False)


Block = Heading | Paragraph | Facts | Rows | Links | Timeline | Bars | Filled


def shown_time(time_us: int | None) -> str:
    """Return an instant (UTC microseconds) as people here read it, to the minute."""
    if time_us is None:
        return "—"
    moment = datetime.fromtimestamp(time_us // MICROSECONDS_PER_SECOND, UTC).astimezone(CHINA)
    return f"{moment:%Y-%m-%d %H:%M}"
