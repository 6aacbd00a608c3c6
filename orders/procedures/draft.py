"""A procedure as it was written, read as far as it can be, so that all its faults are told at once."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, cast

from pydantic import TypeAdapter, ValidationError

from billing.model import Count, Line, Model, Words, cut
from billing.tasks.forms import FieldType
from orders.procedures.procedure import STEPS_MAX, Fee, Procedure, RequestField
from orders.procedures.steps import OUTCOME, Branch, PaymentStep, Step, TaskStep

_STEP: TypeAdapter[Step] = TypeAdapter(Step)
_PARTS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(cast("Any", Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation))
    for name, field in Procedure.model_fields.items()
    if name != "steps"
}
_KINDS = ("task", "payment", "tell", "call", "billing", "wait", "end")
_KIND = f"write one of {', '.join(_KINDS)}"
_NO_NEXT = "is a dead end: write next, the step that follows; or kind: end, if the order ends here"


class Fault(Model):
    """What is wrong, and what to do: with a ``step``, with another ``part`` of the file, or with the whole of it."""

    step: Line | None = None
    part: Line | None = None
    line: Count | None = None
    text: Words

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        places = filter(None, (line, f"step {self.step}" if self.step else self.part))
        return ": ".join(filter(None, (", ".join(places), self.text)))


class Value(NamedTuple):
    """A value that an order may have. ``options``: all that it can be; (): anything of its type. ``most``: as the
    field's.
    """

    type: FieldType
    required: bool
    options: tuple[str | bool, ...] = ()
    most: int = 0


class Draft:
    """The ``parts`` and ``steps`` of a file that could be read; ``names`` are those of all steps, in their order."""

    def __init__(self, written: Mapping[str, object]) -> None:
        self.faults: list[Fault] = []
        self.unread: set[str] = set()
        self.parts = dict(self._read_parts(written))
        self.fields: tuple[RequestField, ...] = self.parts.get("fields", ())
        self.fees: tuple[Fee, ...] = self.parts.get("fees", ())
        self.undo: tuple[Branch, ...] = self.parts.get("undo", ())
        raw = written.get("steps", ())
        self.steps, self.names = self._read_steps(raw if isinstance(raw, Sequence) and not isinstance(raw, str) else ())
        if not self.names:
            self.faults.append(Fault(text="has no steps; write steps, the first of them the beginning"))

    def procedure(self) -> Procedure:
        """Only if there are no faults."""
        return Procedure(**self.parts, steps=tuple(self.steps))

    def _read_parts(self, written: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
        known = [*_PARTS, "steps"]
        for name in written:
            if name not in known:
                self.faults.append(Fault(part=_short(name), text=f"is no part of a procedure; {meant(name, known)}"))
        for name, adapter in _PARTS.items():
            field = Procedure.model_fields[name]
            if name not in written:
                if field.is_required():
                    self.unread.add(name)
                    self.faults.append(Fault(part=name, text=f"is missing; {_MISSING[name]}"))
                continue
            try:
                yield name, adapter.validate_python(written[name])
            except ValidationError as error:
                self.unread.add(name)
                self.faults += (Fault(part=name, text=text) for text in _explained(error, skipped=0))

    def _read_steps(self, raw: Sequence[object]) -> tuple[list[Step], list[str]]:
        if len(raw) > STEPS_MAX:
            self.faults.append(Fault(text=f"has {len(raw)} steps; a procedure has {STEPS_MAX} at most: split it"))
        steps, names = list[Step](), list[str]()
        for place, each in enumerate(raw[:STEPS_MAX], 1):
            name = _name_of(each) or f"no. {place}"
            names.append(name)
            try:
                steps.append(_STEP.validate_python(each))
            except ValidationError as error:
                self.unread.add(name)
                self.faults += (Fault(step=name, text=text) for text in _explained(error))
        return steps, names

    @property
    def is_whole(self) -> bool:
        """Whether all of it could be read, so that nothing is found wrong only because of what is missing."""
        return not self.unread

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    def position(self, name: str) -> int:
        return self.names.index(name)

    def values(self) -> dict[str, Value]:
        """Every value that an order may have, by its name."""
        found = {str(field.name): Value(field.type, field.required, field.options) for field in self.fields}
        for step in self.steps:
            found |= answers_of(step)
        return found


def answers_of(step: Step) -> dict[str, Value]:
    """The values that a step gives an order."""
    if isinstance(step, PaymentStep):
        return {f"{step.name}.{OUTCOME}": Value(FieldType.CHOICE, True, tuple(map(str, step.outcomes)))}
    if not isinstance(step, TaskStep):
        return {}
    return {
        f"{step.name}.{field.name}": Value(
            field.type, field.required, (True, False) if field.type is FieldType.YES_NO else field.options, field.most
        )
        for field in step.form
    }


def meant(name: str, known: Sequence[str]) -> str:
    """What somebody may have meant: ``did you mean crew?``, or all there are."""
    close = get_close_matches(_short(name), known, 1)
    return f"did you mean {close[0]}?" if close else f"write one of {', '.join(known)}" if known else "there is none"


_MISSING = {
    "name": "write name: and the name of the file, without .yaml",
    "title": "write title: and what people read in lists",
    "undo": "write undo: and the step at which a cancelled order goes on, such as its end",
}


def _name_of(step: object) -> str | None:
    name = step.get("name") if isinstance(step, Mapping) else None
    return _short(name) if isinstance(name, str) and name else None


def _short(name: object) -> str:
    return cut(str(name), 100)


def _explained(error: ValidationError, skipped: int = 1) -> Iterator[str]:
    """Each mistake in a line, without the values. Of a step, its kind is ``skipped`` in the place."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        place = item["loc"]
        if item["type"] == "too_short" and any(each["loc"][: len(place)] == place != each["loc"] for each in found):
            continue  # only because of what is wrong in it
        shown = [f"no. {each + 1}" if isinstance(each, int) else _short(each) for each in place[skipped:]]
        yield _sentence(item["type"], shown, item["msg"].removeprefix("Value error, "))


def _sentence(code: str, where: list[str], message: str) -> str:
    place = ", ".join(where)
    match code, where:
        case "union_tag_not_found", _:
            return f"kind is missing; {_KIND}"
        case "union_tag_invalid", _:
            return f"this kind is not known; {_KIND}"
        case "missing", ["next"]:
            return _NO_NEXT
        case "missing", _:
            return f"{place} is missing; add it"
        case "extra_forbidden", _:
            return f"{place} has no place here; take it out, or see docs/procedures.md for how it is written"
        case "string_pattern_mismatch", _:
            return f"{place}: write small letters, digits and underscores, a letter first, such as visit_2"
        case "string_type", _:
            return f"{place}: this is no text; if it is meant as one, write it in quotation marks"
        case _:
            return f"{place}: {message}" if place else message
