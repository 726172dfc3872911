"""What an entry of each kind says to people, in both languages: one sentence a kind, for all."""

from audit.sentences_catalogue import CATALOGUE_SENTENCES
from audit.sentences_data import DATA_SENTENCES
from audit.sentences_money import MONEY_SENTENCES
from audit.sentences_people import PEOPLE_SENTENCES
from audit.sentences_sharing import SHARING_SENTENCES
from audit.tags import EntryKind
from foundation.errors import Message

KIND_SENTENCES: dict[EntryKind, Message] = (
    CATALOGUE_SENTENCES
    | DATA_SENTENCES
    | MONEY_SENTENCES
    | PEOPLE_SENTENCES
    | SHARING_SENTENCES
    | {
        EntryKind.SERVICE_STARTED: Message("服务已启动", "The service started"),
        EntryKind.POLICY_LOADED: Message("规则包已载入", "A policy pack was loaded"),
        EntryKind.TOKEN_ISSUED: Message("已签发访问令牌", "An access token was issued"),
        EntryKind.REQUEST_REFUSED: Message("接口请求被拒绝", "An API request was refused"),
        EntryKind.AGREEMENT_CREATED: Message("已签订授权运营协议", "An agreement was signed"),
        EntryKind.LICENCE_DRAFTED: Message("已起草授权", "A licence was drafted"),
        EntryKind.LICENCE_ACTIVATED: Message("授权已生效", "A licence came into force"),
        EntryKind.LICENCE_SUSPENDED: Message("授权已暂停", "A licence was suspended"),
        EntryKind.LICENCE_RESUMED: Message("授权已恢复", "A licence was resumed"),
        EntryKind.LICENCE_EXPIRED: Message("授权已到期", "A licence expired"),
        EntryKind.LICENCE_ENDED: Message("授权已终止", "A licence ended"),
        EntryKind.EXTRACT_BUILT: Message("已生成授权数据副本", "A governed extract was built"),
        EntryKind.EXTRACT_DESTROYED: Message(
            "授权数据副本已销毁", "A governed extract was destroyed"
        ),
        EntryKind.SESSION_REQUESTED: Message("已申请沙箱会话", "A sandbox session was applied for"),
        EntryKind.SESSION_OPENED: Message("沙箱会话已开通", "A sandbox session opened"),
        EntryKind.SESSION_PROMOTED: Message(
            "沙箱会话已由调试转入生产运行", "A sandbox session moved from debugging to production"
        ),
        EntryKind.SESSION_FROZEN: Message("沙箱会话已冻结", "A sandbox session was frozen"),
        EntryKind.SESSION_CLOSED: Message("沙箱会话已关闭", "A sandbox session closed"),
        EntryKind.SESSION_DESTROYED: Message("沙箱会话已销毁", "A sandbox session was destroyed"),
        EntryKind.HOME_SAVED: Message(
            "会话的工作已加密保存", "The work of a session was sealed and kept"
        ),
        EntryKind.HOME_OPENED: Message(
            "保存的工作已恢复到会话", "Kept work was given to a session"
        ),
        EntryKind.HOME_WITHHELD: Message(
            "授权已收窄，保存的工作不再打开", "Kept work stays shut: its licence became narrower"
        ),
        EntryKind.HOME_DESTROYED: Message("保存的工作已销毁", "Kept work was destroyed"),
        EntryKind.PACKAGE_REQUESTED: Message(
            "已申请软件包", "A package for sessions was asked for"
        ),
        EntryKind.PACKAGE_DECIDED: Message(
            "软件包申请已办结", "A package for sessions was decided on"
        ),
        EntryKind.DESTRUCTION_CERTIFIED: Message("已出具销毁证书", "A destruction was certified"),
        EntryKind.REVIEW_SUBMITTED: Message(
            "笔记本已提交审查", "A notebook was submitted for review"
        ),
        EntryKind.REVIEW_APPROVED: Message("笔记本审查已通过", "A notebook was approved"),
        EntryKind.REVIEW_RETURNED: Message("笔记本审查已退回", "A notebook was returned"),
        EntryKind.REVIEW_WITHDRAWN: Message(
            "笔记本审查已撤销", "The review of a notebook was withdrawn"
        ),
        EntryKind.RUN_REQUESTED: Message(
            "已请求无人值守运行", "An unattended run of a notebook was requested"
        ),
        EntryKind.RUN_STARTED: Message("无人值守运行已开始", "An unattended run started"),
        EntryKind.RUN_FINISHED: Message("无人值守运行已完成", "An unattended run finished"),
        EntryKind.RUN_FAILED: Message("无人值守运行未完成", "An unattended run did not finish"),
        EntryKind.SUBSCRIPTION_MADE: Message(
            "已订阅新数据版本的无人值守运行",
            "Runs on new versions of a data set were subscribed to",
        ),
        EntryKind.SUBSCRIPTION_ENDED: Message(
            "无人值守运行的订阅已终止", "A subscription to unattended runs ended"
        ),
        EntryKind.ATTEMPT_REPORTED: Message(
            "会话自报一次越界尝试", "A session reported an attempt to leave its sandbox"
        ),
        EntryKind.CELL_EXECUTED: Message("会话执行了一段代码", "A session was given code to run"),
        EntryKind.CELL_REFUSED: Message("会话代码未予执行", "A session's code was not run"),
        EntryKind.FILE_RECEIVED: Message("文件已带入会话", "A file was brought into a session"),
        EntryKind.FILE_REFUSED: Message("带入会话的文件被拒绝", "A file for a session was refused"),
        EntryKind.EGRESS_RESERVED: Message(
            "已预留当日屏幕输出额度", "Part of a day's screen budget was set aside"
        ),
        EntryKind.EGRESS_SPENT: Message(
            "当日屏幕输出额度已用尽，会话冻结",
            "A day's screen budget is spent; the session is frozen",
        ),
        EntryKind.SESSION_REFUSED: Message("沙箱会话被拒绝", "A sandbox session was refused"),
        EntryKind.SESSION_QUEUED: Message(
            "会话内存已满，申请人排队等待",
            "The host was full and a person got a place in the queue",
        ),
        EntryKind.QUESTION_DECIDED: Message("查询获准", "A question was permitted"),
        EntryKind.QUESTION_REFUSED: Message("查询被拒绝", "A question was refused"),
        EntryKind.BUDGETS_CLOSED: Message(
            "隐私预算与扣减记录不符，受保护数据已关闭",
            "Privacy budgets differ from their charges; protected data is closed",
        ),
        EntryKind.BUDGET_RAISE_PROPOSED: Message(
            "已提出提高隐私预算", "Raising a privacy budget was proposed"
        ),
        EntryKind.BUDGET_RAISED: Message(
            "隐私预算已由第二人确认提高", "A privacy budget was raised by a second person"
        ),
        EntryKind.BUDGETS_SETTLEMENT_PROPOSED: Message(
            "已提出结清隐私预算差额", "Settling the privacy budgets was proposed"
        ),
        EntryKind.BUDGETS_SETTLED: Message(
            "隐私预算差额已由第二人确认结清", "The privacy budgets were settled by a second person"
        ),
        EntryKind.LINEAGE_DECLARED: Message(
            "已登记数据集的派生关系", "A data set was declared as derived from another"
        ),
        EntryKind.REFUSALS_COALESCED: Message(
            "多次拒绝合并记录", "Repeated refusals were counted together"
        ),
        EntryKind.ANSWER_RELEASED: Message("答案已给出", "An answer was given"),
        EntryKind.ANSWER_REPEATED: Message("重复给出已存答案", "A stored answer was given again"),
        EntryKind.ANSWER_FAILED: Message("查询执行失败", "A permitted question failed"),
        EntryKind.PLAN_CLASS_REOPENED: Message(
            "已重新开放一类受保护查询", "A class of private questions was opened again"
        ),
        EntryKind.DEBUG_QUESTION_DECIDED: Message(
            "调试查询获准（合成数据）",
            "A question of a debug session was permitted (synthetic data)",
        ),
        EntryKind.DEBUG_QUESTION_FAILED: Message(
            "调试查询执行失败（合成数据）", "A question of a debug session failed (synthetic data)"
        ),
        EntryKind.DEBUG_ANSWER_RELEASED: Message(
            "已给出合成数据的答案", "An answer from synthetic data was given"
        ),
        EntryKind.DEBUG_CLAIM_DECIDED: Message(
            "调试核验获准（合成数据）", "A claim of a debug session was permitted (synthetic data)"
        ),
        EntryKind.DEBUG_CLAIM_FAILED: Message(
            "调试核验执行失败（合成数据）", "A claim of a debug session failed (synthetic data)"
        ),
        EntryKind.DEBUG_CLAIM_ANSWERED: Message(
            "已对合成数据核验作答", "A claim about synthetic data was answered"
        ),
        EntryKind.VERIFICATION_DECIDED: Message("核验获准", "A verification was permitted"),
        EntryKind.VERIFICATION_REFUSED: Message("核验被拒绝", "A verification was refused"),
        EntryKind.VERIFICATION_ANSWERED: Message("核验已答复", "A verification was answered"),
        EntryKind.VERIFICATION_FAILED: Message("核验执行失败", "A permitted verification failed"),
        EntryKind.VERIFICATION_LOCKED: Message(
            "疑似猜测，该主体的该项核验已锁定", "Claims looked like guessing, and were locked"
        ),
        EntryKind.VERIFICATION_UNLOCKED: Message("核验锁定已解除", "A lock on claims was lifted"),
        EntryKind.RELEASE_DRAFTED: Message("已起草出域申请", "A release was drafted"),
        EntryKind.RELEASE_EDITED: Message(
            "已修改出域申请草稿", "The draft of a release was changed"
        ),
        EntryKind.RELEASE_COMMENTED: Message("出域申请已加意见", "A release was commented on"),
        EntryKind.RELEASE_FILE_RECEIVED: Message(
            "会话向出域审核台交付了文件", "A session handed a file to the release desk"
        ),
        EntryKind.RELEASE_FILE_REFUSED: Message(
            "会话交付的文件未被接收", "A file from a session was not taken"
        ),
        EntryKind.RELEASE_SUBMITTED: Message("已提交出域申请", "A release was requested"),
        EntryKind.RELEASE_CHECKED: Message("出域自动检查完成", "A release was checked"),
        EntryKind.RELEASE_PREVIEWED: Message(
            "审核员已预览待出域文件", "A checker read what is to be released"
        ),
        EntryKind.VOTE_REFUSED: Message("出域表决被拒绝", "A vote on a release was refused"),
        EntryKind.RELEASE_VOTED: Message("出域审核表决", "A checker voted on a release"),
        EntryKind.RELEASE_REFUSED: Message("出域申请被拒绝", "A release was refused"),
        EntryKind.RELEASE_RETURNED: Message(
            "出域申请由自动检查退回", "A release was returned by the checks"
        ),
        EntryKind.RELEASE_REVISED: Message("退回的申请已开始修订", "A returned release is revised"),
        EntryKind.RELEASE_WITHDRAWN: Message(
            "出域申请已由申请人撤回", "A release was withdrawn by its author"
        ),
        EntryKind.RELEASE_AUTOMATIC: Message(
            "低风险结果按规则自动放行", "A low-risk result was released by rule"
        ),
        EntryKind.RELEASE_EXCEPTED: Message(
            "已对一项检查给予例外", "A failed check was excepted, with a reason"
        ),
        EntryKind.RELEASE_DELIVERED: Message("结果已放行出域", "A result was released"),
        EntryKind.RELEASE_COPIED: Message(
            "已向接收方交付带指纹副本", "A recipient was handed a fingerprinted copy"
        ),
        EntryKind.RELEASE_TRACED: Message(
            "已追查一份文件的来源", "A file was traced to its recipient"
        ),
        EntryKind.RELEASE_RECALLED: Message("已召回出域结果", "A release was recalled"),
        EntryKind.RECALLS_SIGNED: Message("召回清单已签名", "The list of recalls was signed"),
        EntryKind.TABLE_RECOMPUTED: Message(
            "已重新计算出域表并登记其单元格",
            "A table for release was recomputed and its cells recorded",
        ),
        EntryKind.TABLE_PREVIEWED: Message(
            "作者预检了一张出域表", "An author rehearsed a table for release"
        ),
        EntryKind.PRODUCT_FETCHED: Message("产品已被调用", "A product was fetched"),
        EntryKind.PRODUCT_REFUSED: Message("产品调用被拒绝", "A product fetch was refused"),
        EntryKind.BUNDLE_EXPORTED: Message("已导出证据包", "An evidence bundle was exported"),
        EntryKind.RECEIVED_LISTED: Message(
            "已列出运营机构所获内容", "What an operator received was listed"
        ),
        EntryKind.WITNESS_CONTRADICTED: Message(
            "见证方与日志不符，受保护数据已关闭",
            "A witness contradicted the log; protected data is closed",
        ),
        EntryKind.WITNESS_AGREED: Message(
            "见证方重新认可日志", "A witness agreed with the log again"
        ),
        EntryKind.ANSWER_WITHHELD: Message(
            "见证不足，答案暂不给出", "An answer was withheld for want of witnesses"
        ),
        EntryKind.CASE_OPENED: Message("审计案件已立案", "An audit case was opened"),
        EntryKind.CASE_CLOSED: Message("审计案件已结案", "An audit case was closed"),
        EntryKind.HOLD_PLACED: Message("已设置证据保全", "Evidence was put on hold"),
        EntryKind.HOLD_LIFTED: Message("证据保全已解除", "A hold on evidence was lifted"),
        EntryKind.TEXTS_READ: Message(
            "审计人员凭案件阅读了非公开文字", "An auditor with a case read private text"
        ),
        EntryKind.TEXTS_REFUSED: Message(
            "阅读非公开文字被拒绝", "Reading private text was refused"
        ),
        EntryKind.CASE_EXPORTED: Message("已导出案件材料", "The evidence of a case was exported"),
        EntryKind.PURGE_PROPOSED: Message(
            "已提出到期清理", "Erasing what is past its term was proposed"
        ),
        EntryKind.PURGE_REFUSED: Message("到期清理被拒绝", "Erasing records was refused"),
        EntryKind.FIELDS_ERASED: Message(
            "到期的非公开字段已抹除", "Private fields past term were erased"
        ),
        EntryKind.TEXT_KEY_DESTROYED: Message(
            "非公开字段的密钥已销毁", "A key of private fields was destroyed"
        ),
        EntryKind.KEYS_REQUESTED: Message(
            "已请求使用数据密钥", "The use of data keys was asked for"
        ),
        EntryKind.KEY_ROTATED: Message("签名密钥已轮换", "A signing key was turned over"),
        EntryKind.KEYS_REWRAPPED: Message(
            "数据密钥已改用新的保护密钥", "Data keys were wrapped under a new key"
        ),
        EntryKind.RECORDS_READ: Message(
            "监管人员查阅了日志记录", "Records of the log were read for oversight"
        ),
        EntryKind.VIEW_EXPORTED: Message(
            "已导出日志查询结果", "A search or timeline of the log was exported"
        ),
        EntryKind.SECURITY_REPORTED: Message(
            "已编制月度安全报告", "A monthly security report was made"
        ),
        EntryKind.ALERT_RULE_SAVED: Message("已保存预警规则", "A rule for alerts was saved"),
        EntryKind.ALERT_RAISED: Message("已发出预警", "An alert was raised"),
        EntryKind.ALERT_ACKNOWLEDGED: Message("预警已由人员确认", "An alert was acknowledged"),
        EntryKind.ALERTS_EVALUATED: Message(
            "预警规则已核查至日志某处", "The rules for alerts were checked up to a place in the log"
        ),
    }
)
