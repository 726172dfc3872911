"""Verifiers that are not ours: Go's sumdb packages, Python sigstore and npm's @sigstore/verify.

Each has an environment of its own under the user's cache directory, made from its lock on demand.
What cannot be made or run here is skipped with the reason.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.peer_environments import PEERS, python_of
from benchmarks.public_queries import Skipped, cache_directory

GOCODE = Path("/usr/share/gocode")
MAKE_SECONDS_MAX = 600.0
RUN_SECONDS_MAX = 300.0
_SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"


def go_sumdb(arguments: Sequence[str]) -> dict[str, int]:
    """Ask golang.org/x/mod/sumdb, built from Debian's packages without a network."""
    source = PEERS / "sumdb" / "main.go"
    if shutil.which("go") is None or not (GOCODE / "src/golang.org/x/mod/sumdb").is_dir():
        raise Skipped("needs Go's sumdb: apt-get install golang-go golang-golang-x-mod-dev")
    home = cache_directory() / "sumdb"
    home.mkdir(exist_ok=True)
    program = home / hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    variables = {
        "PATH": _SEARCH_PATH,
        "HOME": str(home),
        "GO111MODULE": "off",
        "GOPATH": str(GOCODE),
        "GOCACHE": str(home / "cache"),
        "GOPROXY": "off",
    }
    if not program.exists():
        _made(["go", "build", "-o", str(program), str(source)], variables, home)
    return _told([str(program), *arguments], variables)


def python_sigstore(arguments: Sequence[str]) -> dict[str, int]:
    """Ask the Python package sigstore."""
    python = python_of("sigstore")
    script = PEERS / "sigstore" / "ask.py"
    return _told(
        [str(python), str(script), *arguments], {"PATH": _SEARCH_PATH, "HOME": str(Path.home())}
    )


def npm_sigstore(arguments: Sequence[str]) -> dict[str, int]:
    """Ask npm's @sigstore/verify."""
    modules = npm_modules("sigstore_js")
    variables = {"PATH": _SEARCH_PATH, "NODE_PATH": str(modules)}
    script = PEERS / "sigstore_js" / "ask.js"
    return _told([str(shutil.which("node")), str(script), *arguments], variables)


def npm_modules(peer: str) -> Path:
    """Return a peer's Node modules, installing them from its lock first. Raises Skipped."""
    npm = shutil.which("npm")
    if shutil.which("node") is None or npm is None:
        raise Skipped("needs Node.js: apt-get install nodejs npm")
    source, home = PEERS / peer, cache_directory() / f"{peer}.npm"
    lock = (source / "package-lock.json").read_bytes()
    stamp = home / "stamp"
    digest = hashlib.sha256(lock).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        home.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, home / name)
        variables = {"PATH": _SEARCH_PATH, "HOME": str(Path.home())}
        _made([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], variables, home)
        stamp.write_text(digest)
    return home / "node_modules"


def _made(command: list[str], variables: dict[str, str], home: Path) -> None:
    try:
        subprocess.run(
            command,
            env=variables,
            cwd=home,
            check=True,
            capture_output=True,
            timeout=MAKE_SECONDS_MAX,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Skipped(f"{Path(command[0]).name} could not prepare it here") from error


def _told(command: list[str], variables: dict[str, str]) -> dict[str, int]:
    done = subprocess.run(
        command,
        env=variables,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[-1]).name} failed: {done.stderr.strip()[-500:]}")
    told: dict[str, int] = json.loads(done.stdout)
    return told


FOREIGN_VERIFIERS: dict[str, Callable[[Sequence[str]], dict[str, int]]] = {
    "go sumdb": go_sumdb,
    "python sigstore": python_sigstore,
    "npm @sigstore/verify": npm_sigstore,
}
