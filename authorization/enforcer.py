"""The only importer of Casbin: its parsed matcher, run over candidate lines of a frozen index.

A snapshot never changes; a reload builds another and swaps one reference, so no request meets a
half-loaded policy. Answers equal those of the plain Enforcer (tests/properties/test_enforcer.py)
while being independent of the number of lines. Casbin's traps T1 to T9 are refused, not met.
"""

import ast
import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import casbin
from casbin.effect import Effector, effect_to_bool, get_effector
from casbin.util import SimpleEval

from authorization.compile import CompiledLicence
from authorization.index import Bucket, DomainPolicy, Grounds, Members, Pair, Relation, group
from authorization.lines import RULE, Effect, Links, PolicyLine, check_links
from foundation.errors import Denied, Message, Unavailable

REQUEST = "sub, dom, obj, act, env"
POLICY = "sub, dom, obj, act, purpose, grade, nbf, exp, eft"
EFFECT = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"
KEYED_ON = ("r_act == p_act", "g2(r_obj, p_obj)", "(r_dom == p_dom || g3(r_dom, p_dom))")
ROLES = ("g", "g2", "g3")
CACHE_MAX = 50_000
_PARAMETERS = tuple(f"p_{name}" for name in PolicyLine._fields)


class _Model(NamedTuple):
    """The model as read by Casbin: its matcher, its effector, and the digest of its text."""

    matcher: str
    effector: Effector
    digest: bytes


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
    """An immutable policy: each domain's lines by object and action, and inheritance closed."""

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
        check_links(links)
        by_domain = group(lines)
        people: defaultdict[str, list[Pair]] = defaultdict(list)
        for who, role, domain in links.members:
            people[domain].append((who, role))
        self._fill(
            _read_model(model_text),
            {
                domain: DomainPolicy.of(
                    domain, by_domain.get(domain, ()), Members.of(people.get(domain, ()))
                )
                for domain in by_domain.keys() | people.keys()
            },
            Relation.of(links.objects),
            Relation.of(links.domains),
            Grounds(licences),
        )

    def replaced(
        self,
        changes: Mapping[str, DomainPolicy | None],
        *,
        domains: frozenset[Pair] | None = None,
        grounds: Grounds | None = None,
    ) -> "PolicySnapshot":
        """Return a snapshot with some domains exchanged or taken out; the others are shared.

        ``domains`` are the g3 links, where they change. The digest is the one that building
        everything anew would give.
        """
        held = dict(self._domains)
        removed: list[Pair] = []
        added: list[Pair] = []
        for domain, policy in changes.items():
            before = held.pop(domain, None)
            removed += () if before is None else before.objects
            if policy is not None:
                held[domain] = policy
                added += policy.objects
        check_links(Links(objects=frozenset(added), domains=domains or frozenset()))
        made = object.__new__(PolicySnapshot)
        made._fill(
            self._model,
            held,
            self._objects.changed(removed, added),
            self._above if domains is None else Relation.of(domains),
            self.grounds if grounds is None else grounds,
        )
        return made

    def _fill(
        self,
        model: _Model,
        domains: Mapping[str, DomainPolicy],
        objects: Relation,
        above: Relation,
        grounds: Grounds,
    ) -> None:
        self.grounds = grounds
        self._model = model
        self._domains = domains
        self._objects = objects
        self._above = above
        self.line_count = sum(policy.line_count for policy in domains.values())
        self.digest = self._digest()
        self._evaluators = threading.local()
        self._cache: dict[tuple[object, ...], Verdict] = {}

    def _digest(self) -> str:
        whole = hashlib.sha256(self._model.digest + self._objects.digest + self._above.digest)
        whole.update(b"".join(self._domains[name].digest for name in sorted(self._domains)))
        return f"sha256:{whole.hexdigest()}"

    def decide(self, question: AccessQuestion) -> Verdict:
        """Answer one question: deny overrides allow, and no matching line is a denial.

        Raises Denied where a field is empty (trap T1).
        """
        _check_question(question)
        buckets = self._buckets(question)
        env = question.env
        windows = (bucket.window(env.now) for bucket in buckets)
        who = (question.sub, question.dom, question.obj, question.act)
        cache_key = (*who, env.purpose, env.grade, *windows)
        verdict = self._cache.get(cache_key)
        if verdict is None:
            verdict = self._evaluate(question, buckets)
            if len(self._cache) >= CACHE_MAX:
                self._cache = {}
            self._cache[cache_key] = verdict
        return verdict

    @property
    def licences(self) -> Mapping[str, CompiledLicence]:
        """The licences in force, by identifier."""
        return self.grounds.licences

    def candidates(self, question: AccessQuestion) -> list[PolicyLine]:
        """Return the lines that the matcher is run on for a question."""
        return [line for bucket in self._buckets(question) for line in bucket.lines]

    def policy_of(self, domain: str) -> DomainPolicy | None:
        """Return what stands at one domain."""
        return self._domains.get(domain)

    def is_member(self, who: str, role: str, domain: str) -> bool:
        """Tell whether somebody is, or holds, a role within a domain (Casbin's g)."""
        policy = self._domains.get(domain)
        return who == role or (policy is not None and policy.members.holds(who, role))

    def _buckets(self, question: AccessQuestion) -> list[Bucket]:
        domains = (question.dom, *sorted(self._above.closure.get(question.dom, ())))
        objects = (question.obj, *sorted(self._objects.closure.get(question.obj, ())))
        found = []
        for domain in dict.fromkeys(domains):
            policy = self._domains.get(domain)
            if policy is not None:
                keys = ((obj, question.act) for obj in dict.fromkeys(objects))
                found += [policy.buckets[key] for key in keys if key in policy.buckets]
        return found

    def _evaluate(self, question: AccessQuestion, buckets: list[Bucket]) -> Verdict:
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
        for line in (line for bucket in buckets for line in bucket.lines):
            if not evaluator.eval({**request, **dict(zip(_PARAMETERS, line, strict=True))}):
                continue
            denies = line.eft == Effect.DENY
            effects.add(Effector.DENY if denies else Effector.ALLOW)
            decided = line if denies else decided or line
            if denies:
                break
        return Verdict(bool(effect_to_bool(self._model.effector.final_effect(effects))), decided)

    def _evaluator(self) -> SimpleEval:
        """Give each thread an evaluator of its own: Casbin's holds the names of one call (T7)."""
        evaluator = getattr(self._evaluators, "value", None)
        if evaluator is None:
            objects, above = self._objects.closure, self._above.closure
            functions: dict[str, Callable[..., bool]] = {
                "g": self.is_member,
                "g2": lambda low, high: low == high or high in objects.get(low, ()),
                "g3": lambda low, high: low == high or high in above.get(low, ()),
            }
            matcher = self._model.matcher
            evaluator = casbin.Enforcer._get_expression(matcher, functions)  # noqa: SLF001
            self._evaluators.value = evaluator
        return evaluator


