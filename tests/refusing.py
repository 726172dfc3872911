"""What a refusal is, to whoever meets it: by its code from a call, or as a page names it."""

from collections.abc import Callable

import httpx
import pytest

from foundation.errors import SandgateError


def code_of(refused: Callable[[], object], kind: type[SandgateError]) -> str:
    """Insist that a call is refused in this way; return the refusal's code."""
    with pytest.raises(kind) as caught:
        refused()
    return caught.value.code


def code_on(page: httpx.Response) -> str:
    """Return the code that a page of refusal names."""
    return page.text.partition('<p class="small">')[2].partition(" ")[0].partition("<")[0]
