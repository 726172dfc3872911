"""The only importer of Casbin: its parsed matcher, run over candidate lines of a frozen index.

A snapshot never changes; a reload builds another and swaps one reference, so no request meets a
half-loaded policy. Answers equal those of the plain Enforcer (tests/properties/test_enforcer.py)
while being independent of the number of lines. Casbin's traps T1 to T9 are refused, not met.
"""

import ast
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import casbin
from casbin.effect import Effector, effect_to_bool, get_effector
from casbin.util import SimpleEval

from authorization.compile import CompiledLicence
from authorization.lines import FAR_PAST, RULE, Effect, Links, PolicyLine, check_line, check_links
from foundation.canonical import digest
from foundation.errors import Denied, InvalidInput, Message, Unavailable

REQUEST = "sub, dom, obj, act, env"
POLICY = "sub, dom, obj, act, purpose, grade, nbf, exp, eft"
EFFECT = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"
KEYED_ON = ("r_act == p_act", "g2(r_obj, p_obj)", "(r_dom == p_dom || g3(r_dom, p_dom))")
ROLES = ("g", "g2", "g3")
DEPTH_MAX = 9  # links that Casbin's role manager follows (max_hierarchy_level 10 counts the start)
CACHE_MAX = 50_000

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Environment:
    """What the server knows of a request; made by the server, never read from the caller."""

    purpose: str
    grade: str
    now: str


@dataclass(frozen=True)
class AccessQuestion:
    """One question to the model: who, under which domain, doing what to what, known how."""

    sub: str
    dom: str
    obj: str
    act: str
    env: Environment


@dataclass(frozen=True)
class Verdict:
    """The answer, with the line that decided it (None: no line matched, so it is denied)."""

    allowed: bool
    line: PolicyLine | None


class PolicySnapshot:
    """An immutable policy: lines indexed by (domain, object, action), and inheritance closed."""

    def __init__(
        self,
        model_text: str,
        lines: Iterable[PolicyLine],
        links: Links,
        licences: Mapping[str, CompiledLicence] = MappingProxyType({}),
    ) -> None:
        """Check model, lines and links, and build the index. Raises InvalidInput.

        ``licences`` are those the lines were compiled from; they travel with the snapshot, so
        that one reference swaps both.
        """
        self.licences = MappingProxyType(dict(licences))
        self._matcher, self._effector = _read_model(model_text)
        check_links(links)
        unique = sorted(set(lines), key=PolicyLine.as_values)
        for line in unique:
            check_line(line)
        self.digest = digest(
            [model_text, [",".join(line.as_values()) for line in unique], *_sorted_links(links)]
        )
        self.line_count = len(unique)
        self._lines = _index(unique)
        self._boundaries = _boundaries(self._lines)
        self._objects = _closure(links.objects)
        self._domains = _closure(links.domains)
        self._members = _closures_by_domain(links.members)
        self._evaluators = threading.local()
        self._cache: dict[tuple[object, ...], Verdict] = {}

    def decide(self, question: AccessQuestion) -> Verdict:
        """Answer one question: deny overrides allow, and no matching line is a denial.

        Raises Denied where a field is empty (trap T1).
        """
        _check_question(question)
        keys = self._keys(question)
        cache_key = self._cache_key(question, keys)
        verdict = self._cache.get(cache_key)
        if verdict is None:
            verdict = self._evaluate(question, keys)
            if len(self._cache) >= CACHE_MAX:
                self._cache = {}
            self._cache[cache_key] = verdict
        return verdict

    def candidates(self, question: AccessQuestion) -> list[PolicyLine]:
        """Return the lines that the matcher is run on for a question."""
        return [line for key in self._keys(question) for line in self._lines[key]]

    def _keys(self, question: AccessQuestion) -> list[_Key]:
        domains = (question.dom, *sorted(self._domains.get(question.dom, ())))
        objects = (question.obj, *sorted(self._objects.get(question.obj, ())))
        keys = ((dom, obj, question.act) for dom in domains for obj in objects)
        return [key for key in keys if key in self._lines]

    def _cache_key(self, question: AccessQuestion, keys: list[_Key]) -> tuple[object, ...]:
        env = question.env
        windows = tuple(bisect_right(self._boundaries[key], env.now) for key in keys)
        who = (question.sub, question.dom, question.obj, question.act)
        return (*who, env.purpose, env.grade, *windows)

    def _evaluate(self, question: AccessQuestion, keys: list[_Key]) -> Verdict:
        evaluator = self._evaluator()
        request = {
            "r_sub": question.sub,
            "r_dom": question.dom,
            "r_obj": question.obj,
            "r_act": question.act,
            "r_env": question.env,
        }
        effects: set[int] = set()
        decided: PolicyLine | None = None
        for line in (line for key in keys for line in self._lines[key]):
            if not evaluator.eval(request | _parameters(line)):
                continue
            denies = line.eft == Effect.DENY
            effects.add(Effector.DENY if denies else Effector.ALLOW)
            decided = line if denies else decided or line
            if denies:
                break
        return Verdict(bool(effect_to_bool(self._effector.final_effect(effects))), decided)

    def _evaluator(self) -> SimpleEval:
        """Give each thread an evaluator of its own: Casbin's holds the names of one call (T7)."""
        evaluator = getattr(self._evaluators, "value", None)
        if evaluator is None:
            functions: dict[str, Callable[..., bool]] = {
                "g": self._is_member,
                "g2": lambda low, high: low == high or high in self._objects.get(low, ()),
                "g3": lambda low, high: low == high or high in self._domains.get(low, ()),
            }
            evaluator = casbin.Enforcer._get_expression(self._matcher, functions)  # noqa: SLF001
            self._evaluators.value = evaluator
        return evaluator

    def _is_member(self, who: str, role: str, domain: str) -> bool:
        return who == role or role in self._members.get(domain, {}).get(who, ())


