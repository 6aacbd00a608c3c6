"""Commands to a workflow, and the ruling on each: accepted with an effect, or refused with a reason."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from billing.errors import InvalidInput
from billing.model import Code, Model, Who, Why, Words, cut
from billing.period import Period
from billing.trail import TrailEntry
from billing.validation import explain

Via = Literal["", "console", "cli", "customer"]
COMMAND_MAX_BYTES = 250_000
"""Room for the largest edit, with the longest descriptions in the widest characters."""
_SHORT = 100  # characters

V = TypeVar("V")
E = TypeVar("E", bound=TrailEntry)


class Command(Model, extra="forbid"):
    """Base of all commands. A repeat with the same ``command_id`` has no second effect.

    With ``period``, the command is refused once another month is current. ``via`` is where it was given, for the audit
    trail ("": as an update or a signal, straight to Temporal).
    """

    by: Who
    reason: Why
    command_id: Code = Field("", max_length=100)
    period: Period | None = None
    via: Via = ""


class Halt(Command):
    """Stop the clock: nothing is announced or charged until somebody resumes."""


class Resume(Command):
    """Let the clock run again, with at least the minimum window left; also retries a step that waited for a person.

    ``stopped`` is ``Month.stop`` as the sender saw it: if the stop is another one now, the command is refused. None:
    unchecked.
    """

    stopped: Code | None = None


class Refusal(StrEnum):
    """Why a command was refused, for programs; the sentence beside it is for people."""

    LATER = "later"  # something has to end first; repeat the command then
    UNCHANGED = "unchanged"  # nothing to change
    OTHER = "other"


class CommandResult(Model):
    """The answer to a command, in words, and where the month or the collection stands now."""

    accepted: bool
    refusal: Refusal | None = None
    result: Words
    stage: Code
    period: Period


class Refused(Exception):
    """A command that cannot be carried out; the message says why, and what to do instead."""

    def __init__(self, text: str, code: Refusal = Refusal.OTHER) -> None:
        super().__init__(text)
        self.code = code


class Ruling(NamedTuple, Generic[V]):
    """The value after a command, the answer in words, and a code if the command was refused."""

    value: V
    result: str
    refusal: Refusal | None


def decide(value: V, command: Command, trail: Sequence[TrailEntry], apply: Callable[[], tuple[V, str]]) -> Ruling[V]:
    """Carries out ``command`` by ``apply``, which raises ``Refused``; a refusal leaves ``value`` as it is."""
    try:
        if command.command_id and any(command.command_id == earlier.command_id for earlier in trail):
            raise Refused("this command id was used for another command already; give a new one")
        return Ruling(*apply(), None)
    except Refused as error:
        return Ruling(value, str(error), error.code)
    except InvalidInput as error:
        return Ruling(value, str(error), Refusal.OTHER)
    except ValidationError as error:  # the changed value would break a limit of its own
        return Ruling(value, explain(error), Refusal.OTHER)


def answered(trail: Sequence[E], command: Command) -> E | None:
    """The entry with the answer to ``command`` if it is a repeat, else None."""
    content = content_of(command)
    repeats = (entry for entry in trail if (entry.command_id, entry.content) == (command.command_id, content))
    return next(repeats, None) if command.command_id else None


def command_name(command: Command, kinds: Mapping[str, type[Command]]) -> str:
    """The name of the signal and update that carries ``command``."""
    return next(name for name, kind in kinds.items() if type(command) is kind)


def content_of(command: Command) -> str:
    """A short fingerprint of a command, without ``via``: a repeat has the same id and the same content."""
    content = f"{type(command).__name__}{command.model_dump_json(exclude={'via'})}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def parse_command(name: str, arguments: Sequence[object], kinds: Mapping[str, type[Command]]) -> Command:
    """The command in the raw arguments of a signal or update. Raises ``InvalidInput``, which says what is wrong."""
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
    """Comes before validation, which takes time."""
    try:
        size_bytes = len(to_json(argument, fallback=repr))
    except ValueError:  # nested too deeply
        size_bytes = COMMAND_MAX_BYTES + 1
    if size_bytes > COMMAND_MAX_BYTES:
        limit, size = COMMAND_MAX_BYTES // 1000, size_bytes // 1000
        raise InvalidInput(f"{name} is too large, {size:,} kB; a command takes up to {limit} kB")
