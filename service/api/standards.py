"""Standards: the dictionary of data elements, code lists, divisions and libraries, as data."""

from typing import Annotated

from fastapi import APIRouter, Query

from catalog.standards.conforming import conformance_report
from catalog.standards.dictionary import add_code_list, add_element, dictionary
from catalog.standards.regions import regions, require_region
from catalog.store import dataset_by_name
from foundation.db import reading
from foundation.errors import Message, NotFound
from policies.schema.standards import CodeListRule, ElementRule, StandardRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, SupplierCaller
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/standards", route_class=IdempotentRoute, tags=["standards"])
Above = Annotated[str, Query(pattern=r"^[0-9]{6}$")]


@router.get("/elements")
def get_elements(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the data elements in force, by code."""
    rules = platform.pack.rules(StandardRules)
    with reading(platform.engine) as connection:
        found = dictionary(connection, rules).elements
    return {"elements": [found[code].model_dump(mode="json") for code in sorted(found)]}


@router.post("/elements", status_code=201)
def post_element(
    body: ElementRule, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Add a data element, or a newer version of one."""
    recorded = add_element(platform.writer, actor, platform.pack.rules(StandardRules), body)
    return {"code": body.code, "version": body.version, "entry": recorded.index}


@router.get("/code-lists")
def get_code_lists(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the code lists in force with their values, by code."""
    rules = platform.pack.rules(StandardRules)
    with reading(platform.engine) as connection:
        found = dictionary(connection, rules).code_lists
    return {"code_lists": [found[code].model_dump(mode="json") for code in sorted(found)]}


@router.post("/code-lists", status_code=201)
def post_code_list(
    body: CodeListRule, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Add a code list, or a newer edition of one."""
    recorded = add_code_list(platform.writer, actor, platform.pack.rules(StandardRules), body)
    return {"code": body.code, "version": body.version, "entry": recorded.index}


@router.get("/regions")
def get_regions(
    _actor: AnyCaller, platform: OnPlatform, above: Above | None = None
) -> dict[str, object]:
    """List provinces, or the divisions right beneath one."""
    rules = platform.pack.rules(StandardRules)
    if above is not None:
        require_region(rules, above)
    found = [item for item in regions(rules).values() if item.above == above]
    return {
        "standard": rules.divisions_standard,
        "version": rules.divisions_version,
        "regions": [
            {"code": item.code, "zh": item.zh, "en": item.en, "level": item.level} for item in found
        ],
    }


@router.get("/libraries")
def get_libraries(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the base libraries (基础库) and themes (主题) that entries are tagged with."""
    rules = platform.catalog_rules
    return {
        "base_libraries": [item.model_dump(mode="json") for item in rules.base_libraries],
        "themes": [item.model_dump(mode="json") for item in rules.themes],
    }


@router.get("/conformance/{dataset}")
def get_conformance(dataset: str, actor: SupplierCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell how many rows of each build broke an element: to the source and the authority only."""
    with reading(platform.engine) as connection:
        found = dataset_by_name(connection, dataset)
        if found is None or actor.organisation not in {found.provider, platform.authority}:
            raise NotFound(
                "dataset_unknown", Message("没有该数据集。", "There is no such data set.")
            )
        return {"dataset": dataset, "violations": conformance_report(connection, found.id)}
