"""Visits pages as a browser does: signs in, reads a form, and sends it with its hidden fields."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from tests.city import City

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def signed_in(city: City, account: str, language: str = "zh") -> httpx.Client:
    """Return a client that the service knows by its cookie alone."""
    client = city.client(language=language)
    form = {"token": city.token(account), "return": "/pages"}
    answer = client.post("/login/development", data=form)
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    client.headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    return client


def sent(
    client: httpx.Client,
    address: str,
    file: tuple[str, bytes] | None = None,
    /,
    **entered: Any,
) -> httpx.Response:
    """Open a form's page and send what was entered."""
    data = {**hidden_fields(client, address), **entered}
    return client.post(address, data=data, files=None if file is None else {"file": file})


def hidden_fields(client: httpx.Client, address: str) -> Mapping[str, str]:
    """Return what a form carries without being asked, its token among it."""
    page = client.get(address)
    found = dict(_HIDDEN.findall(page.text.partition('class="asked')[2]))
    assert "csrf_token" in found, page.text
    return found


def is_done(answer: httpx.Response) -> bool:
    """Tell whether a form was carried out, and its page says so."""
    done = answer.headers.get("location", "").endswith("?done=1")
    return answer.status_code == httpx.codes.SEE_OTHER and done
