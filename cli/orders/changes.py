"""``orders amend``, ``cancel``, ``halt``, ``correct``, ``resume``, ``reopen``, ``send-again``: what people decide."""

import uuid
from typing import Annotated, NamedTuple

import typer

from billing.errors import BillingError, InvalidInput
from bootstrap import connect_adapters, connect_order_desk
from bootstrap_services import connect_service_desk
from cli.orders.order_options import Deposit, Digest, FileToMake, Lines, Number, print_changed, typed_digest
from cli.orders.service_orders import print_service_standing
from cli.receivables.told import tell_reviewers
from cli.terminal.options import AsJson, By, CommandId, Reason
from cli.terminal.output import print_json, say
from orders.changes import Amend, Cancel, Change, Correct, Halt, Reopen, Resume, SendAgain
from orders.typed import percent, typed_line
from services.orders.desk import Changed
from services.orders.service_desk import ServiceChanged
from settings import load_settings


class ChangeOptions(NamedTuple):
    """The options of every change; who decides, and why, is in the order's log."""

    number: Number
    by: By
    reason: Reason
    command_id: CommandId = ""
    as_json: AsJson = False

    @property
    def fields(self) -> dict[str, str]:
        return {
            "change_id": self.command_id or uuid.uuid4().hex,
            "by": self.by,
            "reason": self.reason,
            "via": "cli",
        }


async def amend(
    options: ChangeOptions,
    line: Lines = None,
    file: FileToMake = None,
    digest: Digest = "",
    no_file: Annotated[bool, typer.Option("--no-file", help="There is no file any more.")] = False,
    deposit: Deposit = "",
    no_deposit: Annotated[bool, typer.Option("--no-deposit", help="The work starts when all is paid.")] = False,
    version: Annotated[
        int, typer.Option("--version", metavar="N", min=0, help="Only if this is still the version; 0: whichever is.")
    ] = 0,
) -> None:
    """Change what was agreed, until the first release; what you leave out stays as it is. --line replaces all lines.

    What is due changes with it. Open payment links end at once. What was paid above the new price is credit.
    A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py orders amend 1042 --line "3 x Sign=120.00" --by ann --reason "one more, by mail"
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        standing = await connect_order_desk(settings, adapters).known(options.number)
    order, agreed = standing.order, standing.order.agreed
    if line:
        agreed = agreed.evolve(lines=tuple(typed_line(text, order.currency) for text in line))
    if no_file or (made := typed_digest(file, digest)):
        agreed = agreed.evolve(file_digest=None if no_file else made.strip().lower())
    if no_deposit or deposit:
        agreed = agreed.evolve(deposit_percent=None if no_deposit else percent(deposit))
    if agreed == order.agreed:  # such as after a repeat
        effect = f"unchanged: that is what was agreed already, as version {order.version}"
        print_changed(Changed(standing=standing, effect=effect), options.as_json)
        return
    await _change(options, Amend(**options.fields, version=version or order.version, agreed=agreed))


async def cancel(
    options: ChangeOptions,
    refund: Annotated[bool, typer.Option("--refund", help="Give back what was paid, by the rail it came by.")] = False,
) -> None:
    """End an order, until its first release. What was paid is the customer's credit; with --refund it goes back.

    Each payment goes back once, however often you repeat the command. A processor is asked for it. What came by
    transfer or in cash waits for somebody who gives it back by hand: see payments proposals.

    [bold]Examples[/bold]
    $ python starter.py orders cancel 1042 --by ann --reason "by mail of 3 December"
    $ python starter.py orders cancel 1042 --refund --by ann --reason "cannot be made"
    """
    await _change(options, Cancel(**options.fields, refund=refund))


async def halt(options: ChangeOptions) -> None:
    """Release nothing of an order until somebody resumes it, whatever is paid.

    [bold]Example[/bold]
    $ python starter.py orders halt 1042 --by ann --reason "the file looks wrong"
    """
    await _change(options, Halt(**options.fields))


async def correct(
    options: ChangeOptions,
    value: Annotated[
        str, typer.Option("--set", metavar="NAME=VALUE", help="As orders show names it, such as look.first_day.")
    ],
) -> None:
    """Put right what a halted order of a procedure knows: a field of its request, or an answer in a form.

    Steps that are done stay as they are. Then resume the order: the step where it stands goes by the new value.

    [bold]Example[/bold]
    $ python starter.py orders correct 79 --set look.first_day=2027-01-01 --by ann --reason "December is drafted"
    """
    name, is_one, typed = value.partition("=")
    if not is_one:
        raise InvalidInput(f"--set {value!r} lacks =; write it like look.first_day=2027-01-01")
    await _change(options, Correct(**options.fields, name=name.strip()[:100], typed=typed[:10_000]))


async def resume(options: ChangeOptions) -> None:
    """Let an order go on that was halted; what is paid enough by then is released at once.

    [bold]Example[/bold]
    $ python starter.py orders resume 1042 --by ann --reason "the file is right"
    """
    await _change(options, Resume(**options.fields))


async def reopen(options: ChangeOptions) -> None:
    """Have a request worked on again that was answered, as long as its procedure allows it.

    [bold]Example[/bold]
    $ python starter.py orders reopen 80 --by ann --reason "it is slow again"
    """
    await _change(options, Reopen(**options.fields))


async def send_again(options: ChangeOptions) -> None:
    """Have production asked again, after it has refused a release for good.

    [bold]Example[/bold]
    $ python starter.py orders send-again 1042 --by ann --reason "its form takes our material now"
    """
    await _change(options, SendAgain(**options.fields))


async def _change(options: ChangeOptions, change: Change) -> None:
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        try:
            service = connect_service_desk(settings, adapters)
            if await service.has(options.number):
                _print_service(await service.change(options.number, change, settings.now()), options.as_json)
                return
            changed = await connect_order_desk(settings, adapters).change(options.number, change, settings.now())
        except BillingError as error:
            raise _with_advice(error, change.change_id) from None
        await tell_reviewers(settings, adapters)
    print_changed(changed, options.as_json)


def _print_service(changed: ServiceChanged, as_json: bool) -> None:
    if as_json:
        print_json({**dict(changed.standing), "effect": changed.effect})
        return
    say(changed.effect)
    print_service_standing(changed.standing)


def _with_advice(error: BillingError, change_id: str) -> BillingError:
    """The error; one that says nothing of the outcome tells how to repeat the command without a second effect."""
    if not error.retryable:
        return error
    return type(error)(f"{error}; to go on, repeat the command with --command-id {change_id}")
