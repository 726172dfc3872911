"""The isolation report that ``sandgate doctor`` prints: for each backend each limit, and how."""

from dataclasses import dataclass

from foundation.errors import Message
from foundation.host_report import HostReport
from foundation.settings import Mode
from sandbox.isolation import isolation_gaps

TITLES = {
    "namespaces": Message("命名空间", "Namespaces"),
    "seccomp": Message("系统调用过滤", "System call filter"),
    "memory": Message("内存上限", "Memory limit"),
    "pids": Message("进程数上限", "Process limit"),
    "uid": Message("独立用户号", "Own uid"),
    "cpu": Message("处理器时间上限", "Processor time"),
    "disk": Message("磁盘上限", "Disk size"),
    "inodes": Message("文件数上限", "Number of files"),
    "files": Message("打开文件数上限", "Open files"),
    "output": Message("输出上限", "Output"),
    "wall": Message("整体终止", "Ending it whole"),
}


@dataclass(frozen=True)
class ReportLine:
    """One limit as the report shows it."""

    name: str
    title: Message
    enforced: bool
    how: Message


@dataclass(frozen=True)
class IsolationReport:
    """One backend: every line, and whether this host may run each mode with it."""

    backend: str
    lines: tuple[ReportLine, ...]
    works: bool
    development_ready: bool
    production_ready: bool

    def as_json(self) -> dict[str, object]:
        """Return the report for machines."""
        return {
            "backend": self.backend,
            "works": self.works,
            "limits": [
                {
                    "name": line.name,
                    "title": {"zh": line.title.zh, "en": line.title.en},
                    "enforced": line.enforced,
                    "how": {"zh": line.how.zh, "en": line.how.en},
                }
                for line in self.lines
            ],
            "development_ready": self.development_ready,
            "production_ready": self.production_ready,
        }

    def as_text(self, language: str) -> str:
        """Return the report as lines for a person."""
        held, lacking = ("✓", "✗")
        title = Message(f"会话后端 {self.backend}", f"Session backend {self.backend}")
        if not self.works:
            why = self.lines[0].how.in_language(language)
            return f"{lacking} {title.in_language(language)}: {why}"
        lines = [f"· {title.in_language(language)}"]
        lines += [
            f"{held if line.enforced else lacking} {line.title.in_language(language)}: "
            f"{line.how.in_language(language)}"
            for line in self.lines
        ]
        ready = Message("本机隔离达到生产要求：是", "Isolation meets production: yes")
        unfit = Message("本机隔离达到生产要求：否", "Isolation meets production: no")
        lines.append((ready if self.production_ready else unfit).in_language(language))
        return "\n".join(lines)


def isolation_report(host: HostReport, backend: str = "bubblewrap") -> IsolationReport:
    """Turn what the probe found into the report."""
    lines = tuple(
        ReportLine(limit.name, TITLES[limit.name], limit.enforced, limit.how)
        for limit in host.limits
    )
    return IsolationReport(
        backend,
        lines,
        works=host.works,
        development_ready=not isolation_gaps(host, Mode.DEVELOPMENT),
        production_ready=not isolation_gaps(host, Mode.PRODUCTION),
    )
