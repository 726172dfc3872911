"""What officials call the catalogue's states, attributes and lists, in both languages."""

from collections.abc import Mapping, Sequence

from catalog.book.states import EntryState, Move
from foundation.errors import Message
from service.pages.blocks import Badge, Cell

STATES: Mapping[str, Badge] = {
    EntryState.DRAFT: Badge(Message("草稿", "Draft"), "plain"),
    EntryState.SUBMITTED: Badge(Message("待审", "Under review"), "wait"),
    EntryState.REFUSED: Badge(Message("不予发布", "Refused"), "bad"),
    EntryState.PUBLISHED: Badge(Message("已发布", "Published"), "good"),
    EntryState.CHANGE_SUBMITTED: Badge(Message("变更待审", "Change under review"), "wait"),
    EntryState.WITHDRAWN: Badge(Message("已下线", "Withdrawn"), "bad"),
    EntryState.DISCARDED: Badge(Message("已作废", "Given up"), "plain"),
}
MOVES: Mapping[str, Message] = {
    Move.DRAFTED: Message("起草", "Drafted"),
    Move.REVISED: Message("修改", "Rewritten"),
    Move.ASSESSED: Message("录入评估", "Assessment entered"),
    Move.SIGNED_OFF: Message("部门负责人审签", "Signed off by the head"),
    Move.SUBMITTED: Message("提交审核", "Submitted for review"),
    Move.PUBLISHED: Message("发布", "Published"),
    Move.RETURNED: Message("退回补正", "Returned to be completed"),
    Move.REFUSED: Message("不予发布", "Publication refused"),
    Move.CHANGE_BEGUN: Message("启动变更", "Change begun"),
    Move.WITHDRAWN: Message("下线", "Withdrawn"),
    Move.DISCARDED: Message("草稿作废", "Draft given up"),
}
SHARE: Sequence[tuple[str, Message]] = (
    ("unconditional", Message("无条件共享", "Shared unconditionally")),
    ("conditional", Message("有条件共享", "Shared conditionally")),
    ("withheld", Message("不予共享", "Not shared")),
)
OPEN: Sequence[tuple[str, Message]] = (
    ("unconditional", Message("无条件开放", "Open")),
    ("conditional", Message("有条件开放", "Conditionally open")),
    ("withheld", Message("不予开放", "Not open")),
)
RETURN: Sequence[tuple[str, Message]] = (
    ("unconditional", Message("无条件回流", "Returned unconditionally")),
    ("conditional", Message("有条件回流", "Returned conditionally")),
    ("none", Message("不回流", "Not returned")),
)
MODE: Sequence[tuple[str, Message]] = (
    ("service", Message("服务接口", "Service interface")),
    ("batch", Message("批量交换", "Batch exchange")),
    ("file", Message("文件下载", "File download")),
    ("sandbox", Message("沙箱内使用", "Inside the sandbox")),
)
FREQUENCY: Sequence[tuple[str, Message]] = (
    ("real_time", Message("实时", "Real time")),
    ("daily", Message("每日", "Daily")),
    ("weekly", Message("每周", "Weekly")),
    ("monthly", Message("每月", "Monthly")),
    ("quarterly", Message("每季", "Quarterly")),
    ("half_yearly", Message("每半年", "Half-yearly")),
    ("yearly", Message("每年", "Yearly")),
    ("once", Message("一次性", "Once")),
)
GRADE: Sequence[tuple[str, Message]] = (
    ("L1", Message("一般数据 1 级", "General data, level 1")),
    ("L2", Message("一般数据 2 级", "General data, level 2")),
    ("L3", Message("一般数据 3 级", "General data, level 3")),
    ("L4", Message("一般数据 4 级", "General data, level 4")),
)
_LISTS: Mapping[str, Sequence[tuple[str, Message]]] = {
    "share_attribute": SHARE,
    "open_attribute": OPEN,
    "return_attribute": RETURN,
    "share_mode": MODE,
    "update_frequency": FREQUENCY,
    "classification.grade": GRADE,
}


def shown(field: str, value: object, language: str) -> str:
    """Return a field's value as people read it, in one language; a dash for nothing."""
    words = dict(_LISTS.get(field, ())).get(value) if isinstance(value, str) else None
    if words is not None:
        return words.in_language(language)
    if isinstance(value, Mapping):
        if "zh" in value:
            return str(value["zh"] if language == "zh" else value.get("en") or value["zh"])
        parts = (shown(f"{field}.{name}", part, language) for name, part in value.items())
        return "；".join(part for part in parts if part != "—")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "、".join(shown(field, part, language) for part in value) or "—"
    return "—" if value in (None, "") else str(value)


def state_of(state: str) -> Cell:
    """Return an entry's state as a badge."""
    return STATES[state]
