"""Whose months and collections do not go on, whatever the ledger says of them, and what to type."""

from collections.abc import Sequence, Set

from billing.completeness.chains import ChainStatus, Standstill, StoppedCollection, restart
from billing.errors import BillingError
from billing.period import Period
from bootstrap_ledger import connect_running_workflows
from cli.terminal.output import say
from settings import Settings
from wording.remedies import command_line

_SHOWN = 100


async def standstill_of(settings: Settings, customer_ids: Set[str]) -> Standstill:
    """Those of the customers whose workflow does not go on; Temporal may be down, and then it says so."""
    if not customer_ids:
        return Standstill({})
    try:
        statuses = await (await connect_running_workflows(settings)).of(customer_ids)
    except BillingError as error:
        return Standstill({}, str(error))
    return Standstill({name: statuses[name] for name in sorted(statuses) if statuses[name] is not ChainStatus.RUNNING})


async def stopped_collections(
    settings: Settings, owed: Sequence[tuple[str, Period]]
) -> tuple[list[StoppedCollection], str]:
    """Those of the open collections that make no progress; and why Temporal could not be asked ("": it was)."""
    if not owed:
        return [], ""
    try:
        return await (await connect_running_workflows(settings)).stopped_collections(owed), ""
    except BillingError as error:
        return [], str(error)


def print_stopped(collections: Sequence[StoppedCollection], unseen: str) -> None:
    for stopped in collections[:_SHOWN]:
        say(f"\n{stopped.text}", style="red")
        say(f"  {command_line(stopped.remedy)}")
    if len(collections) > _SHOWN:
        say(f"… {len(collections) - _SHOWN:,} more are not collected; --json has them all", style="red")
    if unseen:
        say(f"\nWhether collecting goes on is not known: {unseen}", style="yellow")


def print_standstill(standstill: Standstill) -> None:
    for customer_id, status in list(standstill.customers.items())[:_SHOWN]:
        say(f"\n{customer_id} is not billed: its workflow {status.words}", style="red")
        say(f"  {command_line(restart(customer_id, status))}")
    if len(standstill.customers) > _SHOWN:
        say(f"… {len(standstill.customers) - _SHOWN:,} more are not billed; --json has them all", style="red")
    if standstill.unseen:
        say(f"\nWhether billing goes on is not known: {standstill.unseen}", style="yellow")
