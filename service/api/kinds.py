"""Refuses a body whose numbers and truths came as something else: ``"5"`` or ``true`` for 5.

The models would read them so; the contract says otherwise, and what is paid or granted rests on no
guess. Texts and structures the models judge themselves.
"""

from collections.abc import Iterator
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

Place = tuple[str | int, ...]


def check_kinds(reader: TypeAdapter[Any], body: bytes, sent: object) -> None:
    """Compare a body's document as sent with what is read from it. Raises RequestValidationError.

    A body that cannot be read at all is left to the endpoint, which says what is wrong with it.
    """
    try:
        read = reader.validate_json(body)
    except ValidationError:
        return
    for place, wanted in _mistaken(sent, read, ("body",)):
        raise RequestValidationError([{"type": wanted, "loc": place}])


def _mistaken(sent: object, read: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield where a number or a truth was sent as another type, and which type is wanted."""
    if isinstance(read, bool):
        if not isinstance(sent, bool):
            yield place, "bool_type"
    elif isinstance(read, int | float):
        if isinstance(sent, bool | str):
            yield place, "int_type" if isinstance(read, int) else "float_type"
    else:
        for part, one, other in _parts(sent, read):
            yield from _mistaken(one, other, (*place, part))


def _parts(sent: object, read: object) -> Iterator[tuple[str | int, object, object]]:
    """Yield what stands at the same place in both, with that place."""
    if isinstance(sent, dict) and isinstance(read, BaseModel):
        for name, field in type(read).model_fields.items():
            known = field.alias or name
            if known in sent:
                yield known, sent[known], getattr(read, name)
    elif isinstance(sent, dict) and isinstance(read, dict):
        yield from ((name, sent[name], read[name]) for name in read if name in sent)
    elif isinstance(sent, list) and isinstance(read, list | tuple) and len(sent) == len(read):
        yield from ((number, sent[number], one) for number, one in enumerate(read))