class Enforcer:
    """Holds the snapshot in force. Reading and swapping it are single reference moves (T4)."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        """Begin with a snapshot; there is no state without one, and no switch to turn it off."""
        self._snapshot = snapshot
        self._building = threading.Lock()

    @property
    def snapshot(self) -> PolicySnapshot:
        """The snapshot in force; hold it for the whole of one request."""
        return self._snapshot

    def swap(self, snapshot: PolicySnapshot) -> None:
        """Put another snapshot in force for every later request."""
        self._snapshot = snapshot

    def rebuild(self, build: Callable[[], PolicySnapshot]) -> PolicySnapshot:
        """Build and swap as one step, so that an older reading never replaces a newer one."""
        with self._building:
            self._snapshot = build()
            return self._snapshot

    def decide(self, question: AccessQuestion) -> Verdict:
        """Answer one question from the snapshot in force."""
        return self._snapshot.decide(question)


def plain_enforcer(
    model_text: str, lines: Iterable[PolicyLine], links: Links
) -> Callable[[AccessQuestion], bool]:
    """Return Casbin's own linear Enforcer as a function: the reference that tests compare with."""
    model = casbin.Model()
    model.load_model_from_text(model_text)
    for line in lines:
        model.add_policy("p", "p", list(line.as_values()))
    for name, pairs in zip(ROLES, (links.members, links.objects, links.domains), strict=True):
        for pair in pairs:
            model.add_policy("g", name, list(pair))
    enforcer = casbin.Enforcer(model)
    enforcer.build_role_links()

    def decide(question: AccessQuestion) -> bool:
        return bool(
            enforcer.enforce(question.sub, question.dom, question.obj, question.act, question.env)
        )

    return decide


def _read_model(text: str) -> tuple[str, Effector]:
    """Load the model with Casbin and refuse one that the index would not answer alike."""
    model = casbin.Model()
    try:
        model.load_model_from_text(text)
        found = (
            ", ".join(token.removeprefix("r_") for token in model["r"]["r"].tokens),
            ", ".join(token.removeprefix("p_") for token in model["p"]["p"].tokens),
            model["e"]["e"].value,
        )
        matcher = str(model["m"]["m"].value)
        roles = tuple(sorted(model["g"]))
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise _bad_model() from error
    single = all(len(model[key]) == 1 for key in "rpem")
    if found != (REQUEST, POLICY, EFFECT) or roles != ROLES or not single or not _is_keyed(matcher):
        raise _bad_model()
    return matcher, get_effector(model["e"]["e"].value)


