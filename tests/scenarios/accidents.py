"""What happens to customers in the stories about coverage."""

from typing import Any

from billing.customers.roster import write_roster
from billing.invoices.commands import Skip
from billing.invoices.month import Month
from billing.period import Period
from tests.bed import OCTOBER, Bed, now

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


async def ledger_loses_october(bed: Bed, customer_id: str) -> None:
    """The workflow is in October, and was terminated."""
    assert (await bed.command(customer_id, Skip(**ANN))).accepted
    await bed.drafted(customer_id, OCTOBER)
    await bed.handle(customer_id).terminate()
    for table in ("lines", "decisions", "invoices"):
        await bed.tamper(f"DELETE FROM {table} WHERE customer_id = ? AND period = ?", customer_id, OCTOBER)


async def ghost_is_started_by_hand(bed: Bed) -> None:
    """The ledger does not know the customer, whose row is in ghost.csv."""
    ghost = await bed.customer("ghost")
    bed.started.append("ghost")
    await bed.restart_by_hand(Month.open(ghost, Period.at(now(), ghost.timezone)))
    (bed.folder / "ghost.csv").write_text(write_roster([ghost]))
