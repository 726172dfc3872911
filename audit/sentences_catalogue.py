"""What entries of the catalogue's book say to people, in both languages."""

from audit.tags import EntryKind
from foundation.errors import Message

CATALOGUE_SENTENCES: dict[EntryKind, Message] = {
    EntryKind.ENTRY_DRAFTED: Message("已起草目录条目", "A catalogue entry was drafted"),
    EntryKind.ENTRY_REVISED: Message("目录条目草稿已修改", "The draft of an entry was rewritten"),
    EntryKind.ENTRY_ASSESSED: Message(
        "已录入目录条目评估", "An assessment of an entry was entered"
    ),
    EntryKind.ENTRY_SIGNED_OFF: Message(
        "目录条目已审签", "A department's head signed an entry off"
    ),
    EntryKind.ENTRY_SUBMITTED: Message("目录条目已提交审核", "An entry was submitted for review"),
    EntryKind.ENTRY_PUBLISHED: Message("目录条目已发布", "A catalogue entry was published"),
    EntryKind.ENTRY_RETURNED: Message(
        "目录条目已退回补正", "An entry was returned to be completed"
    ),
    EntryKind.ENTRY_REFUSED: Message("目录条目不予发布", "The publication of an entry was refused"),
    EntryKind.ENTRY_CHANGE_BEGUN: Message("目录条目变更已启动", "A change of an entry began"),
    EntryKind.ENTRY_WITHDRAWN: Message("目录条目已下线", "An entry was taken off the catalogue"),
    EntryKind.ENTRY_DRAFT_DISCARDED: Message(
        "目录条目草稿已作废", "The draft of an entry was given up"
    ),
    EntryKind.BATCH_DRAFTED: Message("已批量起草目录条目", "A batch of entries was drafted"),
    EntryKind.BATCH_ASSESSED: Message(
        "已录入整批目录评估", "The assessments of a batch were entered"
    ),
    EntryKind.BATCH_SIGNED_OFF: Message("整批目录已审签", "A department's head signed a batch off"),
    EntryKind.BATCH_SUBMITTED: Message("整批目录已提交审核", "A batch was submitted for review"),
    EntryKind.BATCH_PUBLISHED: Message("整批目录已发布", "A batch of entries was published"),
    EntryKind.BATCH_RETURNED: Message("整批目录已退回补正", "A batch was returned to be completed"),
    EntryKind.BATCH_REFUSED: Message("整批目录不予发布", "The publication of a batch was refused"),
    EntryKind.SYSTEM_REGISTERED: Message("已登记信息系统", "An information system was registered"),
    EntryKind.SYSTEM_RETIRED: Message("信息系统已停用", "An information system was retired"),
    EntryKind.ENTRY_WATCHED: Message(
        "已订阅目录变更", "Changes of the catalogue were subscribed to"
    ),
    EntryKind.ENTRY_UNWATCHED: Message(
        "目录变更订阅已终止", "A subscription to the catalogue's changes ended"
    ),
}
