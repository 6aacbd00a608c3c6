"""What the commands about orders share: arguments, digests of files, and how an order is printed."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from billing.errors import InvalidInput
from billing.model import Model
from billing.money import format_amount, plain_amount
from billing.receivables.instructions import InstructionState
from cli.terminal.output import complain, print_json, say, utc
from orders.order import Answered, OrderStanding, Release
from orders.ports import OrderRow
from services.orders.desk import Changed
from wording.plain import stage_words

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number, as in the list.")]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", metavar='"TEXT=AMOUNT"', help='A line, such as "2 x Sign=90.00"; repeat it for more.'),
]
FileToMake = Annotated[Path | None, typer.Option("--file", metavar="PATH", help="The file to be made: by its SHA-256.")]
Digest = Annotated[str, typer.Option("--digest", metavar="SHA256", help="The file's SHA-256 instead, in hexadecimal.")]
Deposit = Annotated[str, typer.Option("--deposit", metavar="PERCENT", help="What starts the work; the rest ships it.")]

_CONFIRM = "python starter.py payments confirm"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file. Raises ``InvalidInput``."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def typed_digest(file: Path | None, digest: str) -> str:
    """The digest that one of two options gives; "" for none."""
    if file is not None and digest:
        raise InvalidInput("name the file by --file or by --digest, not by both")
    return digest_of(file) if file is not None else digest


def document(standing: OrderStanding) -> dict[str, object]:
    """An order as ``--json`` prints it; amounts in minor units."""
    return {
        **dict(standing.order),
        "stage": standing.stage,
        "due_minor": standing.order.price_minor,
        "paid_minor": standing.paid_minor,
        "outstanding_minor": standing.owed_minor,
    }


def print_standing(standing: OrderStanding, buyer: str = "") -> None:
    order = standing.order
    name = f" ({buyer})" if buyer else ""
    say(f"{order.number} of {order.customer_id}{name}: {stage_words(standing.stage)}", style="bold")
    say(f"  due {standing.due}, paid {standing.paid}, outstanding {standing.outstanding}; version {order.version}")
    if order.expires_at is not None and order.end is None and not order.is_started:
        say(f"  expires {utc(order.expires_at)}")
    if order.halt is not None:
        say(f"  halted by {order.halt.by}: {order.halt.reason}")
    for release in order.releases:
        say(f"  {release_words(release, order.currency)}")


def release_words(release: Release, currency: str) -> str:
    """A release and production's answer, in a line."""
    owed = format_amount(release.owed_minor, currency)
    head = f"released for {release.kind} at {utc(release.at)}, version {release.version}, {owed} outstanding"
    if release.answer is None:
        return f"{head}; production has not answered yet"
    verb = "answers" if isinstance(release.answer, Answered) else "refuses"
    return f"{head}; production {verb}: {release.answer.text or 'nothing'}"


def print_changed(changed: Changed, as_json: bool) -> None:
    """What a change did. Exit code 1 if money could not be given back, which is said."""
    if as_json:
        print_json({**document(changed.standing), "effect": changed.effect, "given_back": changed.given_back})
    else:
        order = changed.standing.order
        say(f"{order.number} of {order.customer_id}: {changed.effect}")
        for given in changed.given_back:
            _print_given_back(given.state, str(given), given.instruction_id)
    if any(given.state in (None, InstructionState.REFUSED) for given in changed.given_back):
        raise typer.Exit(1)


def _print_given_back(state: InstructionState | None, words: str, instruction_id: str | None) -> None:
    match state:
        case InstructionState.TO_DO:
            say(f"  {words}: give it back by hand, then: {_CONFIRM} {instruction_id} --refund-reference REFERENCE")
        case InstructionState.PROPOSED:
            say(f"  {words}; somebody else confirms it with: {_CONFIRM} {instruction_id}")
        case InstructionState.UNDER_WAY:
            say(f"  {words}; to ask again, once and no second time: {_CONFIRM} {instruction_id}")
        case None | InstructionState.REFUSED:
            complain(f"  {words}; it stays the customer's credit")
        case _:
            say(f"  {words}")


class ListedOrder(Model):
    """A row of the list as it is printed."""

    row: OrderRow

    @property
    def cells(self) -> tuple[str, ...]:
        row = self.row
        paid, owed = (plain_amount(minor, row.currency) for minor in (row.paid_minor, row.owed_minor))
        who, due = f"{row.buyer} ({row.customer_id})", format_amount(row.price_minor, row.currency)
        return row.number, who, stage_words(row.stage), due, paid, owed, f"{row.since:%Y-%m-%d}"
