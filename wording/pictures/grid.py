"""Where the steps of a procedure stand in its picture: rows from above to below, the longest way in the first column.

A row is below those of all steps that lead there. Whoever cancels comes from a place of their own.
"""

from typing import NamedTuple

from orders.procedures.procedure import Procedure
from orders.procedures.steps import Branch, EndStep, Step
from wording.procedures import OTHERWISE, condition_words

CANCELLED = "cancelled?"  # no name of a step
Cell = tuple[int, int]


class Arrow(NamedTuple):
    """From a step to another; ``label`` is when it is taken."""

    start: str
    end: str
    label: str


class Grid(NamedTuple):
    """The column and row of each step, and of ``CANCELLED``."""

    cells: dict[str, Cell]
    arrows: tuple[Arrow, ...]

    @property
    def columns(self) -> int:
        return 1 + max(column for column, _ in self.cells.values())

    @property
    def rows(self) -> int:
        return 1 + max(row for _, row in self.cells.values())


def grid_of(procedure: Procedure) -> Grid:
    arrows = [arrow for step in procedure.steps for arrow in _arrows(step.name, _branches(step))]
    rows = _rows(procedure, arrows)
    cancelled = _arrows(CANCELLED, procedure.undo)
    rows[CANCELLED] = max(0, min(rows[arrow.end] for arrow in cancelled) - 1)
    main = _longest(procedure, arrows)
    return Grid(_cells(procedure, rows, main, [*arrows, *cancelled]), (*arrows, *cancelled))


def _branches(step: Step) -> tuple[Branch, ...]:
    return () if isinstance(step, EndStep) else step.next


def _arrows(start: str, branches: tuple[Branch, ...]) -> list[Arrow]:
    """One for each step that is led to, with every condition on which it is."""
    labels: dict[str, list[str]] = {}
    for branch in branches:
        labels.setdefault(branch.go, []).append(condition_words(branch))
    alone = len(labels) == 1
    return [
        Arrow(start, end, "" if alone else " or ".join(filter(None, each)) if all(each) else OTHERWISE)
        for end, each in labels.items()
    ]


def _rows(procedure: Procedure, arrows: list[Arrow]) -> dict[str, int]:
    """Steps lead downwards, so those above are known."""
    rows: dict[str, int] = {}
    for step in procedure.steps:
        above = [rows[arrow.start] for arrow in arrows if arrow.end == step.name]
        rows[step.name] = 1 + max(above) if above else _first_row(procedure, step.name, rows)
    return rows


def _first_row(procedure: Procedure, name: str, rows: dict[str, int]) -> int:
    """Of a step to which no other leads: the beginning, or where a cancelled or reopened order goes on."""
    if name == procedure.beginning.name:
        return 0
    return 1 + rows.get(procedure.cancel_until or "", 0)


def _longest(procedure: Procedure, arrows: list[Arrow]) -> list[str]:
    """The longest way from the beginning; of several, the one that is written first."""
    ways: dict[str, list[str]] = {}
    for step in reversed(procedure.steps):
        further = [ways[arrow.end] for arrow in arrows if arrow.start == step.name]
        ways[step.name] = [step.name, *max(further, key=len, default=[])]
    return ways[procedure.beginning.name]


def _cells(procedure: Procedure, rows: dict[str, int], main: list[str], arrows: list[Arrow]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {name: (0, rows[name]) for name in main}
    for name in (*(step.name for step in procedure.steps), CANCELLED):
        if name not in cells:
            column = max(1, _beside(name, arrows, cells))
            above = {rows[name] - 1} if _only_cancelled(name, arrows) else set()
            while {*cells.values()} & {(column, row) for row in {rows[name], *above}}:
                column += 1
            cells[name] = column, rows[name]
    return cells


def _beside(name: str, arrows: list[Arrow], cells: dict[str, Cell]) -> int:
    """The column of what leads to it; of the place of cancellation, that of what it leads to."""
    near = [arrow.end if name == CANCELLED else arrow.start for arrow in arrows if name in (arrow.start, arrow.end)]
    return max((cells[other][0] for other in near if other in cells), default=1)


def _only_cancelled(name: str, arrows: list[Arrow]) -> bool:
    """Whether the place of cancellation is to stand above it."""
    return {arrow.start for arrow in arrows if arrow.end == name} == {CANCELLED}
