"""Forms: what is asked, how it is read, and how a refusal comes back to the field it is about.

A form is read only with the token of the login it was shown to (CSRF), from a body of our own
form's media type, of limited size. Values are trimmed text; a file arrives as a path in the
service's own home that is removed afterwards, and is never parsed here.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from foundation.errors import InvalidInput, Message, SandgateError
from foundation.ids import random_name
from service.api.bodies import limited_body
from service.errors import invalid_form, log_denial
from service.login.visiting import check_csrf, check_own_origin
from service.pages.blocks import Field, Filled, Form, Text
from service.pages.frame import Visit, Visitors, redirect_to_step_up, visit_by

VALUE_CHARACTERS_MAX = 20_000
VALUES_MAX = 400
FILE_BYTES_MAX = 64 << 20
TEXT_BYTES_MAX = 4 << 20  # of a form without a file, and beside a file
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
_FIELD_OF = re.compile(r"[^.\[\]$]+")
_CHUNK_BYTES = 1 << 20
_KEPT = frozenset("\n\t")


@dataclass(frozen=True)
class Entered:
    """What was entered: trimmed texts by name, several choices as lists, and the file."""

    texts: Mapping[str, str]
    several: Mapping[str, Sequence[str]]
    path: Path | None = None
    file_name: str = ""

    def __getitem__(self, name: str) -> str:
        """Return a field's text, empty where nothing was entered."""
        return self.texts.get(name, "")

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field that are not empty."""
        return [line.strip() for line in self[name].splitlines() if line.strip()]

    def ticked(self, name: str) -> bool:
        """Tell whether a box was ticked."""
        return self[name] == "yes"


def narrowing(name: str, label: Message, choices: Sequence[tuple[str, Text]]) -> Field:
    """Return a choice of a search form: whoever chooses nothing sees all."""
    return Field(name, label, kind="choice", required=False, choices=choices)


Act = Callable[[Visit, Entered], str]
"""Carries a form out and returns the page to go to. Runs in a thread, may raise SandgateError."""
FormOf = Form | Callable[[Visit], Form]


def posting(
    router: APIRouter,
    path: str,
    form: FormOf,
    act: Act,
    *,
    visitors: Visitors,
    name: str = "",
) -> None:
    """Answer GET with the form and POST by carrying it out; a refusal is shown at its field.

    ``path`` is that of the router, with its parameters, which ``act`` finds in
    ``visit.request.path_params``. Several forms of one page are several paths, each shown on the
    page as a ``Filled`` block.
    """
    dependency = visit_by(visitors)

    async def shown(visit: dependency) -> Response:  # type: ignore[valid-type]
        return await run_in_threadpool(_show, visit, form)

    async def taken(visit: dependency, request: Request) -> Response:  # type: ignore[valid-type]
        return await _take(visit, request, form, act)

    label = name or path.strip("/").replace("/", "-")
    router.add_api_route(path, shown, methods=["GET"], name=f"form {label}", response_model=None)
    router.add_api_route(path, taken, methods=["POST"], name=f"take {label}", response_model=None)


def form_of(visit: Visit, form: FormOf) -> Form:
    """Return a form, made for this visit where it depends on it."""
    return form if isinstance(form, Form) else form(visit)


def _show(visit: Visit, form: FormOf) -> Response:
    made = form_of(visit, form)
    given = {name: str(value) for name, value in visit.request.query_params.items()}
    asked = [item for item in made.fields if not item.value]  # an address never replaces our own
    known = {item.name: given[item.name] for item in asked if item.name in given}
    filled = Filled(made, visit.request.url.path, known)
    return visit.page(made.title or made.button, filled)


async def _take(visit: Visit, request: Request, form: FormOf, act: Act) -> Response:
    made = await run_in_threadpool(form_of, visit, form)
    entered = Entered({}, {})
    try:
        entered = await _entered(visit, request, made)
        _check_required(made, entered)
        target = await run_in_threadpool(_carried_out, visit, act, entered)
        return RedirectResponse(target, status_code=303)
    except SandgateError as refusal:
        return await run_in_threadpool(_refused, visit, made, entered, refusal)
    finally:
        if entered.path is not None:
            entered.path.unlink(missing_ok=True)


def _carried_out(visit: Visit, act: Act, entered: Entered) -> str:
    try:
        return act(visit, entered)
    except ValidationError as error:
        raise invalid_form(error.errors()[0]) from error


def _refused(visit: Visit, form: Form, entered: Entered, refusal: SandgateError) -> Response:
    """Show the form again with all that was entered, and the refusal at the field it names."""
    if refusal.code == "step_up_required":
        return redirect_to_step_up(visit.request)
    log_denial(refusal, visit.request)
    filled = Filled(
        form,
        visit.request.url.path,
        dict(entered.texts),
        problem=refusal.message,
        problem_field=_named(form, refusal.field),
        way_out=refusal.way_out or "",
    )
    return visit.page(form.title or form.button, filled, status=refusal.status)


def _named(form: Form, path: str | None) -> str:
    """Return the form's field that a refusal's path leads through first, or nothing.

    ``provider.code`` is about the field ``provider``, though another may be called ``code``.
    """
    names = {item.name for item in form.fields}
    return next((part for part in _FIELD_OF.findall(path or "") if part in names), "")


def _check_required(form: Form, entered: Entered) -> None:
    missing = [item for item in form.fields if item.required and _is_empty(item, entered)]
    if not missing:
        return
    labels = [Message(item.label, item.label) if isinstance(item.label, str) else item.label
              for item in missing]  # fmt: skip
    raise InvalidInput(
        "form_field_missing",
        Message(
            f"请一次补齐以下必填项：{'、'.join(label.zh for label in labels)}。",
            f"Please complete: {', '.join(label.en for label in labels)}.",
        ),
        field=missing[0].name,
        rule="form",
    )


def _is_empty(item: Field, entered: Entered) -> bool:
    if item.kind == "file":
        return entered.path is None
    if item.kind == "several":
        return not entered.several.get(item.name)
    return not entered[item.name]


async def _entered(visit: Visit, request: Request, form: Form) -> Entered:
    check_own_origin(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = "multipart/form-data" if form.has_file else "application/x-www-form-urlencoded"
    if media_type != wanted:
        raise InvalidInput(
            "form_media_type",
            Message("请通过页面上的表单提交。", "Submit this through the page's own form."),
            field="Content-Type",
            rule=wanted,
        )
    bytes_max = TEXT_BYTES_MAX + (FILE_BYTES_MAX if form.has_file else 0)
    whole = Request(request.scope, limited_body(request.receive, bytes_max))
    try:
        data = await whole.form(max_files=1, max_fields=VALUES_MAX)
    except (MultiPartException, ValueError) as error:
        raise _unreadable() from error
    try:
        return await _read(visit, form, data)
    finally:
        await data.close()


async def _read(visit: Visit, form: Form, data: FormData) -> Entered:
    texts: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    upload: UploadFile | None = None
    known = {item.name for item in form.fields} | {TOKEN_FIELD}
    for name, value in data.multi_items():
        if name not in known:
            raise _unreadable()
        if isinstance(value, UploadFile):
            upload = value if value.filename else None
            continue
        text = _cleaned(name, value)
        several.setdefault(name, []).append(text)
        texts[name] = text
    check_csrf(visit.visitor, texts.pop(TOKEN_FIELD, ""))
    if upload is None:
        return Entered(texts, several)
    path = await run_in_threadpool(_kept, visit, upload)
    return Entered(texts, several, path, upload.filename or "")


def _cleaned(name: str, value: str) -> str:
    """Trim a text; refuse what is overlong or holds characters that nobody typed."""
    text = value.replace("\r\n", "\n").strip()
    odd = any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in _KEPT
        for character in text
    )
    if len(text) > VALUE_CHARACTERS_MAX or odd:
        raise InvalidInput(
            "form_text_invalid",
            Message("内容过长或含有控制字符。", "This is too long or holds control characters."),
            field=name,
            rule=f"<= {VALUE_CHARACTERS_MAX}",
        )
    return text


def _kept(visit: Visit, upload: UploadFile) -> Path:
    """Write an upload to the service's own home; it is parsed elsewhere, in a locked process."""
    path = visit.platform.settings.home / "uploads" / random_name()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    left = FILE_BYTES_MAX
    try:
        with path.open("xb") as file:
            while chunk := upload.file.read(_CHUNK_BYTES):
                left -= len(chunk)
                _check_size(left)
                file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _check_size(bytes_left: int) -> None:
    if bytes_left >= 0:
        return
    mebibytes = FILE_BYTES_MAX >> 20
    raise InvalidInput(
        "file_too_large",
        Message(
            f"文件超过 {mebibytes} MiB，请拆分后提交。",
            f"The file is over {mebibytes} MiB; split it.",
        ),
        field="file",
        rule=f"<= {FILE_BYTES_MAX}",
    )


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "form_unreadable",
        Message(
            "表单内容无法读取，请从页面重新填写。", "The form cannot be read; fill it in again."
        ),
        field="$",
        rule="form",
    )


__all__ = ["TOKEN_FIELD", "Entered", "Field", "Form", "posting"]
