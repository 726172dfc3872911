import errno
import urllib.error
from pathlib import Path

import pytest

import sandgate
from sandgate.attempts import attempt


def _raise(error: BaseException) -> object:
    raise error


def test_a_success_is_never_shown_as_stopped() -> None:
    outcome = attempt(("读文件", "read a file"), lambda: Path(__file__).read_bytes())
    assert not outcome.stopped
    assert outcome.code == "not_stopped"
    assert outcome.facts()["label"] == "read a file"


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionRefusedError(errno.ECONNREFUSED, "")])
def test_a_failure_that_proves_nothing_does_not_count(error: OSError) -> None:
    outcome = attempt("network", lambda: _raise(error))
    assert not outcome.stopped
    assert outcome.code == "unclear"


def test_a_mistake_of_the_attempt_itself_is_raised() -> None:
    with pytest.raises(NameError):
        attempt("typo", lambda: _raise(NameError("x")))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(errno.EPERM, ""), "not_permitted"),
        (PermissionError(errno.EACCES, ""), "access_denied"),
        (FileNotFoundError(errno.ENOENT, ""), "absent"),
        (OSError(errno.EAFNOSUPPORT, ""), "network_stopped"),
        (urllib.error.URLError(OSError(errno.ENETUNREACH, "")), "network_stopped"),
    ],
)
def test_a_closed_door_is_named(error: OSError, code: str) -> None:
    outcome = attempt("try <it>", lambda: _raise(error))
    assert outcome.stopped
    assert outcome.code == code
    assert "try &lt;it&gt;" in outcome.html()
    assert "Stopped" in outcome.plain() or "已被阻止" in outcome.plain()


def test_the_machine_form_stands_beside_the_card() -> None:
    bundle = attempt("x", lambda: _raise(OSError(errno.EPERM, "")))._repr_mimebundle_()
    facts = bundle["application/vnd.sandgate.attempt+json"]
    assert facts == {
        "label": "x",
        "stopped": True,
        "code": "not_permitted",
        "error": "EPERM",
        "logged": False,
        "messages": {"zh": "x：系统调用被禁止。", "en": "X: the system call is forbidden."},
    }
    assert sandgate.Attempt.kind == "attempt"
