"""Small charts as SVG text, for a page that must stand alone."""

import math
from collections.abc import Sequence
from html import escape

__all__ = ["Chart"]

WIDTH, HEIGHT = 660, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 44

TICKS = 5

Point = tuple[float, float]


class Chart:
    """One chart with linear axes. Shapes are drawn in the order in which they are added."""

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        x_range: Point,
        y_range: Point,
        *,
        is_counted: bool = False,
    ) -> None:
        """``is_counted`` marks whole numbers only on the x axis."""
        self._is_counted = is_counted
        self._title = title
        self._labels = x_label, y_label
        self._x = _widened(x_range)
        self._y = _widened(y_range)
        self._shapes: list[str] = []

    def band(self, low: Sequence[Point], high: Sequence[Point]) -> None:
        """Fill between two lines."""
        corners = " ".join(self._place(point) for point in (*low, *reversed(high)))
        self._shapes.append(f'<polygon class="band" points="{corners}"/>')

    def line(self, points: Sequence[Point], kind: str = "data") -> None:
        """Draw a line; ``kind`` is ``data`` or ``expected``."""
        places = " ".join(self._place(point) for point in points)
        self._shapes.append(f'<polyline class="{kind}" points="{places}"/>')

    def dot(self, point: Point, low: float, high: float, words: str) -> None:
        """Draw a measured value with its error bar."""
        x, y = self._at(point)
        _, bottom = self._at((point[0], low))
        _, top = self._at((point[0], high))
        self._shapes.append(
            f'<g class="dot"><title>{escape(words)}</title>'
            f'<path d="M{x:.1f} {bottom:.1f}V{top:.1f}M{x - 5:.1f} {bottom:.1f}h10'
            f'M{x - 5:.1f} {top:.1f}h10"/><circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
        )

    def bars(self, values: Sequence[float], names: Sequence[str]) -> None:
        """Draw one bar for each whole number of the x axis, from 0 on."""
        _, base = self._at((0.0, max(self._y[0], 0.0)))
        for number, (value, name) in enumerate(zip(values, names, strict=True)):
            left, top = self._at((number - 0.4, value))
            right, _ = self._at((number + 0.4, value))
            self._shapes.append(
                f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{max(base - top, 0.0):.1f}"><title>{escape(name)}: {value:g}</title>'
                "</rect>"
            )

    def svg(self) -> str:
        """Return the whole chart."""
        x_label, y_label = (escape(label) for label in self._labels)
        middle = (TOP + HEIGHT - BOTTOM) / 2
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self._title)}">',
            f'<text class="title" x="{LEFT}" y="18">{escape(self._title)}</text>',
            *self._grid(),
            *self._shapes,
            f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" '
            f'text-anchor="middle">{x_label}</text>',
            f'<text class="label" transform="translate(14 {middle}) rotate(-90)" '
            f'text-anchor="middle">{y_label}</text>',
            "</svg>",
        ]
        return "".join(parts)

    def _grid(self) -> list[str]:
        shapes = []
        for value in ticks(*self._y):
            _, y = self._at((self._x[0], value))
            shapes.append(
                f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
                f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{value:g}</text>"
            )
        for value in ticks(*self._x):
            if self._is_counted and value != int(value):
                continue
            x, _ = self._at((value, self._y[0]))
            shapes.append(
                f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" '
                f'text-anchor="middle">{value:g}</text>'
            )
        return shapes

    def _at(self, point: Point) -> Point:
        (x_low, x_high), (y_low, y_high) = self._x, self._y
        x = LEFT + (point[0] - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point[1] - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return min(max(x, 0.0), WIDTH), min(max(y, 0.0), HEIGHT)

    def _place(self, point: Point) -> str:
        x, y = self._at(point)
        return f"{x:.1f},{y:.1f}"


def _widened(limits: Point) -> Point:
    """Give an axis without length one around its value."""
    low, high = limits
    if high > low:
        return limits
    spread = abs(low) * 0.1 or 1.0
    return low - spread, high + spread


def ticks(low: float, high: float) -> list[float]:
    """Return about `TICKS` round numbers between two."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