def _is_keyed(matcher: str) -> bool:
    """Tell whether the matcher demands equality or closure on domain, object and action.

    The index is right only then. Pattern functions and ``eval`` are out (traps T5 and T6).
    """
    tree = _syntax(matcher)
    if not isinstance(tree, ast.BoolOp) or not isinstance(tree.op, ast.And):
        return False
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    demanded = {ast.dump(part) for part in tree.values}
    return called <= set(ROLES) and {ast.dump(_syntax(part)) for part in KEYED_ON} <= demanded


def _syntax(expression: str) -> ast.expr:
    try:
        parsed = casbin.Enforcer._get_expression(expression, {})  # noqa: SLF001 - Casbin's reading
    except (SyntaxError, IndexError, AttributeError) as error:
        raise _bad_model() from error
    tree: ast.expr = parsed.ast_parsed_value
    return tree


def _parameters(line: PolicyLine) -> dict[str, str]:
    return {
        "p_sub": line.sub,
        "p_dom": line.dom,
        "p_obj": line.obj,
        "p_act": line.act,
        "p_purpose": line.purpose,
        "p_grade": line.grade,
        "p_nbf": line.nbf,
        "p_exp": line.exp,
        "p_eft": line.eft,
    }


def _index(lines: Iterable[PolicyLine]) -> Mapping[_Key, tuple[PolicyLine, ...]]:
    index: defaultdict[_Key, list[PolicyLine]] = defaultdict(list)
    for line in lines:
        index[line.dom, line.obj, line.act].append(line)
    return MappingProxyType({key: tuple(found) for key, found in index.items()})


def _boundaries(index: Mapping[_Key, tuple[PolicyLine, ...]]) -> Mapping[_Key, list[str]]:
    """List, per bucket, the times at which an answer may change; between two it cannot."""
    return {
        key: sorted({FAR_PAST} | {time for line in lines for time in (line.nbf, line.exp)})
        for key, lines in index.items()
    }


def _closures_by_domain(
    members: Iterable[tuple[str, str, str]],
) -> Mapping[str, Mapping[str, frozenset[str]]]:
    by_domain: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for who, role, domain in members:
        by_domain[domain].add((who, role))
    return {domain: _closure(pairs) for domain, pairs in by_domain.items()}


def _closure(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    """Close a relation upwards. Raises InvalidInput where Casbin would stop following it."""
    above: defaultdict[str, set[str]] = defaultdict(set)
    for low, high in pairs:
        above[low].add(high)
    return MappingProxyType({low: _reached(low, above) for low in above})


def _reached(start: str, above: Mapping[str, set[str]]) -> frozenset[str]:
    reached: set[str] = set()
    edge = {start}
    for _ in range(DEPTH_MAX):
        edge = {high for low in edge for high in above.get(low, ())} - reached
        reached |= edge
    if any(high not in reached for low in edge for high in above.get(low, ())):
        raise InvalidInput(
            "policy_links_too_deep",
            Message(
                zh=f"继承层级超过 {DEPTH_MAX} 层，后面的拒绝规则会被忽略，因此不予载入。",
                en=f"Inheritance is deeper than {DEPTH_MAX} levels; denials beyond would be lost.",
            ),
            field="g",
            rule=RULE,
        )
    return frozenset(reached)


def _sorted_links(links: Links) -> list[list[tuple[str, ...]]]:
    return [sorted(links.members), sorted(links.objects), sorted(links.domains)]


def _check_question(question: AccessQuestion) -> None:
    env = question.env
    parts = (question.sub, question.dom, question.obj, question.act)
    if not all(
        isinstance(part, str) and part for part in (*parts, env.purpose, env.grade, env.now)
    ):
        raise Denied(
            "access_question_empty",
            Message(
                zh="访问请求缺少主体、授权、对象、动作、用途、级别或时间，不予判定。",
                en="An access request lacks who, licence, what, action, purpose, grade or time.",
            ),
            rule=RULE,
        )


def _bad_model() -> Unavailable:
    return Unavailable(
        "access_model_refused",
        Message(
            zh="访问模型文件不是本系统验证过的形式（定义、角色、拒绝优先或匹配式不符）。",
            en="The access model file is not of the verified form, so nothing is allowed by it.",
        ),
        rule=RULE,
    )
