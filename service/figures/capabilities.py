"""The eight tasks of integration (八个一体化) of 国办函〔2022〕102号, and what of each is here.

Each names the pages, commands and interfaces that do it, and says plainly what lies beyond. A test
follows every link, so that the map shows no road that is not there.
"""

from dataclasses import dataclass

from foundation.errors import Message


@dataclass(frozen=True)
class Capability:
    """One task: what is here for it, where, and what is not."""

    key: str
    name: Message
    here: Message
    pages: tuple[str, ...]
    interfaces: tuple[str, ...]
    commands: tuple[str, ...]
    beyond: Message

    def as_json(self) -> dict[str, object]:
        """Return the task for a reader."""
        return {
            "key": self.key,
            "name": {"zh": self.name.zh, "en": self.name.en},
            "here": {"zh": self.here.zh, "en": self.here.en},
            "pages": list(self.pages),
            "interfaces": list(self.interfaces),
            "commands": list(self.commands),
            "beyond": {"zh": self.beyond.zh, "en": self.beyond.en},
        }


CAPABILITIES = (
    Capability(
        key="coordination",
        name=Message("统筹管理一体化", "Coordination"),
        here=Message(
            "角色与职责、两人授权、办件期限与督办、考核评估、各法域规则包、总体情况",
            "roles and duties, grants by two, clocks and overdue lists, assessment, rule packs of "
            "jurisdictions, headline figures",
        ),
        pages=("/pages/matters", "/pages/people", "/pages/figures", "/pages/figures/assessment"),
        interfaces=("GET /matters/scorecards", "GET /rules/packs", "GET /figures/headline"),
        commands=("sandgate policy list", "sandgate figures headline"),
        beyond=Message(
            "数据普查、信息化项目立项与绩效挂钩不在平台内",
            "the data census, and tying projects' approval and performance to it, are outside",
        ),
    ),
    Capability(
        key="catalogue",
        name=Message("数据目录一体化", "One catalogue"),
        here=Message(
            "目录编制、评估、审签、审核、变更与版本、变更订阅、批量导入、DCAT-AP 与签名导出",
            "drafting, assessments, sign-off, review, versions, subscriptions, import from "
            "spreadsheets, DCAT-AP and signed export",
        ),
        pages=("/pages/catalogue", "/pages/catalogue-imports"),
        interfaces=("POST /catalog/entries", "GET /catalogue/changes"),
        commands=("sandgate catalog import", "sandgate catalog export"),
        beyond=Message(
            "与上级节点的在线级联、上级条目导入未建；以签名导出包代替",
            "no live cascade with an upper node and no import of its entries; a signed export is",
        ),
    ),
    Capability(
        key="resources",
        name=Message("数据资源一体化", "Data resources"),
        here=Message(
            "资源挂接、物理归集与逻辑接入、数据区、质量与校核、归集覆盖指标",
            "resources beneath entries, loading and reading in place, zones, quality and "
            "corrections, coverage figures",
        ),
        pages=("/pages/resources", "/pages/zones", "/pages/quality", "/pages/figures/coverage"),
        interfaces=("GET /figures/coverage", "GET /resources", "GET /zones"),
        commands=(),
        beyond=Message(
            "六大基础库只有标签和合成数据；逻辑接入仅 PostgreSQL",
            "the base libraries are tags and synthetic data; reading in place is PostgreSQL's only",
        ),
    ),
    Capability(
        key="exchange",
        name=Message("共享交换一体化", "Sharing and exchange"),
        here=Message(
            "共享申请、审核、供给、接口与文件交付、按区划下沉、供需对接、数据大厅、共享专用章",
            "requests, decisions, supply, delivery by interface and file, by region downwards, "
            "supply and demand, the hall, the sharing seal",
        ),
        pages=("/pages/sharing", "/pages/demands", "/pages/hall"),
        interfaces=("POST /sharing/requests", "GET /sharing/figures/calls", "GET /demands"),
        commands=("sandgate verify",),
        beyond=Message(
            "国家、省四级通道的接入和传输适配未建",
            "no connection to the national and provincial channels and no transport adapters",
        ),
    ),
    Capability(
        key="services",
        name=Message("数据服务一体化", "Data services"),
        here=Message(
            "授权、数据沙箱、查询与差分隐私、核验、出域审核、产品与结算",
            "licences, the sandbox, questions and private answers, verification, the release "
            "desk, products and settlement",
        ),
        pages=("/pages/licences", "/pages/sessions", "/pages/releases"),
        interfaces=("POST /licences", "POST /sessions", "GET /releases"),
        commands=("sandgate session", "sandgate release", "sandgate ledger"),
        beyond=Message(
            "国家政务数据服务门户的深度链接未建；完整工作台在后续版本",
            "no deep links with the national portal; full consoles come later",
        ),
    ),
    Capability(
        key="computing",
        name=Message("算力设施一体化", "Computing"),
        here=Message(
            "会话的内存、处理器、进程数配额与预热；主机隔离检查",
            "quotas of memory, processors and processes for sessions, warm slots; the host check",
        ),
        pages=("/pages/sessions",),
        interfaces=("POST /sessions",),
        commands=("sandgate doctor",),
        beyond=Message(
            "跨主机调度、主备节点和容灾演练不在本版本内",
            "scheduling over hosts, a standby node and restore drills are not in this version",
        ),
    ),
    Capability(
        key="standards",
        name=Message("标准规范一体化", "Standards"),
        here=Message(
            "数据元、代码表、行政区划、入库符合性检查、分类分级与脱敏规则",
            "data elements, code lists, divisions, conformance on load, grades and masks",
        ),
        pages=("/pages/standards",),
        interfaces=("GET /standards/elements", "GET /rules/packs/{name}"),
        commands=("sandgate policy show", "sandgate policy diff"),
        beyond=Message(
            "只收录所需的数据元与代码表，非全部国家标准",
            "only the elements and lists that are needed, not all national standards",
        ),
    ),
    Capability(
        key="security",
        name=Message("安全保障一体化", "Security"),
        here=Message(
            "三员分设、会话隔离、隐私预算、防篡改日志与见证、预警、控制措施目录与月度安全报告",
            "three administrators, isolation, privacy budgets, a tamper-evident log with "
            "witnesses, alerts, the controls and the monthly security report",
        ),
        pages=("/pages/figures/security", "/pages/log"),
        interfaces=("GET /figures/controls", "POST /figures/security-reports"),
        commands=("sandgate doctor", "sandgate verify", "sandgate audit"),
        beyond=Message(
            "安全事件与应急演练尚无登记；等保测评、密评由机构另行进行",
            "no register of incidents and drills yet; formal assessments are made by others",
        ),
    ),
)
