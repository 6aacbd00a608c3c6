"""Pictures of procedures: those in the documents are up to date, and each can be looked at, and read aloud."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from adapters.procedures import procedure_files
from orders.procedures.checks import checked
from orders.procedures.procedure import Procedure
from tests.unit.procedure_files import KNOWN, SHIPPED
from wording.pictures.grid import CANCELLED, grid_of
from wording.pictures.procedure_svg import procedure_svg
from wording.pictures.procedure_text import procedure_text

PROCEDURES = [file.procedure for file in procedure_files(SHIPPED, KNOWN) if file.procedure]
PICTURES = SHIPPED.parent / "docs" / "pictures"
each_procedure = pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.name)
_SVG = "{http://www.w3.org/2000/svg}"


@each_procedure
def test_the_committed_picture_is_the_procedure_s(procedure: Procedure) -> None:
    assert (PICTURES / f"{procedure.name}.svg").read_text() == procedure_svg(procedure), "run: make pictures"


@each_procedure
def test_a_picture_can_be_read_aloud(procedure: Procedure) -> None:
    picture = ElementTree.fromstring(procedure_svg(procedure))
    title, about = picture.findtext(f"{_SVG}title"), picture.findtext(f"{_SVG}desc") or ""
    assert title == procedure.title
    assert all(step.title in about for step in procedure.steps)
    ids = {element.get("id") for element in picture.iter()}
    assert {*str(picture.get("aria-labelledby")).split()} <= ids


@each_procedure
def test_no_box_covers_another(procedure: Procedure) -> None:
    boxes = [
        tuple(float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))
        for rect in ElementTree.fromstring(procedure_svg(procedure)).iter(f"{_SVG}rect")
        if "box" in str(rect.get("class"))
    ]
    assert len(boxes) == len(procedure.steps) + 1  # and where it is cancelled
    for (x, y, width, height), (u, v, other_width, other_height) in combinations(boxes, 2):
        assert x + width <= u or u + other_width <= x or y + height <= v or v + other_height <= y


@each_procedure
def test_arrows_lead_downwards_and_boxes_have_cells_of_their_own(procedure: Procedure) -> None:
    grid = grid_of(procedure)
    assert len({*grid.cells.values()}) == len(grid.cells) == len(procedure.steps) + 1
    for arrow in grid.arrows:
        assert grid.cells[arrow.start][1] < grid.cells[arrow.end][1]
    assert {arrow.start for arrow in grid.arrows} >= {CANCELLED}


def test_the_longest_way_is_straight() -> None:
    (connect,) = (procedure for procedure in PROCEDURES if procedure.name == "connect")
    first = [name for name, (column, _) in grid_of(connect).cells.items() if column == 0]
    assert (first[0], first[-1]) == ("received", "connected")
    assert {"equipment", "purchase", "fee", "installation"} < {*first}


def test_a_picture_of_the_most_steps_is_drawn_at_once() -> None:
    """Each step leads to the next two: there are more ways through it than anybody could count."""
    steps = [
        {
            "name": f"s{n}",
            "kind": "task",
            "title": f"Step <{n}> & \x01",
            "department": "crew",
            "due": "1d",
            "form": [{"name": "ok", "type": "yes_no", "label": "OK?"}],
            "next": [{"when": {f"s{n}.ok": True}, "go": f"s{min(n + 2, 59)}"}, {"go": f"s{n + 1}"}],
        }
        for n in range(59)
    ]
    end = {"name": "s59", "kind": "end", "title": "E", "outcome": "done"}
    procedure, faults = checked({"name": "a", "title": "A", "steps": [*steps, end], "undo": "s59"}, KNOWN)
    assert procedure is not None, faults
    picture = ElementTree.fromstring(procedure_svg(procedure))
    assert "Step <58> & \ufffd" in [text.text for text in picture.iter(f"{_SVG}text")]


@each_procedure
def test_a_drawing_for_a_terminal_names_every_step_and_way(procedure: Procedure) -> None:
    lines = [*procedure_text(procedure)]
    for step in procedure.steps:
        assert any(re.match(rf"[●■] {step.name}  ", line) for line in lines)
    listed = [step.name for step in procedure.steps]
    for arrow in grid_of(procedure).arrows:
        is_below = arrow.start in listed and listed[listed.index(arrow.start) + 1 :][:1] == [arrow.end]
        assert is_below or any(line.endswith(f"→ {arrow.end}") for line in lines)


@each_procedure
def test_every_label_is_written_where_no_other_is(procedure: Procedure) -> None:
    texts = ElementTree.fromstring(procedure_svg(procedure)).iter(f"{_SVG}text")
    labels = [text for text in texts if "label" in str(text.get("class"))]
    places = [(text.get("x"), text.get("y")) for text in labels]
    assert len({*places}) == len(places)
