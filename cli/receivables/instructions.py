"""``payments assign``, ``refund``, ``proposals``, ``confirm`` and ``reject``: what people want done with payments."""

import uuid
from typing import Annotated

import typer

from billing.errors import BillingError, InvalidInput
from billing.payments.typed_payment import subject_of
from billing.period import Period
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName
from bootstrap import connect_adapters, connect_ledger, connect_payment_desk
from cli.receivables.payments import OrderOption, RailArgument, Reference, buyer_of
from cli.receivables.told import tell_reviewers
from cli.terminal.options import AsJson, By, CommandId, Reason, period_option
from cli.terminal.output import print_json, print_table, say, utc, whole
from services.payment_desk import PaymentDesk
from settings import load_settings

InstructionId = Annotated[str, typer.Argument(metavar="ID", help="The id of the proposal, as in the list.")]
Part = Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="A part of it, such as 12.50; else all.")]
RefundReference = Annotated[
    str, typer.Option("--refund-reference", metavar="REFERENCE", help="By hand: the bank's reference of it.")
]

_CONFIRM = "python starter.py payments confirm"


async def assign(
    rail: RailArgument,
    reference: Reference,
    by: By,
    reason: Reason,
    customer: Annotated[
        str, typer.Option("--customer", metavar="ID", help="Whose it is; of an order, its buyer.")
    ] = "",
    order: OrderOption = "",
    month: Annotated[Period | None, period_option("The month that it pays; else the oldest debt.", "--month")] = None,
    amount: Part = "",
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Assign unmatched money to a customer or to an order, all of it or a part.

    Above BILLING_FOUR_EYES_ABOVE that is a proposal, which somebody else has to confirm.

    [bold]Examples[/bold]
    $ python starter.py payments assign transfer 7732 --customer nowak --by ann --reason "asked by phone"
    $ python starter.py payments assign transfer 7733 --order 1042 --by ann --reason "asked by phone"
    """
    async with connect_ledger(load_settings()) as ledger:
        customer = customer or await buyer_of(ledger, order)
    if not customer or (order and month):
        raise InvalidInput("name whose money it is by --customer or --order; for one month, or for one order")
    request = InstructionRequest(
        instruction_id=command_id or uuid.uuid4().hex,
        kind=InstructionKind.ASSIGN,
        payment=PaymentName.of(rail, reference.strip()),
        customer_id=customer,
        subject=subject_of(month or "", order),
        amount=amount,
        by=by,
        reason=reason,
        via="cli",
    )
    await _instruct(request, as_json)


async def refund(
    rail: RailArgument,
    reference: Reference,
    by: By,
    reason: Reason,
    amount: Part = "",
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="Whose part of a payment that was split.")
    ] = None,
    refund_reference: RefundReference = "",
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Give a payment back by the rail by which it came, all of it or a part; what it had paid is not owed again.

    A processor is asked to give the money back. By hand, you have done so, and name it by a reference of its own.
    Above BILLING_FOUR_EYES_ABOVE that is a proposal, which somebody else has to confirm.

    [bold]Examples[/bold]
    $ python starter.py payments refund stripe pi_1 --amount 12.50 --by ann --reason "returned goods"
    $ python starter.py payments refund transfer 7731 --refund-reference 9021 --by ann --reason "paid twice"
    """
    request = InstructionRequest(
        instruction_id=command_id or uuid.uuid4().hex,
        kind=InstructionKind.REFUND,
        payment=PaymentName.of(rail, reference.strip()),
        customer_id=customer,
        amount=amount,
        refund_reference=refund_reference,
        by=by,
        reason=reason,
        via="cli",
    )
    await _instruct(request, as_json)


async def proposals(as_json: AsJson = False) -> None:
    """List what waits for somebody to confirm it, and refunds whose outcome is not known.

    [bold]Example[/bold]
    $ python starter.py payments proposals
    """
    async with connect_ledger(load_settings()) as ledger:
        rows = await ledger.instructions()
    if as_json:
        print_json({"proposals": rows})
        return
    columns = (whole("Id"), whole("When"), "Who", "What", "Why", "State")
    print_table(columns, rows, _listed, empty="nothing waits for anybody")


def _listed(row: Instruction) -> tuple[str, ...]:
    return row.instruction_id, utc(row.at), row.by, str(row), row.reason, row.state.replace("_", " ")


async def confirm(
    instruction_id: InstructionId,
    by: By,
    reason: Reason,
    refund_reference: RefundReference = "",
    as_json: AsJson = False,
) -> None:
    """Confirm what somebody else has proposed; or ask again for a refund whose outcome is not known.

    A refund that people have to make by hand is confirmed by who has made it, with the bank's reference of it.

    [bold]Examples[/bold]
    $ python starter.py payments confirm 3f2a --by bob --reason "compared with the statement"
    $ python starter.py payments confirm 7c1d --refund-reference 9021 --by bob --reason "paid out"
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        desk = connect_payment_desk(settings, adapters)
        _print(await _answered(desk, instruction_id, by, reason, refund_reference), as_json)
        await tell_reviewers(settings, adapters)


async def reject(instruction_id: InstructionId, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Take a proposal back: your own, or somebody else's. No money has moved.

    Also ends a refund of which a gateway has not said for three hours what has become of it: look in its cabinet first.

    [bold]Example[/bold]
    $ python starter.py payments reject 3f2a --by bob --reason "it is another customer's"
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        desk = connect_payment_desk(settings, adapters)
        _print(await desk.reject(instruction_id, by, reason, settings.now()), as_json)


async def _instruct(request: InstructionRequest, as_json: bool) -> None:
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        desk = connect_payment_desk(settings, adapters)
        try:
            _print(await desk.instruct(request, settings.now()), as_json)
        except BillingError as error:
            raise _with_advice(error, request.instruction_id) from None
        await tell_reviewers(settings, adapters)


async def _answered(desk: PaymentDesk, instruction_id: str, by: str, reason: str, refund_reference: str) -> Instruction:
    try:
        return await desk.confirm(instruction_id, by, reason, load_settings().now(), refund_reference)
    except BillingError as error:
        raise _with_advice(error, instruction_id) from None


def _with_advice(error: BillingError, instruction_id: str) -> BillingError:
    """The error; one without an outcome says how to ask again without giving money back twice."""
    if not error.retryable:
        return error
    return BillingError(f"{error}; to ask again, once and no second time: {_CONFIRM} {instruction_id}")


def _print(instruction: Instruction, as_json: bool) -> None:
    if as_json:
        print_json(instruction)
        return
    if instruction.state is InstructionState.PROPOSED:
        say(f"{instruction}: proposed; somebody else confirms it with: {_CONFIRM} {instruction.instruction_id}")
    elif instruction.state is InstructionState.TO_DO:
        say(f"{instruction}: to be done by hand; then: {_CONFIRM} {instruction.instruction_id} --refund-reference REF")
    else:
        say(f"{instruction}: {instruction.result or instruction.state.replace('_', ' ')}")
