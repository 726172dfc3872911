"""Has a bank's answer read by a confined child, and trusts nothing that it says.

The child gets one socket: no network, no key, no path. What comes back is checked again here. Where
no child can be confined nothing is read.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foundation.confined_exchange import AnswerTooLarge, ChildStopped, exchange
from foundation.confinement import Confinement, Limits
from foundation.errors import InvalidInput, Message, Unavailable
from revenue.settlement_files.return_forms import (
    BYTES_MAX,
    CODES,
    Returned,
    ReturnRefused,
    from_json,
)

GUEST = Path(__file__).with_name("return_child.py")
READ_SECONDS_MAX = 20.0
ANSWER_BYTES_MAX = 8 << 20
MEMORY_BYTES_MAX = 512 << 20
PIDS_MAX = 16
ReadReturn = Callable[[bytes, str], Returned]


@dataclass(frozen=True)
class ConfinedReturnReader:
    """The reader of production: a bubblewrap child that holds one socket."""

    environment: Path
    bubblewrap: Path | None = None
    processors: frozenset[int] = frozenset()

    def __call__(self, data: bytes, form: str) -> Returned:
        """Read an answer. Raises InvalidInput where it is none, Unavailable without confinement."""
        if len(data) > BYTES_MAX:
            raise refused("too_large")
        answer = self._ask(form.encode() + b"\n" + data)
        try:
            raw = json.loads(answer)
            if isinstance(raw, dict) and set(raw) == {"refused"}:
                raise refused(str(raw["refused"]))
            return from_json(answer)
        except (ReturnRefused, ValueError, RecursionError) as error:
            raise refused("unreadable") from error

    def _ask(self, order: bytes) -> bytes:
        try:
            return exchange(
                self._confinement,
                order,
                seconds_max=READ_SECONDS_MAX,
                answer_bytes_max=ANSWER_BYTES_MAX,
                bubblewrap=self.bubblewrap,
            )
        except AnswerTooLarge as error:
            raise refused("too_large") from error
        except ChildStopped as error:
            raise Unavailable(
                "return_reader_stopped",
                Message("银行回单解析进程已停止。", "The reader of bank answers stopped."),
            ) from error

    def _confinement(self, channel: int) -> Confinement:
        here = GUEST.parent
        modules = ("__init__.py", "return_forms.py")
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=(str(channel),),
            guest_files={
                "revenue/__init__.py": here.parent / "__init__.py",
                **{f"revenue/settlement_files/{name}": here / name for name in modules},
            },
            inherited_fds=(channel,),
            limits=Limits(
                memory_bytes_max=MEMORY_BYTES_MAX, pids_max=PIDS_MAX, processors=self.processors
            ),
            profile="worker",
        )


def refused(code: str) -> InvalidInput:
    """Return the refusal of an answer: its code is one of ours, never a text of the file."""
    known = code if code in CODES else "unreadable"
    return InvalidInput(
        "bank_return_refused",
        Message(
            f"银行回单无法使用（{known}）。支持 ISO 20022 pain.002 与本平台的 CSV 格式。",
            f"The bank's answer cannot be used ({known}); ISO 20022 pain.002 or our CSV is read.",
        ),
        field="$.content",
        rule="revenue/settlement_files",
    )
