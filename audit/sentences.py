"""What an entry of each kind says to people, in both languages: one sentence a kind, for all."""

from audit.sentences_catalogue import CATALOGUE_SENTENCES
from audit.sentences_sharing import SHARING_SENTENCES
from audit.tags import EntryKind
from foundation.errors import Message

KIND_SENTENCES: dict[EntryKind, Message] = (
    CATALOGUE_SENTENCES
    | SHARING_SENTENCES
    | {
        EntryKind.SERVICE_STARTED: Message("服务已启动", "The service started"),
        EntryKind.POLICY_LOADED: Message("规则包已载入", "A policy pack was loaded"),
        EntryKind.TOKEN_ISSUED: Message("已签发访问令牌", "An access token was issued"),
        EntryKind.REQUEST_REFUSED: Message("接口请求被拒绝", "An API request was refused"),
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
        EntryKind.ROLES_EXPIRED: Message(
            "角色到期失效", "Roles granted for a time came to their end"
        ),
        EntryKind.RELATION_DECLARED: Message(
            "已申报机构控制关系", "A relation of control between organisations was declared"
        ),
        EntryKind.CREDENTIAL_ISSUED: Message(
            "已签发服务账号凭据", "A service account was given a credential"
        ),
        EntryKind.CREDENTIAL_ENDED: Message(
            "服务账号凭据已作废", "A service account's credential was ended"
        ),
        EntryKind.AUTHORITY_PLACED: Message(
            "已登记上级机关", "An authority's superior was registered"
        ),
        EntryKind.DELEGATION_PROPOSED: Message("已提出权限委托", "A delegation was proposed"),
        EntryKind.DELEGATION_CONFIRMED: Message("权限委托已生效", "A delegation came into force"),
        EntryKind.DELEGATION_RESTRICTED: Message("已限制下级权限", "A power was withheld below"),
        EntryKind.DELEGATION_ENDED: Message("权限委托已终止", "A delegation or restriction ended"),
        EntryKind.DECISION_EXPLAINED: Message(
            "已查询访问判定的依据", "The grounds of an access decision were looked up"
        ),
        EntryKind.AGREEMENT_CREATED: Message("已签订授权运营协议", "An agreement was signed"),
        EntryKind.LICENCE_DRAFTED: Message("已起草授权", "A licence was drafted"),
        EntryKind.LICENCE_ACTIVATED: Message("授权已生效", "A licence came into force"),
        EntryKind.LICENCE_SUSPENDED: Message("授权已暂停", "A licence was suspended"),
        EntryKind.LICENCE_RESUMED: Message("授权已恢复", "A licence was resumed"),
        EntryKind.LICENCE_EXPIRED: Message("授权已到期", "A licence expired"),
        EntryKind.LICENCE_ENDED: Message("授权已终止", "A licence ended"),
        EntryKind.IMPORT_JUDGED: Message(
            "已审阅目录导入文件", "A spreadsheet of catalogue entries was judged"
        ),
        EntryKind.IMPORT_TAKEN: Message(
            "目录导入已确认", "A spreadsheet of catalogue entries was imported"
        ),
        EntryKind.CATALOGUE_EXPORTED: Message("已导出目录", "The catalogue was exported"),
        EntryKind.POPULATION_DECLARED: Message("已声明总体", "A population was declared"),
        EntryKind.POPULATION_APPROVED: Message("总体声明已批准", "A population was approved"),
        EntryKind.DATASET_REGISTERED: Message("已登记数据集", "A data set was registered"),
        EntryKind.QUALITY_DECLARED: Message(
            "已声明质量规则", "Quality rules of a data set were declared"
        ),
        EntryKind.QUALITY_MEASURED: Message(
            "已测量数据质量", "The quality of a data set was measured"
        ),
        EntryKind.SUGGESTION_DECIDED: Message(
            "已处理标识与分级建议", "A suggestion of kind and grade was accepted or declined"
        ),
        EntryKind.SCORE_RELEASED: Message(
            "已公布质量评分", "A quality score was released by its owner"
        ),
        EntryKind.STEWARD_ASSIGNED: Message(
            "已指定数据专员", "A steward was assigned to a data set"
        ),
        EntryKind.STEWARD_RELIEVED: Message(
            "数据专员已卸任", "A steward was relieved of a data set"
        ),
        EntryKind.SOURCE_CLAIMED: Message(
            "已主张数据项的权威来源", "A source of a data item was claimed"
        ),
        EntryKind.SOURCE_DECIDED: Message(
            "已裁定数据项的权威来源", "A contested source of a data item was decided"
        ),
        EntryKind.SOURCES_COMPARED: Message(
            "已完成多源校核", "Two sources of one item were compared"
        ),
        EntryKind.CORRECTION_RAISED: Message(
            "已提出校核或异议", "A correction or objection was raised"
        ),
        EntryKind.CORRECTION_REFERRED: Message(
            "校核已转办", "A correction was referred to the provider"
        ),
        EntryKind.CORRECTION_SUPPLEMENTED: Message(
            "校核材料已补正", "The papers of a correction were completed"
        ),
        EntryKind.CORRECTION_UPHELD: Message("校核属实", "A correction was upheld"),
        EntryKind.CORRECTION_REFUSED: Message("校核不属实", "A correction was not upheld"),
        EntryKind.CORRECTION_MADE: Message(
            "已更正", "What was wrong was corrected by a new version"
        ),
        EntryKind.CORRECTION_ANSWERED: Message("校核已反馈", "A correction was answered"),
        EntryKind.CORRECTION_WITHDRAWN: Message("校核已撤回", "A correction was taken back"),
        EntryKind.VERSION_PUBLISHED: Message("已发布数据版本", "A data set version was published"),
        EntryKind.VERSION_REFUSED: Message("数据版本被拒收", "A data set version was refused"),
        EntryKind.ZONE_OPENED: Message("已设立数据区", "A zone was opened"),
        EntryKind.ZONE_CLOSED: Message("数据区已关闭", "A zone was closed"),
        EntryKind.ZONE_DESTROYED: Message(
            "数据区已销毁，其密钥不复存在", "A zone was destroyed, and its key with it"
        ),
        EntryKind.SOURCE_CONSENT_ATTACHED: Message(
            "数源部门已同意将共享所得数据用于授权运营",
            "The source department consented to the licensing of data it had shared",
        ),
        EntryKind.SOURCE_CONSENT_WITHDRAWN: Message(
            "数源部门已撤回同意", "The source department withdrew its consent"
        ),
        EntryKind.RESOURCE_EVIDENCED: Message(
            "已登记数据资源的登记编码和存证",
            "A resource's registration code and evidence were added",
        ),
        EntryKind.SOURCE_TABLE_READ: Message(
            "已从业务系统读取数据表", "A table was read from a department's system"
        ),
        EntryKind.REGRADING_PROPOSED: Message(
            "已提出衍生数据重新定级", "A lower grade was proposed for derived data"
        ),
        EntryKind.REGRADING_CONFIRMED: Message(
            "衍生数据重新定级已确认", "A lower grade was confirmed for derived data"
        ),
        EntryKind.STANDARD_ADDED: Message(
            "已登记数据元或代码表", "A data element or code list was added"
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
        EntryKind.PERIOD_OPENED: Message("账期已开启", "A period opened"),
        EntryKind.PERIOD_CLOSED: Message("账期已关闭", "A period closed"),
        EntryKind.JOURNAL_REVERSED: Message("凭证已冲销", "A journal was reversed"),
        EntryKind.MOVE_PROPOSED: Message("已提出资金事项", "A move of money was proposed"),
        EntryKind.MOVE_WITHDRAWN: Message(
            "资金事项已撤回", "A proposed move of money was withdrawn"
        ),
        EntryKind.RECEIPT_MATCHED: Message("收款已核销", "A receipt was matched to bills"),
        EntryKind.WALLET_DEPOSITED: Message("预付款已入账", "Money was paid into a wallet"),
        EntryKind.MONEY_REFUNDED: Message("款项已退还", "Money was given back to a payer"),
        EntryKind.STATEMENT_CONFIRMED: Message("结算单已确认", "A payee confirmed its statement"),
        EntryKind.POOL_DISTRIBUTED: Message("已收款项已分账", "Collected money was distributed"),
        EntryKind.DISPUTE_OPENED: Message("已提出账务异议", "A dispute was opened"),
        EntryKind.DISPUTE_HELD: Message("异议款项已暂扣", "A disputed amount was held"),
        EntryKind.DISPUTE_DECIDED: Message("账务异议已裁定", "A dispute was decided"),
        EntryKind.PAYMENT_DETAILS_CONFIRMED: Message(
            "收付款账户已登记", "Payment details were confirmed"
        ),
        EntryKind.FILE_WRITTEN: Message("拨付文件已生成", "A settlement file was written"),
        EntryKind.FILE_SENT: Message("拨付文件已发送", "A settlement file was sent to the bank"),
        EntryKind.FILE_WITHDRAWN: Message("拨付文件已作废", "A settlement file was withdrawn"),
        EntryKind.FILE_RETURNED: Message("银行回单已登记", "The bank's answer was taken in"),
        EntryKind.TARIFF_PROPOSED: Message("已提出资费版本", "A version of a tariff was proposed"),
        EntryKind.TARIFF_APPROVED: Message("资费版本已批准", "A version of a tariff was approved"),
        EntryKind.USAGE_REPRICED: Message(
            "免费使用已按产业产品补计价", "Free use was priced anew for a product of industry"
        ),
        EntryKind.PERMITTED_PROPOSED: Message(
            "已提出最高准许收入", "A maximum permitted revenue was proposed"
        ),
        EntryKind.PERMITTED_DECIDED: Message(
            "最高准许收入已核定", "A maximum permitted revenue was decided"
        ),
        EntryKind.PERMITTED_REVIEWED: Message(
            "已对照最高准许收入评估", "Revenue was held against its permitted maximum"
        ),
        EntryKind.SCHEME_PROPOSED: Message(
            "已提出新的分配方案", "A new distribution scheme was proposed"
        ),
        EntryKind.SCHEME_APPROVED: Message("分配方案已批准", "A distribution scheme was approved"),
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
        EntryKind.ALERT_RULE_SAVED: Message("已保存预警规则", "A rule for alerts was saved"),
        EntryKind.ALERT_RAISED: Message("已发出预警", "An alert was raised"),
        EntryKind.ALERT_ACKNOWLEDGED: Message("预警已由人员确认", "An alert was acknowledged"),
        EntryKind.ALERTS_EVALUATED: Message(
            "预警规则已核查至日志某处", "The rules for alerts were checked up to a place in the log"
        ),
    }
)
