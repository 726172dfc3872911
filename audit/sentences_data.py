"""What entries of data sets, quality, zones and standards say to people, in both languages."""

from audit.tags import EntryKind
from foundation.errors import Message

DATA_SENTENCES: dict[EntryKind, Message] = {
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
    EntryKind.QUALITY_MEASURED: Message("已测量数据质量", "The quality of a data set was measured"),
    EntryKind.SUGGESTION_DECIDED: Message(
        "已处理标识与分级建议", "A suggestion of kind and grade was accepted or declined"
    ),
    EntryKind.SCORE_RELEASED: Message(
        "已公布质量评分", "A quality score was released by its owner"
    ),
    EntryKind.STEWARD_ASSIGNED: Message("已指定数据专员", "A steward was assigned to a data set"),
    EntryKind.STEWARD_RELIEVED: Message("数据专员已卸任", "A steward was relieved of a data set"),
    EntryKind.SOURCE_CLAIMED: Message(
        "已主张数据项的权威来源", "A source of a data item was claimed"
    ),
    EntryKind.SOURCE_DECIDED: Message(
        "已裁定数据项的权威来源", "A contested source of a data item was decided"
    ),
    EntryKind.SOURCES_COMPARED: Message("已完成多源校核", "Two sources of one item were compared"),
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
    EntryKind.CORRECTION_MADE: Message("已更正", "What was wrong was corrected by a new version"),
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
}
