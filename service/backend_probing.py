"""What each session backend holds on this host, found by trying: for the start, and for doctor.

Engine workers always run under bubblewrap, so that a start with gVisor sessions is judged by what
both hold. Each backend is tried once in the life of a process.
"""

from foundation.host_report import HostReport, probed_host
from foundation.settings import Settings
from service.workers import BACKENDS, BUBBLEWRAP, GVISOR, service_environment


def backend_report(settings: Settings, backend: str) -> HostReport:
    """Return what one backend holds here. Takes seconds the first time."""
    gvisor = backend == GVISOR
    return probed_host(
        service_environment(),
        bubblewrap=settings.bubblewrap,
        gvisor=gvisor,
        runsc=settings.runsc if gvisor else None,
    )


def backend_reports(settings: Settings) -> dict[str, HostReport]:
    """Return what every backend holds here."""
    return {backend: backend_report(settings, backend) for backend in BACKENDS}


def start_report(settings: Settings) -> HostReport:
    """Return what a start is judged by: what the backends of workers and sessions both hold."""
    workers = backend_report(settings, BUBBLEWRAP)
    if settings.session_backend == BUBBLEWRAP:
        return workers
    sessions = backend_report(settings, settings.session_backend)
    weaker = zip(workers.limits, sessions.limits, strict=True)
    return HostReport(
        tuple(other if one.enforced else one for one, other in weaker),
        works=workers.works and sessions.works,
    )
