"""Procedures in YAML files, ``procedures/connect.yaml``: read strictly, every fault told with its line.

YAML can more than such a file needs, and some of it surprises: ``on`` is a truth there, ``4:30`` a number, and of a
name that is written twice the last one counts. So a value is text, a whole number, yes or no; aliases, tags and
repeated names are refused.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from billing.errors import InvalidInput
from billing.model import cut
from orders.procedures.checks import Known, checked
from orders.procedures.draft import Fault
from orders.procedures.files import ProcedureFile

BYTES_MAX = 200_000
FILES_MAX = 100
DEPTH_MAX = 12
_FAULTS_MAX = 100
_WORDS = {"yes": True, "true": True, "no": False, "false": False, "null": None, "~": None, "": None}
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Refused(Exception):
    """The file cannot be read at all."""

    def __init__(self, text: str, line: int | None = None) -> None:
        self.fault = Fault(line=line, text=text)


def procedure_files(folder: Path, known: Known) -> list[ProcedureFile]:
    """Every file of the folder, in the order of their names. Raises ``InvalidInput`` if it is no folder."""
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder; name the one with your procedures by BILLING_PROCEDURES")
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if len(paths) > FILES_MAX:
        raise InvalidInput(f"{folder} has {len(paths)} procedures; {FILES_MAX} is the most")
    return [procedure_file(path, known) for path in paths]


def procedure_file(path: Path, known: Known) -> ProcedureFile:
    """The procedure in a file, or all that is wrong with it."""
    try:
        text = _text(path)
        root = _root(text)
        repeated: list[Fault] = []
        written = _value(root, repeated)
    except _Refused as refused:
        return ProcedureFile(path=_shown(path), faults=(refused.fault,))
    procedure, faults = checked(written, known)
    lines = _Lines(root)
    told = [*repeated, *(lines.placed(fault) for fault in faults), *_misnamed(path, written.get("name"))]
    told.sort(key=lambda fault: fault.line or 0)
    return ProcedureFile(path=_shown(path), procedure=None if told else procedure, faults=tuple(told[:_FAULTS_MAX]))


def _shown(path: Path) -> str:
    """Seen from the folder of whoever looks, if it is below that."""
    below = path.is_absolute() and path.is_relative_to(Path.cwd())
    return cut(str(path.relative_to(Path.cwd()) if below else path), 500)


def _misnamed(path: Path, name: object) -> Iterator[Fault]:
    if path.suffix != ".yaml" or (isinstance(name, str) and name != path.stem):
        yield Fault(part="name", text=f"is {name}, and the file is {path.name}; rename the file to {name}.yaml")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise _Refused(f"cannot be read: {error.strerror}; check its name and permissions") from None
    if len(content) > BYTES_MAX:
        raise _Refused(f"has more than {BYTES_MAX // 1000} kB; a procedure is a page or two: split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Refused("this is not UTF-8; save the file as UTF-8", line) from None


def _root(text: str) -> yaml.MappingNode:
    """The tree of the file. Its events are looked at first, before anything is made of them."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            _check_event(event, depth)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _Refused(
            f"cannot be read as YAML: {cut(error.problem or '', 200)}; check colons and indentation", line
        ) from None
    except yaml.YAMLError:
        raise _Refused("has characters that nobody sees and YAML does not take; take them out") from None
    if not isinstance(root, yaml.MappingNode):
        raise _Refused("has no parts; begin with name, title and steps, as docs/procedures.md shows")
    return root


def _check_event(event: yaml.Event, depth: int) -> None:
    line = event.start_mark.line + 1 if event.start_mark else None
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _Refused(
            "has an alias (& or *), which is not taken; write the text out, or put it in quotation marks", line
        )
    if getattr(event, "tag", None) not in (None, "!"):
        raise _Refused("has a tag (!), which is not taken; put the text in quotation marks", line)
    if depth > DEPTH_MAX:
        raise _Refused("is nested too deeply; check the indentation", line)


def _value(node: yaml.Node, repeated: list[Fault]) -> Any:
    """The node's value; adds to ``repeated`` the names that are written twice."""
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, repeated) for item in node.value]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    assert isinstance(node, yaml.MappingNode)
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not name:
            raise _Refused("this name is no text; write a word, then a colon", key.start_mark.line + 1)
        if name in found:
            text = f"{cut(name, 100)} is written twice; take one out"
            repeated.append(Fault(line=key.start_mark.line + 1, text=text))
        found[name] = _value(value, repeated)
    return found


def _scalar(node: yaml.ScalarNode) -> str | int | bool | None:
    text = str(node.value)
    if node.style:  # in quotation marks, or a block of text
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _WHOLE.fullmatch(text) else text


class _Lines:
    """The lines in which the parts and steps of a file begin."""

    def __init__(self, root: yaml.MappingNode) -> None:
        self._parts = {key.value: key.start_mark.line + 1 for key, _ in root.value}
        self._steps: dict[str, int] = {}
        steps = [value for key, value in root.value if key.value == "steps" and isinstance(value, yaml.SequenceNode)]
        for place, step in enumerate((step for node in steps for step in node.value), 1):
            names = [value.value for key, value in _pairs(step) if key.value == "name"]
            self._steps[str(names[0]) if names and names[0] else f"no. {place}"] = step.start_mark.line + 1

    def placed(self, fault: Fault) -> Fault:
        where: Mapping[str, int] = self._steps if fault.step else self._parts
        return fault.evolve(line=where.get(fault.step or fault.part or ""))


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []
