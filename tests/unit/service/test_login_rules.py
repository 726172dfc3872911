"""The rules of logins name routes that there are, and every act that wants a recent login."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from pydantic import ValidationError

from policies.load import load_policies
from policies.schema.login import LoginRules
from service.app import ROUTERS
from service.login.step_up import API_PREFIX, StepUpRequired, check_recent
from service.tokens import LoginProof

RULES = load_policies().rules(LoginRules)
SECOND_US = 1_000_000


def paths(prefix: str) -> Iterator[str]:
    for found, router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            if found == prefix and "POST" in (route.methods or ()):
                yield f"POST {route.path}"


def test_every_route_of_the_rules_is_one_of_ours() -> None:
    api, pages = set(paths(API_PREFIX)), set(paths(""))
    for item in RULES.step_up:
        assert set(item.routes) <= api, item.act
        assert set(item.pages) <= pages, item.act


def test_what_the_design_names_wants_a_recent_login() -> None:
    for route in (
        "POST /releases/{release_id}/votes",
        "POST /releases/{release_id}/exceptions",
        "POST /licences",
        "POST /licences/{licence_id}/activate",
        "POST /agreements",
        "POST /role-grants/{grant_id}/confirm",
        "POST /login/bindings",
        "POST /login/bindings/{binding_id}/confirmation",
        "POST /catalog/entries/{entry_id}/publication",
        "POST /pages/catalogue/{entry_id}/publication",
        "POST /catalog/batches/{batch_id}/publication",
        "POST /pages/catalogue-batches/{batch_id}/publication",
        "POST /regradings/{regrading_id}/confirmation",
        "POST /matters/{matter_id}/extension/decision",
        "POST /pages/matters/{matter_id}/extension-decision",
        "POST /sharing/requests/{share_id}/resumption",
        "POST /pages/sharing/{share}/resumption",
        "POST /hall/queue/{matter_id}/decision",
        "POST /pages/hall/queue/{matter}/approval",
        "POST /pages/hall/queue/{matter}/refusal",
    ):
        assert RULES.of_route(route) is not None, route
    assert RULES.of_route("POST /sessions") is None


@pytest.mark.parametrize(("age_seconds", "allowed"), [(0, True), (900, True), (901, False)])
def test_a_login_is_recent_up_to_its_age(age_seconds: int, allowed: bool) -> None:
    now_us = 10_000 * SECOND_US
    proof = LoginProof("a", "i", authenticated_us=now_us - age_seconds * SECOND_US)
    rule = RULES.act("release_vote")
    if allowed:
        check_recent(rule, proof, now_us)
    else:
        with pytest.raises(StepUpRequired) as found:
            check_recent(rule, proof, now_us)
        assert found.value.max_age_seconds == 900


def test_a_login_of_unknown_age_is_never_recent() -> None:
    with pytest.raises(StepUpRequired):
        check_recent(RULES.act("signing"), LoginProof("a", "i"), 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"idle_seconds_max": 0},
        {"idle_seconds_max": 30_000},
        {"absolute_seconds_max": 1_000_000},
        {"clock_skew_seconds_max": 3_600},
        {"step_up": ()},
        {"unknown": 1},
    ],
)
def test_rules_out_of_bounds_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LoginRules.model_validate({**RULES.model_dump(), **changed})


def test_an_act_or_a_route_stands_once() -> None:
    found = RULES.model_dump()
    with pytest.raises(ValidationError):
        LoginRules.model_validate({**found, "step_up": [*found["step_up"], found["step_up"][0]]})
