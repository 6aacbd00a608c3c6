"""Draws the pictures of this folder: ``make pictures`` makes NAME.svg of every NAME.toml.

A picture is a map of characters, which looks as the picture will:

    map = '''
     aaaaa         bbbbb
     aaaaa    1    bbbbb
    '''
    [boxes]
    a = { name = "worker", note = "any number", code = "worker.py", kind = "ours" }
    b = { name = "Stripe", kind = "outside" }
    [arrows]
    1 = "a -> b: charges"

A letter fills a box. A digit or a capital is the mark of an arrow or of a frame. An arrow runs straight from one box to
its mark, where its label is, and from there straight to the other; ``<->`` has a head at both ends. A label stands
above a level arrow and to the right of another, or to its left if it begins with ``<``. ``|`` breaks a line. A frame
surrounds the boxes that it holds and its mark, where its name begins; an arrow may lead to it as to a box.
"""

import sys
import tomllib
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

ACROSS, DOWN = 15, 24  # pixels of one character of the map: 48 are 720 wide, which is what the sizes of text are for
MARGIN = 9  # above and below what a frame holds; beside it, a character

STYLE = Path(__file__).with_name("style.css").read_text()


class Area(NamedTuple):
    """A rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def towards(self, x: float, y: float) -> tuple[float, float]:
        """The point on its edge that is straight above, below or beside (x, y)."""
        if self.left < x < self.right:
            return x, (self.top if y < self.top else self.bottom)
        if self.top < y < self.bottom:
            return (self.left if x < self.left else self.right), y
        raise ValueError(f"({x / ACROSS:g}, {y / DOWN:g}) of the map is not in line with {self}")


def around(areas: list[Area]) -> Area:
    """The rectangle that holds ``areas``."""
    lefts, tops, rights, bottoms = zip(*areas, strict=True)
    return Area(min(lefts), min(tops), max(rights), max(bottoms))


def places(map_of_characters: str) -> dict[str, Area]:
    """Where each character of the map is."""
    cells: dict[str, list[Area]] = {}
    for row, line in enumerate(map_of_characters.splitlines()):
        for column, character in enumerate(line):
            left, top = column * ACROSS, row * DOWN
            cells.setdefault(character, []).append(Area(left, top, left + ACROSS, top + DOWN))
    return {character: around(areas) for character, areas in cells.items() if character != " "}


def words(style: str, x: float, y: float, lines: list[str]) -> str:
    """Lines of text below one another, their middle at ``y``."""
    y -= (len(lines) - 1) * 9 - 5
    return "".join(
        f'<text class="{style}" x="{x:g}" y="{y + n * 18:g}">{escape(t)}</text>\n' for n, t in enumerate(lines) if t
    )


def rectangle(style: str, area: Area) -> str:
    size = f'width="{area.right - area.left:g}" height="{area.bottom - area.top:g}"'
    return f'<rect class="{style}" x="{area.left:g}" y="{area.top:g}" {size} rx="8"/>\n'


def box(area: Area, name: str, note: str = "", code: str = "", kind: str = "outside") -> str:
    """A box with its name, a note and the place of its code."""
    lines = [("name", name), *(("quiet", t) for t in note.split("|")), *(("code quiet", t) for t in code.split("|"))]
    lines = [(style, text) for style, text in lines if text]
    x, y = (area.left + area.right) / 2, (area.top + area.bottom) / 2 - (len(lines) - 1) * 9
    texts = (words(f"{style} middle", x, y + n * 18, [text]) for n, (style, text) in enumerate(lines))
    return rectangle(kind, area) + "".join(texts)


def arrow(mark: Area, start: Area, end: Area, both: bool, label: str) -> str:
    """An arrow by way of its mark, and its label."""
    x, y = (mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2
    (x1, y1), (x2, y2) = start.towards(x, y), end.towards(x, y)
    heads = 'marker-end="url(#head)"' + ' marker-start="url(#head)"' * both
    line = f'<path class="arrow" d="M{x1:g} {y1:g}L{x:g} {y:g}L{x2:g} {y2:g}" {heads}/>\n'
    lines = label.removeprefix("<").split("|")
    if y1 == y2:
        return line + words("quiet middle", x, y - 5 - len(lines) * 9, lines)
    left = label.startswith("<")
    below = 0 if x1 == x2 else 10 + len(lines) * 9
    return line + words("quiet end" if left else "quiet", x - 9 if left else x + 9, y + below, lines)


def draw(picture: dict[str, Any]) -> str:
    """The SVG of a picture."""
    where = places(picture["map"])
    boxes, frames, arrows = picture["boxes"], picture.get("frames", {}), picture["arrows"]
    if where.keys() ^ boxes.keys() ^ frames.keys() ^ arrows.keys():
        raise ValueError("every character of the map needs one entry in the lists, and every entry a place on the map")
    names = {key: entry["name"] for key, entry in (boxes | frames).items()}
    shapes, sentences = [], []
    for key, frame in frames.items():
        heading, inner = where[key], around([where[held] for held in (key, *frame["holds"])])
        where[key] = Area(inner.left - ACROSS, inner.top - MARGIN, inner.right + ACROSS, inner.bottom + MARGIN)
        middle = (heading.top + heading.bottom) / 2
        sentences.append(f"{frame['name']}: {', '.join(names[held] for held in frame['holds'])}.")
        shapes.append(rectangle("frame", where[key]) + words("quiet", heading.left, middle, [frame["name"]]))
    shapes += (box(where[key], **entry) for key, entry in boxes.items())
    for key, text in arrows.items():
        ends, _, label = text.partition(": ")
        start, line, end = ends.split()
        both = {"->": False, "<->": True}[line]
        shapes.append(arrow(where[key], where[start], where[end], both, label))
        sentence = f"{names[start]} {'and' if both else 'to'} {names[end]}: {label.removeprefix('<')}"
        sentences.append(sentence.replace("|", " ").removesuffix(": ") + ".")
    whole = around(list(where.values()))
    width, height = whole.right + whole.left, whole.bottom + whole.top
    about = " ".join([picture["about"], *sentences])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="title about">\n'
        f'<title id="title">{escape(picture["title"])}</title>\n<desc id="about">{escape(about)}</desc>\n'
        f"<style>\n{STYLE}</style>\n"
        '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="head" d="M0 1L10 5L0 9z"/></marker>\n'
        + rectangle("page", Area(0, 0, width, height)) + "".join(shapes) + "</svg>\n"
    )  # fmt: skip


if __name__ == "__main__":
    for source in sorted(Path(__file__).parent.glob("*.toml")):
        source.with_suffix(".svg").write_text(draw(tomllib.loads(source.read_text())))
        print(source.with_suffix(".svg"), file=sys.stderr)
