"""Joins the monthly security report from the platform's own parts."""

from service.bootstrap import Platform
from service.doctor import parts_of
from service.figures.security_report import SecurityReports


def security_reports(platform: Platform) -> SecurityReports:
    """Return what makes this platform's monthly reports."""
    return SecurityReports(
        engine=platform.engine,
        writer=platform.writer,
        clock=platform.clock,
        pack=platform.pack,
        calendar=platform.clocks.rules.calendar,
        origin=platform.settings.log_origin,
        doctor=lambda: {part.name: part.stands for part in parts_of(platform.settings)},
        witnesses=platform.witnessing.as_public,
    )
