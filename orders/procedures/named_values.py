"""Whether the values that steps name are there when a step needs them, and of the right type."""

from collections.abc import Iterator

from billing.model import LINE_MAX
from billing.tasks.forms import FieldType
from orders.procedures.draft import Draft, meant
from orders.procedures.routes import KnownValues, branches_of, known_after, known_values
from orders.procedures.steps import BillingStep, Branch, Step, TaskStep, TellStep, WaitStep

_DECIDES = (FieldType.YES_NO, FieldType.CHOICE)
_FILES = (FieldType.DOCUMENT, FieldType.PHOTO)
_SAID = tuple(each for each in FieldType if each not in _FILES)


class NamedValues:
    """Where a value's name leads, in a draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._values = draft.values()
        self._known = known_values(draft)
        self._everything = KnownValues(frozenset(self._values), frozenset(self._values))

    def faults(self, step: Step) -> Iterator[str]:
        """What is wrong with the values that a step names, each in a sentence."""
        before = self._known.get(step.name, self._everything)
        yield from self._conditions(branches_of(step), known_after(step, before))
        match step:
            case TaskStep(day=day, crew=crew):
                if day:
                    yield from self._there(f"day: {day}", day, (FieldType.DATE,), before)
                if crew:
                    yield from self._there(f"crew: {crew}", crew, (FieldType.CREW,), before)
            case BillingStep():
                if step.day:
                    yield from self._needed(f"day: {step.day}", step.day, (FieldType.DATE,), before)
                if step.amount:
                    yield from self._needed(f"amount: {step.amount}", step.amount, (FieldType.MONEY,), before)
            case WaitStep(until=name):
                yield from self._needed(f"until: {name}", name, (FieldType.DATE,), before)
            case TellStep(quotes=str(name)):
                yield from self._there(f"quotes: {name}", name, _SAID, before)
                yield from self._too_long(name)

    def _too_long(self, name: str) -> Iterator[str]:
        """Of a value that a text could not repeat whole."""
        value = self._values.get(name)
        if value is not None and value.type is FieldType.TEXT and value.most > LINE_MAX:
            yield f"quotes: {name} may have {value.most} characters; give its field max: {LINE_MAX}, or less"

    def faults_of_undo(self) -> Iterator[str]:
        yield from self._conditions(self._draft.undo, self._everything)

    def _conditions(self, branches: tuple[Branch, ...], known: KnownValues) -> Iterator[str]:
        for branch in branches:
            for name, wanted in branch.when.items():
                place = f"when: {name}"
                faults = [*self._there(place, name, _DECIDES, known)]
                yield from faults
                options = self._values[name].options if name in self._values and not faults else ()
                for answer in (each for each in wanted if options and each not in options):
                    yield f"{place}: {_shown(answer)} is no answer; {meant(_shown(answer), [*map(_shown, options)])}"

    def _needed(self, place: str, name: str, types: tuple[FieldType, ...], known: KnownValues) -> Iterator[str]:
        """Of a value without which the step could not do its work."""
        faults = [*self._there(place, name, types, known)]
        yield from faults
        if faults or name not in self._values or name in known.certain:
            return
        if not self._values[name].required:
            yield f"{place} may be empty; make the field required"
        else:
            yield f"{place} is not known on every way here; ask for it in a form that all ways go through"

    def _there(self, place: str, name: str, types: tuple[FieldType, ...], known: KnownValues) -> Iterator[str]:
        """Of a value that no step above has, or of another type."""
        if name not in self._values:
            if name.partition(".")[0] not in self._draft.unread and ("." in name or "fields" not in self._draft.unread):
                yield f"{place} is no field of the request and of no form; {meant(name, [*self._values])}"
            return
        if name not in known.possible:
            yield f"{place} is not known yet; name a field of the request, or of a form on the way to this step"
        if self._values[name].type not in types:
            yield f"{place} is of type {self._values[name].type}; this takes {' or '.join(types)}"


def _shown(answer: bool | str) -> str:
    """As it is written in the file."""
    return {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else answer
