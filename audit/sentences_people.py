"""What entries of logins, people, roles, matters and notices say to people, in both languages."""

from audit.tags import EntryKind
from foundation.errors import Message

PEOPLE_SENTENCES: dict[EntryKind, Message] = {
    EntryKind.LOGIN_OPENED: Message("已登录", "Somebody signed in"),
    EntryKind.LOGIN_ENDED: Message("登录已结束", "A login ended"),
    EntryKind.LOGIN_REFUSED: Message("登录被拒绝", "A login was refused"),
    EntryKind.LOGIN_BINDING_PROPOSED: Message(
        "已提出认证源用户与账号的绑定", "Binding an issuer's subject to an account was proposed"
    ),
    EntryKind.IDENTITY_KNOWN: Message(
        "已核验登录者的自然人身份", "A login's natural person was recognised"
    ),
    EntryKind.LOGIN_BOUND: Message(
        "已将认证源的用户与账号绑定", "An issuer's subject was bound to an account"
    ),
    EntryKind.LOGIN_UNBOUND: Message(
        "已解除认证源用户与账号的绑定", "An issuer's subject no longer acts for an account"
    ),
    EntryKind.ORGANISATION_CREATED: Message("已登记机构", "An organisation was registered"),
    EntryKind.PERSON_CREATED: Message("已登记人员", "A person was registered"),
    EntryKind.PERSON_SUSPENDED: Message("已暂停人员", "A person was suspended"),
    EntryKind.ORGANISATION_SUSPENDED: Message("已暂停机构", "An organisation was suspended"),
    EntryKind.GRANT_PROPOSED: Message(
        "已提出人员或角色变更", "A change of people or roles was proposed"
    ),
    EntryKind.GRANT_CONFIRMED: Message(
        "人员或角色变更已生效", "A change of people or roles came into force"
    ),
    EntryKind.GRANT_REFUSED: Message(
        "人员或角色变更被否决", "A change of people or roles was refused"
    ),
    EntryKind.GRANT_WITHDRAWN: Message(
        "人员或角色变更已撤回", "A change of people or roles was withdrawn"
    ),
    EntryKind.ROLES_EXPIRED: Message("角色到期失效", "Roles granted for a time came to their end"),
    EntryKind.RELATION_DECLARED: Message(
        "已申报机构控制关系", "A relation of control between organisations was declared"
    ),
    EntryKind.CREDENTIAL_ISSUED: Message(
        "已签发服务账号凭据", "A service account was given a credential"
    ),
    EntryKind.CREDENTIAL_ENDED: Message(
        "服务账号凭据已作废", "A service account's credential was ended"
    ),
    EntryKind.AUTHORITY_PLACED: Message("已登记上级机关", "An authority's superior was registered"),
    EntryKind.DELEGATION_PROPOSED: Message("已提出权限委托", "A delegation was proposed"),
    EntryKind.DELEGATION_CONFIRMED: Message("权限委托已生效", "A delegation came into force"),
    EntryKind.DELEGATION_RESTRICTED: Message("已限制下级权限", "A power was withheld below"),
    EntryKind.DELEGATION_ENDED: Message("权限委托已终止", "A delegation or restriction ended"),
    EntryKind.DECISION_EXPLAINED: Message(
        "已查询访问判定的依据", "The grounds of an access decision were looked up"
    ),
    EntryKind.MATTER_PAPERS_ASKED: Message(
        "已一次性告知缺少的材料", "The complete notice of missing papers was given"
    ),
    EntryKind.MATTER_EXTENSION_ASKED: Message("已申请延期", "An extension was asked for"),
    EntryKind.MATTER_EXTENDED: Message("办理期限已延长", "A clock was extended"),
    EntryKind.MATTER_EXTENSION_REFUSED: Message("延期未获同意", "An extension was refused"),
    EntryKind.MATTER_REMINDED: Message("已提醒办件将到期", "A matter was called to mind"),
    EntryKind.MATTER_ESCALATED: Message(
        "逾期办件已提请上级督办", "An overdue matter was raised higher"
    ),
    EntryKind.MATTER_SETTLED: Message("暂定的到期日已确定", "A provisional due date was fixed"),
    EntryKind.OVERDUE_ANNOUNCED: Message("已通报逾期办件", "Overdue matters were announced"),
    EntryKind.ADDRESS_SET: Message("已登记通知邮箱", "An e-mail address for notices was set"),
    EntryKind.ADDRESS_FORGOTTEN: Message(
        "已删除通知邮箱", "An e-mail address for notices was forgotten"
    ),
    EntryKind.WEBHOOK_SUBSCRIBED: Message("已订阅通知推送", "A webhook was subscribed"),
    EntryKind.WEBHOOK_ENDED: Message("通知推送订阅已终止", "A webhook subscription ended"),
    EntryKind.NOTICES_DISPATCHED: Message("通知已分发", "Notices were given to their channels"),
    EntryKind.NOTICES_ATTEMPTED: Message("已投递通知", "Deliveries of notices were attempted"),
    EntryKind.DELIVERY_REVIVED: Message(
        "未送达的通知已重新投递", "An undelivered notice was put back"
    ),
}
