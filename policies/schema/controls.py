"""What a controls file may say: each safeguard, which of the three pillars it is of, its evidence.

A control is evidenced by kinds of log entries that are counted, by parts that ``sandgate doctor``
reports, by the standing of the witnesses, or by a rule section: at least one of them.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

Pillar = Literal["institution", "technology", "operation"]


class Control(Rules):
    """One control. ``kinds`` are prefixes of entry kinds (``release:request:recalled``).

    ``expects`` says what a month without any such entry means: ``nothing`` (there need be none),
    ``something`` (an installation in use writes some), ``none`` (each one is a finding).
    """

    id: str = Field(pattern=r"^[A-Z]-[0-9]{2}$")
    pillar: Pillar
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=120)
    promise_zh: str = Field(min_length=1, max_length=300)
    promise_en: str = Field(min_length=1, max_length=400)
    source: str = Field(min_length=1, max_length=200)
    kinds: tuple[str, ...] = ()
    expects: Literal["nothing", "something", "none"] = "nothing"
    doctor: tuple[str, ...] = ()
    witness: bool = False
    rules: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_evidenced(self) -> Self:
        if not (self.kinds or self.doctor or self.witness or self.rules):
            raise ValueError("a control names its evidence")
        return self


class ControlRules(RuleFile):
    """One catalogue of controls (安全控制措施目录)."""

    controls: tuple[Control, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _are_named_once(self) -> Self:
        ids = [control.id for control in self.controls]
        if len(set(ids)) != len(ids):
            raise ValueError("two controls have one id")
        if {control.pillar for control in self.controls} != {
            "institution",
            "technology",
            "operation",
        }:
            raise ValueError("each of the three pillars has its controls")
        return self
