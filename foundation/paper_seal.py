"""Draws a round seal as Chinese offices use it: a ring, a star, a name around, words beneath.

It is a picture and proves nothing by itself: what proves a paper is the signature over its digest.
"""

from math import cos, pi, sin
from typing import Any

SEAL_MM = 42.0
_RED = (200, 22, 30)
_RING_MM = 1.2
_STAR_POINTS = 5
_STAR_MM, _STAR_INNER = 6.6, 0.382  # outer radius, and the inner one as a share of it
_NAME_POINTS_MAX, _NAME_SPAN, _NAME_STEP_MAX = 13.0, 1.1 * pi, 0.36
_BELOW_POINTS = 10.0
_POINT_MM = 25.4 / 72


def draw_seal(pdf: Any, font: str, around: str, below: str, centre_x: float, top: float) -> None:
    """Draw the seal (millimetres) on the present page with a font that is loaded already."""
    radius = SEAL_MM / 2
    centre_y = top + radius
    pdf.set_draw_color(*_RED)
    pdf.set_fill_color(*_RED)
    pdf.set_text_color(*_RED)
    pdf.set_line_width(_RING_MM)
    pdf.circle(centre_x, centre_y, radius - _RING_MM / 2, style="D")
    pdf.set_line_width(0.1)
    pdf.polygon(star(centre_x, centre_y), style="F")
    _around(pdf, font, around, centre_x, centre_y, radius)
    pdf.set_font(font, size=_BELOW_POINTS)
    wide = pdf.get_string_width(below)
    pdf.text(centre_x - wide / 2, centre_y + radius * 0.64, below)


def star(centre_x: float, centre_y: float) -> list[tuple[float, float]]:
    """Return the ten corners of a five-pointed star that stands upright."""
    corners = []
    for number in range(2 * _STAR_POINTS):
        length = _STAR_MM * (_STAR_INNER if number % 2 else 1.0)
        angle = -pi / 2 + number * pi / _STAR_POINTS
        corners.append((centre_x + length * cos(angle), centre_y + length * sin(angle)))
    return corners


def _around(
    pdf: Any, font: str, name: str, centre_x: float, centre_y: float, radius: float
) -> None:
    """Write a name along the ring's upper part, each letter upright towards the rim."""
    if not name:
        return
    inner = radius * 0.72
    step = min(_NAME_SPAN / len(name), _NAME_STEP_MAX)
    points = min(_NAME_POINTS_MAX, step * inner / _POINT_MM * 0.95)
    pdf.set_font(font, size=points)
    first = -pi / 2 - step * (len(name) - 1) / 2
    for place, letter in enumerate(name):
        angle = first + place * step
        x, y = centre_x + inner * cos(angle), centre_y + inner * sin(angle)
        wide = pdf.get_string_width(letter)
        with pdf.rotation(-(angle + pi / 2) * 180 / pi, x, y):
            pdf.text(x - wide / 2, y + points * _POINT_MM * 0.36, letter)
