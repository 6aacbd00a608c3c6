"""Whose months do not go on, whatever the ledger says of them, and what to type."""

from collections.abc import Set

from billing.completeness.chains import ChainStatus, Standstill, restart
from billing.errors import BillingError
from bootstrap import connect_temporal
from cli.terminal.output import say
from clients.running_workflows import RunningWorkflows
from settings import Settings
from wording.remedies import command_line

_SHOWN = 100


async def standstill_of(settings: Settings, customer_ids: Set[str]) -> Standstill:
    """Those of the customers whose workflow does not go on; Temporal may be down, and then it says so."""
    if not customer_ids:
        return Standstill({})
    try:
        statuses = await RunningWorkflows(await connect_temporal(settings)).of(customer_ids)
    except BillingError as error:
        return Standstill({}, str(error))
    return Standstill({name: statuses[name] for name in sorted(statuses) if statuses[name] is not ChainStatus.RUNNING})


def print_standstill(standstill: Standstill) -> None:
    for customer_id, status in list(standstill.customers.items())[:_SHOWN]:
        say(f"\n{customer_id} is not billed: its workflow {status.words}", style="red")
        say(f"  {command_line(restart(customer_id, status))}")
    if len(standstill.customers) > _SHOWN:
        say(f"… {len(standstill.customers) - _SHOWN:,} more are not billed; --json has them all", style="red")
    if standstill.unseen:
        say(f"\nWhether billing goes on is not known: {standstill.unseen}", style="yellow")
