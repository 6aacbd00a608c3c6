"""``events``: lists what is told to the company's own systems, and tells it again."""

from typing import Annotated

import typer

from billing.events.event import OutgoingEvent
from bootstrap import connect_ledger
from cli.terminal.options import AsJson
from cli.terminal.output import SHOWN, print_json_list, print_table, say, utc, whole
from settings import load_settings


async def list_(
    undelivered: Annotated[bool, typer.Option("--undelivered", help="Only what has not been taken yet.")] = False,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only of this customer.")] = None,
    as_json: AsJson = False,
) -> None:
    """List events, the newest first, and why some have not been delivered; with --json, also what they say.

    [bold]Examples[/bold]
    $ python starter.py events list --undelivered
    $ python starter.py events list --customer acme --json
    """
    async with connect_ledger(load_settings()) as ledger:
        rows = (event async for page in ledger.outgoing_events(undelivered, customer) for event in page)
        if as_json:
            await print_json_list("events", rows)
            return
        events = [event async for event in rows]
    columns = (whole("Made"), whole("Event"), "Customer", "State", whole("ID"))
    print_table(columns, events, _listed, empty="no events", shown=SHOWN)


def _listed(event: OutgoingEvent) -> tuple[str, ...]:
    return utc(event.created_at), event.type, event.customer_id or "", _state(event), event.event_id


def _state(event: OutgoingEvent) -> str:
    if event.done_at:
        return f"delivered {utc(event.done_at)}"
    if event.fault:
        return f"{event.fault}; again {utc(event.next_at) if event.next_at else 'now'}"
    return "waits"


async def resend(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id, as in the list.")],
) -> None:
    """Deliver an event again, or now instead of later. The receiver knows a copy by its id.

    [bold]Example[/bold]
    $ python starter.py events resend 2f9d6a0e-6f0e-5d3c-9c3b-0d8a4f1f7a55
    """
    async with connect_ledger(load_settings()) as ledger:
        await ledger.resend_event(event_id)
    say(f"{event_id}: delivered again by the next worker or console that looks")
