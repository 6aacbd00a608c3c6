"""What people say to the value of a workflow, and what becomes of it: accepted with an effect, or refused and why."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from billing.errors import InvalidInput
from billing.model import Code, Model, Who, Why, Words, cut
from billing.period import Period
from billing.validation import explain

Via = Literal["", "console", "cli", "customer"]
COMMAND_MAX_BYTES = 250_000
"""An edit of as many lines as it takes, each with the longest description in the longest letters."""
_SHORT = 100  # characters

V = TypeVar("V")
T = TypeVar("T", bound="Said")


class Command(Model, extra="forbid"):
    """Base of all commands: who, why, and what it is about.

    ``command_id`` makes a repeat harmless; ``period`` refuses the command if another month is current by then; ``via``
    says where it was given, for the audit trail ("": by an update or a signal of Temporal's).
    """

    by: Who
    reason: Why
    command_id: Code = Field("", max_length=100)
    period: Period | None = None
    via: Via = ""


class Halt(Command):
    """Stop the clock: nothing is announced or charged until somebody resumes."""


class Resume(Command):
    """Go on, a month with at least the minimum window; also tries again what needed a person.

    ``stopped`` is ``Month.stop`` as it was seen: what something else stops by now is not resumed. None: unchecked.
    """

    stopped: Code | None = None


class Refusal(StrEnum):
    """Why a command was refused, for programs; the sentence beside it is for people."""

    LATER = "later"  # something has to end first: repeat the command after that
    UNCHANGED = "unchanged"  # it is so already
    OTHER = "other"


class CommandResult(Model):
    """The answer to a command: done or refused, in words, and where the month or the collection stands now."""

    accepted: bool
    refusal: Refusal | None = None
    result: Words
    stage: Code
    period: Period


class Refused(Exception):
    """A command that does not fit; the message says why and what would."""

    def __init__(self, text: str, code: Refusal = Refusal.OTHER) -> None:
        super().__init__(text)
        self.code = code


class Ruling(NamedTuple, Generic[V]):
    """What became of a command: the value afterwards, the answer in words, and the code if it was refused."""

    value: V
    result: str
    refusal: Refusal | None


class Said(Protocol):
    """An entry of an audit trail, with what tells a repeated command."""

    @property
    def command_id(self) -> str: ...
    @property
    def content(self) -> str: ...


def decide(value: V, command: Command, trail: Sequence[Said], apply: Callable[[], tuple[V, str]]) -> Ruling[V]:
    """Applies ``command`` to ``value`` by ``apply``, which raises ``Refused`` if it does not fit."""
    try:
        if command.command_id and any(command.command_id == earlier.command_id for earlier in trail):
            raise Refused("this command id was used for another command already; give a new one")
        return Ruling(*apply(), None)
    except Refused as error:
        return Ruling(value, str(error), error.code)
    except InvalidInput as error:
        return Ruling(value, str(error), Refusal.OTHER)
    except ValidationError as error:  # the value itself cannot take it: whatever has no room in it is refused
        return Ruling(value, explain(error), Refusal.OTHER)


def answered(trail: Sequence[T], command: Command) -> T | None:
    """The entry of the trail that has the answer to ``command`` already, which is a repeat; else None."""
    content = content_of(command)
    repeats = (entry for entry in trail if (entry.command_id, entry.content) == (command.command_id, content))
    return next(repeats, None) if command.command_id else None


def command_name(command: Command, kinds: Mapping[str, type[Command]]) -> str:
    """The name of the signal and update that carries ``command``."""
    return next(name for name, kind in kinds.items() if type(command) is kind)


def content_of(command: Command) -> str:
    """A short fingerprint of all that a command says: only the same content makes it a repeat."""
    content = f"{type(command).__name__}{command.model_dump_json(exclude={'via'})}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def parse_command(name: str, arguments: Sequence[object], kinds: Mapping[str, type[Command]]) -> Command:
    """The command in a signal's or update's raw arguments. Raises ``InvalidInput`` saying what is wrong with them."""
    kind = kinds.get(name)
    if kind is None:
        raise InvalidInput(f"there is no command {cut(name, _SHORT)!r}; the commands are: {', '.join(kinds)}")
    if len(arguments) != 1:
        raise InvalidInput(f'{name} takes one argument, an object such as {{"by": "ann", "reason": "too high"}}')
    if isinstance(arguments[0], kind):
        return arguments[0]
    _check_size(name, arguments[0])
    try:
        return TypeAdapter(kind).validate_python(arguments[0])
    except ValidationError as error:
        raise InvalidInput(f"{name} cannot be read: {explain(error)}") from None


def _check_size(name: str, argument: object) -> None:
    """Before the argument is looked into, which takes time."""
    try:
        size_bytes = len(to_json(argument, fallback=repr))
    except ValueError:  # nested beyond all measure
        size_bytes = COMMAND_MAX_BYTES + 1
    if size_bytes > COMMAND_MAX_BYTES:
        limit, size = COMMAND_MAX_BYTES // 1000, size_bytes // 1000
        raise InvalidInput(f"{name} is too large, {size:,} kB; a command takes up to {limit} kB")
