"""What entries of sharing and of the data hall say to people, in both languages."""

from audit.tags import EntryKind
from foundation.errors import Message

SHARING_SENTENCES: dict[EntryKind, Message] = {
    EntryKind.SHARE_DRAFTED: Message("已起草共享申请", "A sharing request was drafted"),
    EntryKind.SHARE_SIGNED: Message("申请单位负责人已审签", "A head signed a sharing request"),
    EntryKind.SHARE_SUBMITTED: Message("共享申请已提交", "A sharing request was submitted"),
    EntryKind.SHARE_COMPLETED: Message(
        "共享申请材料已补齐", "The papers of a sharing request were completed"
    ),
    EntryKind.SHARE_WITHDRAWN: Message("共享申请已撤回", "A sharing request was withdrawn"),
    EntryKind.SHARE_DECIDED: Message("提供单位已作出共享决定", "A provider decided on sharing"),
    EntryKind.SHARE_SUPPLIED: Message("共享数据已供给", "Shared data was supplied"),
    EntryKind.SHARE_DELIVERY_DECIDED: Message(
        "已准予一次共享数据提供", "A delivery of shared data was permitted"
    ),
    EntryKind.SHARE_DELIVERED: Message("共享数据已提供", "Shared data was delivered"),
    EntryKind.SHARE_TRACED: Message("已追溯外流文件", "A stray file was traced"),
    EntryKind.SHARE_USE_RECORDED: Message(
        "已登记共享数据使用情况", "The use of shared data was recorded"
    ),
    EntryKind.SHARE_SUSPENDED: Message("共享已暂停", "A sharing was suspended"),
    EntryKind.SHARE_RECTIFIED: Message("已提交整改情况", "A rectification was handed in"),
    EntryKind.SHARE_RESUMED: Message("共享已恢复", "A sharing was resumed"),
    EntryKind.SHARE_TERMINATED: Message("共享已终止", "A sharing was terminated"),
    EntryKind.SHARE_TERM_REMINDED: Message(
        "已提醒使用时限将至", "A department was told that its term of use ends"
    ),
    EntryKind.SHARE_DISPOSED: Message(
        "共享数据已销毁并出具证明", "The destruction of shared data was certified"
    ),
    EntryKind.DEMAND_STATED: Message("已登记数据需求", "A data demand was stated"),
    EntryKind.DEMAND_TEAM_ASSIGNED: Message(
        "已为需求组建专项小组", "A team was assigned to a demand"
    ),
    EntryKind.DEMAND_MATCHED: Message("需求对接已办结", "A demand was matched or refused"),
    EntryKind.DEMAND_WITHDRAWN: Message("数据需求已撤回", "A data demand was withdrawn"),
    EntryKind.RESPONSIBILITY_ASSIGNED: Message("已列入责任清单", "A responsibility was listed"),
    EntryKind.PROMOTION_DECIDED: Message(
        "应用推广已办结", "The promotion of an application was decided"
    ),
    EntryKind.PROMOTION_PROPOSED: Message(
        "已申报应用推广", "An application was put forward for promotion"
    ),
    EntryKind.HALL_SEAT_OPENED: Message("大厅席位已设立", "A seat of the data hall was opened"),
    EntryKind.HALL_REPRESENTATIVE_NAMED: Message(
        "部门已推荐首席代表", "A department named a chief representative"
    ),
    EntryKind.HALL_REPRESENTATIVE_CONFIRMED: Message(
        "首席代表已确认入驻", "A chief representative was confirmed"
    ),
    EntryKind.HALL_REPRESENTATIVE_ENDED: Message(
        "首席代表任职已结束", "A chief representative's term ended"
    ),
    EntryKind.HALL_DUTY_BEGUN: Message("首席代表已到岗", "A chief representative came on duty"),
    EntryKind.HALL_DUTY_ENDED: Message("首席代表已离岗", "A chief representative went off duty"),
    EntryKind.HALL_MATTER_TAKEN: Message("席位已接办件", "A seat took a matter"),
    EntryKind.HALL_MATTER_HANDED_OVER: Message("办件已移交", "A matter was handed over"),
    EntryKind.HALL_RECORD_PRINTED: Message("值班记录已打印", "A duty record was printed"),
    EntryKind.SEAL_ORDERED: Message(
        "已决定使用数据共享专用章", "The use of the data-sharing seal was ordered"
    ),
    EntryKind.DECISION_SEALED: Message("决定已加盖数据共享专用章", "A decision was sealed"),
}
