"""The pictures in the documents are what the script draws, and what they show exists."""

import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from billing.invoices.stages import Stage
from docs.pictures.draw import draw

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "docs" / "pictures").glob("*.toml"))
each_picture = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def _read(source: Path) -> dict[str, Any]:
    return tomllib.loads(source.read_text())


@each_picture
def test_the_committed_picture_is_what_the_script_draws(source: Path) -> None:
    assert source.with_suffix(".svg").read_text() == draw(_read(source)), "run: make pictures"


@each_picture
def test_the_code_that_a_box_names_exists(source: Path) -> None:
    for box in _read(source)["boxes"].values():
        for place in re.split(r"[ |]", box["code"]) if "code" in box else ():
            assert (ROOT / place).is_dir() if place.endswith("/") else (ROOT / place).is_file(), place


@each_picture
def test_a_picture_can_be_read_aloud(source: Path) -> None:
    picture = _read(source)
    title, description, *_ = ElementTree.fromstring(draw(picture))
    assert title.text == picture["title"]
    for box in picture["boxes"].values():
        assert box["name"] in (description.text or "")


def test_a_month_has_the_stages_of_the_code() -> None:
    shown = {box["name"] for box in _read(ROOT / "docs" / "pictures" / "month.toml")["boxes"].values()}
    assert shown - {"The next month", "PaymentCollection"} == set(Stage)


@pytest.mark.parametrize(
    ("drawing", "complaint"),
    [("aa\n   1\nbb", "in line"), ("aa 1 bb c", "every character"), ("aa bb", "every character")],
)
def test_a_map_that_cannot_be_drawn_is_refused(drawing: str, complaint: str) -> None:
    picture = {
        "title": "two",
        "about": "two boxes",
        "map": drawing,
        "boxes": {"a": {"name": "A"}, "b": {"name": "B"}},
        "arrows": {"1": "a -> b: no way"},
    }
    with pytest.raises(ValueError, match=complaint):
        draw(picture)
