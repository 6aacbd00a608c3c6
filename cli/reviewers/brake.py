"""``brake``: pulls, releases and shows the emergency brake."""

from collections.abc import Mapping
from datetime import UTC, datetime

from billing.collections.ports import DebtRow
from billing.invoices.ports import InvoiceRow
from billing.money import format_amount
from billing.reviewers.brake import Brake
from bootstrap import connect_ledger
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import SHOWN, ids, print_json, print_table, say, utc, whole
from settings import load_settings

VIA = "cli"
Row = InvoiceRow | DebtRow


async def on(by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Pull the emergency brake: nothing more is announced or charged, for anybody, until it is released.

    Lists the charges that had begun: a payment that the processor is deciding on cannot be called back.
    While the brake is on, another pull changes nothing.

    [bold]Example[/bold]
    $ python starter.py brake on --by ann --reason "the sheet is last year's"
    """
    async with connect_ledger(load_settings()) as ledger:
        brake = await ledger.pull_brake(by, reason, VIA, datetime.now(UTC))
        rows = await ledger.under_way()
        names = await ledger.names({row.customer_id for row in rows[:SHOWN]})
    if as_json:
        print_json({"brake": brake, "on": brake.on, "under_way": rows})
        return
    _say_state(brake)
    _say_under_way(rows, names)


async def off(by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Release the emergency brake: months go on, each with at least its minimum window. A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py brake off --by ann --reason "the sheet is right now"
    """
    async with connect_ledger(load_settings()) as ledger:
        brake = await ledger.release_brake(by, reason, VIA, datetime.now(UTC))
    if as_json:
        print_json({"brake": brake, "on": brake.on})
        return
    _say_state(brake)


async def show(as_json: AsJson = False) -> None:
    """Show whether the emergency brake is on, what is under way, and when it was on before.

    [bold]Examples[/bold]
    $ python starter.py brake show
    $ python starter.py brake show --json
    """
    async with connect_ledger(load_settings()) as ledger:
        brakes = await ledger.brakes()
        is_on = bool(brakes) and brakes[0].on
        rows = await ledger.under_way() if is_on else []
        names = await ledger.names({row.customer_id for row in rows[:SHOWN]})
    if as_json:
        print_json({"on": is_on, "under_way": rows, "brakes": brakes})
        return
    if not brakes:
        say("the emergency brake is off; it was never pulled")
        return
    _say_state(brakes[0])
    if is_on:
        _say_under_way(rows, names)
    for brake in brakes[1:]:
        _say_state(brake)


def _say_state(brake: Brake) -> None:
    if brake.released_at is None:
        say(f"the emergency brake is ON since {utc(brake.pulled_at)}: {brake.reason}", style="bold red")
        return
    say(f"the emergency brake is off; it was on from {utc(brake.pulled_at)} ({brake.reason})")
    say(f"  until {utc(brake.released_at)} ({brake.released_by}: {brake.released_why})")


def _say_under_way(rows: list[Row], names: Mapping[str, str]) -> None:
    def listed(row: Row) -> tuple[str, ...]:
        return row.customer_id, names.get(row.customer_id, ""), row.period, row.stage, _amount(row)

    if rows:
        say(
            f"{len(rows)} under way: payments that have reached the processor are settled first, the others not charged"
        )
    columns = (ids("Customer"), "Name", whole("Period"), "Stage", whole("Amount", "right"))
    print_table(columns, rows, listed, empty="nothing was under way")


def _amount(row: Row) -> str:
    return format_amount(row.total_minor if isinstance(row, InvoiceRow) else row.outstanding_minor, row.currency)
