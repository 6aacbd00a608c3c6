"""A procedure drawn for a terminal: the steps from above to below, and where they lead.

● feasibility  Can the address be connected?  (task: operator; within 1d)
├─ possible: no → tell_impossible
│
● equipment  Reserve the equipment  (task: warehouse; within 1d)
"""

from collections.abc import Iterator

from orders.procedures.procedure import Procedure
from orders.procedures.steps import EndStep, Step
from wording.pictures.grid import CANCELLED, Arrow, grid_of
from wording.procedures import fee_words, step_kind, step_notes


def procedure_text(procedure: Procedure) -> Iterator[str]:
    """The lines of the drawing, without colours."""
    yield f"{procedure.name}: {procedure.title}"
    if procedure.about:
        yield procedure.about
    if procedure.fields:
        asked = (field.name if field.required else f"{field.name} (may be left out)" for field in procedure.fields)
        yield f"A request says: {', '.join(asked)}"
    yield from (f"Fee {fee.code}: {fee_words(fee)}" for fee in procedure.fees)
    yield ""
    arrows = grid_of(procedure).arrows
    names = [step.name for step in procedure.steps]
    for step, below in zip(procedure.steps, [*names[1:], ""], strict=True):
        yield _step(procedure, step)
        yield from _leading([arrow for arrow in arrows if arrow.start == step.name], below)
    yield "○ if it is cancelled"
    yield from _leading([arrow for arrow in arrows if arrow.start == CANCELLED], "")


def _step(procedure: Procedure, step: Step) -> str:
    about = "; ".join([step_kind(step), *step_notes(procedure, step)])
    return f"{'■' if isinstance(step, EndStep) else '●'} {step.name}  {step.title}  ({about})"


def _leading(arrows: list[Arrow], below: str) -> Iterator[str]:
    """Where a step leads; to the one below it by a line that goes on."""
    others = [arrow for arrow in arrows if arrow.end != below]
    goes_on = len(others) < len(arrows)
    for place, arrow in enumerate(others, 1):
        corner = "├" if goes_on or place < len(others) else "└"
        yield f"{corner}─ {f'{arrow.label} ' if arrow.label else ''}→ {arrow.end}"
    yield "│" if goes_on else ""
