"""A procedure drawn as SVG: ``procedure_svg(procedure)``; the same procedure is always the same picture.

Alone, the picture has colours of its own for light and dark; in a page, ``alone=False``, those of the page. That of an
order has a ``Way``, and is marked with it.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from orders.procedures.procedure import Procedure
from orders.procedures.steps import Step
from wording.pictures.grid import CANCELLED, Arrow, Grid, grid_of
from wording.procedures import step_kind, step_notes

_STYLE = Path(__file__).with_name("procedure.css")
WIDTH, LINE, PADDING = 224, 16, 12  # of a box, of its lines, around them
OUT, INTO = 14, 16  # how far below a row arrows turn aside, and how far above the next one they come together
STRAIGHT, TURNED = 30, 46  # between rows whose arrows have no labels
BESIDE, LANE, LABEL = 40, 14, 110  # between columns; for each arrow beside boxes; for its label
MARGIN = 16
_TITLE_LETTERS, _NOTE_LETTERS, _LABEL_LETTERS, _LANE_LETTERS = 27, 36, 24, 18


class Way(NamedTuple):
    """How far an order has come: the step where it stands, and the names of those before it."""

    here: str
    passed: Collection[str] = ()

    def mark(self, name: str) -> str:
        """The style of a step's box, besides that of its kind."""
        if name == self.here:
            return " here"
        return " passed" if name in self.passed else " ahead"


class Box(NamedTuple):
    """What stands in a box, and where: the middle of its top, and its height."""

    style: str
    kind: str
    title: list[str]
    notes: list[str]
    x: float = 0
    top: float = 0

    @property
    def height(self) -> int:
        return 2 * PADDING + LINE * (1 + len(self.title)) + (LINE - 1) * len(self.notes)

    @property
    def bottom(self) -> float:
        return self.top + self.height


def procedure_svg(procedure: Procedure, alone: bool = True, way: Way | None = None) -> str:
    drawing = _Drawing(procedure, way)
    size = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}" height="{drawing.height:g}"'
    title, about = f"title-{procedure.name}", f"about-{procedure.name}"
    style = f"<style>\n{_STYLE.read_text()}</style>\n" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="procedure" {size} role="img" '
        f'aria-labelledby="{title} {about}">\n'
        f'<title id="{title}">{_written(procedure.title)}</title>\n'
        f'<desc id="{about}">{_written(_aloud(procedure, drawing.grid, way))}</desc>\n{style}'
        f'<marker id="head-{procedure.name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 1L10 5L0 9z"/></marker>\n'
        f'<rect class="page" width="{drawing.width:g}" height="{drawing.height:g}"/>\n'
        + "".join((*drawing.lines(), *drawing.boxes(), *drawing.labels()))
        + "</svg>\n"
    )


def _aloud(procedure: Procedure, grid: Grid, way: Way | None) -> str:
    """The picture in sentences."""
    titles = {step.name: step.title for step in procedure.steps}
    sentences = [f"The order stands at: {titles[way.here]}."] if way else []
    for step in procedure.steps:
        sentences.append(f"{step.title} ({step_kind(step)}){_leading(step.name, grid, titles)}.")
    return " ".join([*sentences, f"If it is cancelled{_leading(CANCELLED, grid, titles)}."])


def _leading(name: str, grid: Grid, titles: dict[str, str]) -> str:
    arrows = [arrow for arrow in grid.arrows if arrow.start == name]
    ends = [f"{arrow.label}: {titles[arrow.end]}" if arrow.label else titles[arrow.end] for arrow in arrows]
    return f"; then {'; '.join(ends)}" if ends else ""


