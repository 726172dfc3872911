"""Joins a backend with its warm pool and the admission of people, as settings and rules say.

Nothing is started here: the pool begins to keep slots when the service begins to serve.
"""

from audit.coalescing import CoalescingLog
from audit.events import AuditEvent
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.identity import Actor
from foundation.settings import Settings
from policies.load import PolicyPack
from policies.schema.sessions import SessionRules
from sandbox.admission import Admission, AdmissionRules, SessionsFull, host_budget_bytes
from sandbox.backends.interface import SessionBackend
from sandbox.pool import PoolRules, SlotPool
from sandbox.session_image import session_image
from sandbox.slots import Slots


def session_slots(
    settings: Settings,
    pack: PolicyPack,
    backend: SessionBackend,
    clock: Clock,
    refusals: CoalescingLog,
) -> Slots:
    """Return what gives sessions their slots. Who must wait is logged, with their place."""
    rules = pack.rules(SessionRules)
    admission = Admission(
        AdmissionRules(
            budget_bytes=settings.session_memory_budget_bytes or host_budget_bytes(),
            committed_bytes=settings.session_memory_committed_bytes,
            place_kept_seconds=rules.place_kept_seconds,
            ask_again_seconds=rules.ask_again_seconds,
        ),
        backend.stats,
        clock,
        lambda actor, refusal: _log_full(refusals, actor, refusal),
    )
    keeping = PoolRules(
        floor=settings.session_slots_floor,
        ceiling=settings.session_slots_ceiling,
        age_us_max=settings.session_slot_seconds_max * MICROSECONDS_PER_SECOND,
        modules=tuple(name for name in settings.session_preload.split(",") if name),
    )
    environment = settings.session_environment.resolve()
    pool = SlotPool(
        backend,
        keeping,
        clock,
        image=lambda: session_image(environment, {}, pack.digest),
        rooms=admission.rooms,
    )
    return Slots(backend, pool, admission)


def _log_full(refusals: CoalescingLog, actor: Actor, refusal: SessionsFull) -> None:
    public = {"place": refusal.place, "waiting": refusal.waiting}
    event = AuditEvent(EntryKind.SESSION_QUEUED, actor, public)
    refusals.record((actor.person, "sessions"), event, {"route": "sessions"})
