"""Where an environment's Python really lives, and how it appears inside a sandbox.

The interpreter may stand outside /usr and under a home nobody else may enter. Inside it is always
``/opt/env/bin/python``, with its base at ``/opt/python`` unless /usr holds it: paths of the host,
and packages installed in editable form, do not follow.
"""

from dataclasses import dataclass
from pathlib import Path

from foundation.errors import Message, Unavailable

INSIDE_ENVIRONMENT = "/opt/env"
INSIDE_BASE = "/opt/python"
INSIDE_PYTHON = f"{INSIDE_ENVIRONMENT}/bin/python"


@dataclass(frozen=True)
class Interpreter:
    """One environment's interpreter: what to bind, link and write so that it runs inside."""

    binds: tuple[tuple[Path, str], ...]
    links: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    library_path: str | None


def locate(environment: Path) -> Interpreter:
    """Find an environment's base interpreter. Raises Unavailable where there is none."""
    environment = environment.absolute()
    executable = _base_executable(environment)
    prefix = executable.parent.parent
    inside_usr = prefix.is_relative_to("/usr")
    base = str(prefix) if inside_usr else INSIDE_BASE
    binds = [] if inside_usr else [(prefix, INSIDE_BASE)]
    for name in ("lib", "share", "etc"):
        directory = environment / name
        if directory.is_dir():
            binds.append((directory, f"{INSIDE_ENVIRONMENT}/{name}"))
    configuration = f"home = {base}/bin\ninclude-system-site-packages = false\n"
    return Interpreter(
        binds=tuple(binds),
        links=((f"{base}/bin/{executable.name}", INSIDE_PYTHON),),
        files=((f"{INSIDE_ENVIRONMENT}/pyvenv.cfg", configuration),),
        library_path=None if inside_usr else f"{base}/lib",
    )


def _base_executable(environment: Path) -> Path:
    python = environment / "bin" / "python"
    if not python.exists():
        raise Unavailable(
            "environment_missing",
            Message(
                f"缺少 Python 环境 {environment.name}。",
                f"The Python environment {environment.name} is missing.",
            ),
            way_out=Message("./dev demo", "./dev demo"),
        )
    real = python.resolve()
    if real.is_relative_to(environment.resolve()):  # a copied interpreter: its base is written down
        return _home(environment) / real.name
    return real


def _home(environment: Path) -> Path:
    lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    return Path(next(value.strip() for key, _, value in pairs if key.strip() == "home")).resolve()