class _Drawing:
    def __init__(self, procedure: Procedure, way: Way | None) -> None:
        self._way = way
        self._name = procedure.name
        self.grid = grid_of(procedure)
        self._lanes = self._lanes_of_arrows()
        self._left = self._lefts()
        self._tops: list[float] = []  # of rows
        self._outs: list[float] = []  # where the arrows of a row turn aside
        self._boxes = self._placed(procedure)
        self.width = self._left[-1] + WIDTH + MARGIN
        self.height = max(box.bottom for box in self._boxes.values()) + MARGIN

    def _placed(self, procedure: Procedure) -> dict[str, Box]:
        boxes = {step.name: _box(procedure, step) for step in procedure.steps}
        boxes[CANCELLED] = Box("cancelled", "cancellation", ["If it is cancelled"], [])
        heights = [0] * self.grid.rows
        for name, (_, row) in self.grid.cells.items():
            heights[row] = max(heights[row], boxes[name].height)
        top = float(MARGIN)
        for row, height in enumerate(heights):
            self._tops.append(top)
            self._outs.append(top + height + OUT)
            top += height + self._gap(row)
        return {
            name: boxes[name]._replace(x=self._left[column] + WIDTH / 2, top=self._tops[row])
            for name, (column, row) in self.grid.cells.items()
        }

    def _gap(self, row: int) -> int:
        """The space below a row: for turns of arrows, and for the labels above the next row."""
        near = [arrow for arrow in self.grid.arrows if row in self._gaps_of(arrow)]
        if lines := max((len(self._above(arrow.end)) for arrow in near if row == self._gaps_of(arrow)[1]), default=0):
            return OUT + LINE * lines + 32
        is_straight = all(self.grid.cells[arrow.start][0] == self.grid.cells[arrow.end][0] for arrow in near)
        return STRAIGHT if is_straight and not self._lanes.keys() & {*near} else TURNED

    def _gaps_of(self, arrow: Arrow) -> tuple[int, int]:
        """The rows below which an arrow leaves, and comes in."""
        return self.grid.cells[arrow.start][1], self.grid.cells[arrow.end][1] - 1

    def _lanes_of_arrows(self) -> dict[Arrow, tuple[int, int]]:
        """Of each arrow that passes rows: left of which column it does, and in which lane there."""
        lanes: dict[Arrow, tuple[int, int]] = {}
        for arrow in sorted(self.grid.arrows, key=self._length):
            if self._length(arrow) > 1:
                column = max(self.grid.cells[arrow.start][0], self.grid.cells[arrow.end][0])
                lanes[arrow] = column, sum(known == column for known, _ in lanes.values())
        return lanes

    def _length(self, arrow: Arrow) -> int:
        return self.grid.cells[arrow.end][1] - self.grid.cells[arrow.start][1]

    def _lefts(self) -> list[float]:
        """The left edge of each column: its arrows and their labels pass before it."""
        lefts, x = [], float(MARGIN)
        for column in range(self.grid.columns):
            passing = [arrow for arrow, (before, _) in self._lanes.items() if before == column]
            x += (BESIDE if column else 0) + len(passing) * LANE
            x += LABEL if any(arrow.label for arrow in passing) else 0
            lefts.append(x)
            x += WIDTH
        return lefts

    def _route(self, arrow: Arrow) -> list[tuple[float, float]]:
        """The corners of an arrow: down, aside, down again."""
        start, end = self._boxes[arrow.start], self._boxes[arrow.end]
        out, into = self._outs[self.grid.cells[arrow.start][1]], end.top - INTO
        if arrow in self._lanes:
            x = self._lane(arrow)
            return [(start.x, start.bottom), (start.x, out), (x, out), (x, into), (end.x, into), (end.x, end.top)]
        if start.x == end.x:
            return [(start.x, start.bottom), (end.x, end.top)]
        y = out if end.x > start.x else into
        return [(start.x, start.bottom), (start.x, y), (end.x, y), (end.x, end.top)]

    def _lane(self, arrow: Arrow) -> float:
        column, lane = self._lanes[arrow]
        return self._left[column] - LANE * (lane + 1)

    def lines(self) -> Iterator[str]:
        for arrow in self.grid.arrows:
            style = "arrow cancelling" if arrow.start == CANCELLED else "arrow"
            yield f'<path class="{style}" d="{_rounded(self._route(arrow))}" marker-end="url(#head-{self._name})"/>\n'

    def _above(self, end: str) -> list[tuple[str, str]]:
        """The lines of all labels that stand above a box, with their styles."""
        arrows = [arrow for arrow in self.grid.arrows if arrow.end == end and arrow not in self._lanes]
        return [(_label(arrow), line) for arrow in arrows for line in wrap(arrow.label, _LABEL_LETTERS)]

    def labels(self) -> Iterator[str]:
        taken: Counter[tuple[int, float]] = Counter()  # lines of labels beside lanes, where they begin
        for arrow, (column, _) in self._lanes.items():
            _, _, (x, y), *_ = self._route(arrow)
            lines = wrap(arrow.label, _LANE_LETTERS)
            yield from _lines(f"{_label(arrow)} end", x - 6, y + 18 + LINE * taken[column, y], lines)
            taken[column, y] += len(lines)
        for name, box in self._boxes.items():
            for place, (style, line) in enumerate(reversed(self._above(name))):
                yield from _lines(f"{style} start", box.x + 8, box.top - INTO - 8 - LINE * place, [line])

    def boxes(self) -> Iterator[str]:
        for name, box in self._boxes.items():
            left, radius = box.x - WIDTH / 2, 20 if box.style in ("end", "cancelled") else 8
            mark = self._way.mark(name) if self._way else ""
            yield (
                f'<rect class="box {box.style}{mark}" x="{left:g}" y="{box.top:g}" width="{WIDTH}" '
                f'height="{box.height}" rx="{radius}"/>\n'
            )
            y = box.top + PADDING + 11
            for style, lines in (("kind", [box.kind]), ("name", box.title), ("note", box.notes)):
                yield from _lines(f"{style}{mark}", box.x, y, lines)
                y += LINE * len(lines)


def _label(arrow: Arrow) -> str:
    return "label aside" if arrow.start == CANCELLED else "label"


def _box(procedure: Procedure, step: Step) -> Box:
    notes = [line for note in step_notes(procedure, step) for line in wrap(note, _NOTE_LETTERS)]
    return Box(step.kind, step_kind(step), wrap(step.title, _TITLE_LETTERS), notes)


def _lines(style: str, x: float, y: float, lines: list[str]) -> Iterator[str]:
    step = LINE - style.startswith("note")
    for place, text in enumerate(lines):
        yield f'<text class="{style}" x="{x:g}" y="{y + place * step:g}">{_written(text)}</text>\n'


def _written(text: str) -> str:
    """For XML, which takes no characters that nobody sees."""
    return escape("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text))


def _rounded(corners: list[tuple[float, float]]) -> str:
    """A path along the corners, each of them round."""
    path = [f"M{corners[0][0]:g} {corners[0][1]:g}"]
    for before, (x, y), after in zip(corners, corners[1:], corners[2:], strict=False):
        (x1, y1), (x2, y2) = _towards((x, y), before), _towards((x, y), after)
        path.append(f"L{x1:g} {y1:g}Q{x:g} {y:g} {x2:g} {y2:g}")
    return "".join([*path, f"L{corners[-1][0]:g} {corners[-1][1]:g}"])


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point a little way from a corner to the next."""
    (x, y), (u, v) = corner, other
    length = abs(u - x) + abs(v - y)
    share = min(8.0, length / 2) / length if length else 0
    return x + (u - x) * share, y + (v - y) * share
