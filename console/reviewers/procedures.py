"""The procedures by which departments lead subscribers: what there is, and each as a picture and a table.

::

    GET /desk/procedures
    GET /desk/procedures/{name}
"""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from markupsafe import Markup

from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import SignedIn
from orders.procedures.procedure import Procedure
from wording.english import one_line
from wording.pictures.grid import CANCELLED, Grid, grid_of
from wording.pictures.procedure_svg import procedure_svg
from wording.procedures import fee_words, step_kind, step_notes

_SECTION = "orders"


class ProcedurePages:
    """``procedures`` as they were when the console began."""

    def __init__(self, desk: PageFrame, procedures: Mapping[str, Procedure]) -> None:
        self._desk = desk
        self._procedures = procedures
        self.router = APIRouter(prefix="/desk/procedures")
        self.router.add_api_route("", self.show_all, response_model=None)
        self.router.add_api_route("/{name}", self.show, response_model=None)

    async def show_all(self, session: SignedIn) -> Response:
        values: dict[str, object] = {"procedures": [*self._procedures.values()]}
        return await self._desk.page("procedures.html", session, values, section=_SECTION)

    async def show(self, name: str, session: SignedIn) -> Response:
        procedure = self._procedures.get(name)
        if procedure is None:
            text = f"“{one_line(name)[:40]}” is no procedure. Choose one of the list."
            raise DeskRefusal(
                404, "There is no such procedure", text, "/desk/procedures", "To the procedures", section=_SECTION
            )
        grid = grid_of(procedure)
        values: dict[str, object] = {
            "procedure": procedure,
            "picture": Markup(procedure_svg(procedure, alone=False)),  # it escapes what is in the file
            "fees": [fee_words(fee) for fee in procedure.fees],
            "rows": [
                (step, step_kind(step), step_notes(procedure, step), _leading(step.name, grid))
                for step in procedure.steps
            ],
            "cancelled": _leading(CANCELLED, grid),
        }
        return await self._desk.page("procedure.html", session, values, section=_SECTION)


def _leading(name: str, grid: Grid) -> list[str]:
    """Where a step leads, and when."""
    arrows = (arrow for arrow in grid.arrows if arrow.start == name)
    return [f"{arrow.label}: {arrow.end}" if arrow.label else arrow.end for arrow in arrows]
