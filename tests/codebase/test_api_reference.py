"""The API's reference lists every operation, and every kind of caller with its roles."""

from pathlib import Path
from typing import get_args

from fastapi.params import Depends

from service.api import callers
from service.api.callers import any_caller
from service.app import ROUTERS
from service.openapi import described_operations

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def test_every_caller_is_told_with_its_roles_in_the_reference() -> None:
    page = PAGE.read_text(encoding="utf-8")
    prefixed = [(prefix, router) for prefix, router in ROUTERS if prefix]
    for item in described_operations(prefixed):
        for method in item.methods:
            assert f"| {method} | `{item.address}` |" in page, f"{method} {item.address}"
    for name, kind in vars(callers).items():
        if name.endswith("Caller") and name != "Caller":
            word = name.removesuffix("Caller").lower()
            (asked,) = (item.dependency for item in get_args(kind) if isinstance(item, Depends))
            if asked is not any_caller:
                assert callers.roles_of(asked), name
            assert f"| {word} |" in page, name