class PolicySource(Protocol):
    """Where policy comes from: its version, cheap to read, and the snapshot of it."""

    def version(self) -> Hashable:
        """Return what differs as soon as a change that affects policy is committed."""
        ...

    def build(self) -> tuple[Hashable, PolicySnapshot]:
        """Return a snapshot and a version that is not newer than it."""
        ...

    def close(self) -> None:
        """Give up what reading the version holds open."""
        ...


class Enforcer:
    """Holds the snapshot in force. Reading and swapping it are single reference moves (T4).

    With a source, the snapshot is never older than the source's version of that moment: whatever
    process made the change, the next decision here knows it, or is refused.
    """

    def __init__(self, snapshot: PolicySnapshot, source: PolicySource | None = None) -> None:
        """Begin with a snapshot; there is no state without one, and no switch to turn it off."""
        self._held: tuple[Hashable, PolicySnapshot] = (None, snapshot)
        self.source = source
        self._building = threading.Lock()

    @property
    def snapshot(self) -> PolicySnapshot:
        """The snapshot in force; hold it for the whole of one decision.

        Raises Unavailable where it is out of date and cannot be brought up to date.
        """
        version, snapshot = self._held
        if self.source is None or self.source.version() == version:
            return snapshot
        return self.follow(self.source)

    def follow(self, source: PolicySource) -> PolicySnapshot:
        """Build what the source now says, unless another thread did so meanwhile."""
        with self._building:
            if source.version() != self._held[0]:
                self._held = source.build()
            return self._held[1]

    def swap(self, snapshot: PolicySnapshot) -> None:
        """Put another snapshot in force for every later request."""
        self._held = (self._held[0], snapshot)

    def rebuild(self, build: Callable[[], PolicySnapshot]) -> PolicySnapshot:
        """Build and swap as one step, so that an older reading never replaces a newer one."""
        with self._building:
            self.swap(build())
            return self._held[1]

    def close(self) -> None:
        """Give up what following the source holds open."""
        if self.source is not None:
            self.source.close()

    def decide(self, question: AccessQuestion) -> Verdict:
        """Answer one question from the snapshot in force."""
        return self.snapshot.decide(question)


def plain_enforcer(
    model_text: str, lines: Iterable[PolicyLine], links: Links
) -> Callable[[AccessQuestion], bool]:
    """Return Casbin's own linear Enforcer as a function: the reference that tests compare with."""
    model = casbin.Model()
    model.load_model_from_text(model_text)
    model["p"]["p"].policy.extend(list(line) for line in dict.fromkeys(lines))
    for name, pairs in zip(ROLES, (links.members, links.objects, links.domains), strict=True):
        model["g"][name].policy.extend(list(pair) for pair in pairs)
    enforcer = casbin.Enforcer(model)
    enforcer.build_role_links()

    def decide(question: AccessQuestion) -> bool:
        return bool(
            enforcer.enforce(question.sub, question.dom, question.obj, question.act, question.env)
        )

    return decide


def _read_model(text: str) -> _Model:
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
    text_digest = hashlib.sha256(text.encode()).digest()
    return _Model(matcher, get_effector(model["e"]["e"].value), text_digest)


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
