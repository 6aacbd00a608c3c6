"""``customers erase``: removes a person's data from the ledger."""

from datetime import UTC, datetime

from billing.customers.erasure import STAYS
from billing.errors import BillingError
from billing.remedies import RemedyAction
from bootstrap import connect_adapters, connect_temporal
from cli.terminal.options import AsJson, By, CustomerId, Reason
from cli.terminal.output import counted, print_json, say
from settings import load_settings
from wording.remedies import command_line


async def erase(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Erase a person's data in the ledger, once the account is closed and nothing is owed.

    Name, address, the card's last digits, line descriptions and mails go, also from the texts of decisions. Ids,
    amounts, instants, digests and the names of those who decided stay. A repeat changes nothing. The output lists the
    places that keep data.

    [bold]Example[/bold]
    $ python starter.py customers erase acme --by ann --reason "asked by letter of 3 May"
    """
    from clients.running_workflows import chain_status

    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        client = await connect_temporal(settings)
        if (await chain_status(client, customer_id)).is_open:
            close = RemedyAction.CLOSE_ACCOUNT.of(customer_id)
            raise BillingError(
                f"{customer_id} cannot be erased: its workflow runs, and would write the data again; close it first: "
                f"{command_line(close)}"
            )
        erased = await adapters.ledger.erase(customer_id, by, reason, datetime.now(UTC))
    if as_json:
        print_json({**dict(erased), "stays": STAYS})
        return
    done = f"erased; {counted(erased.rows, 'row')} rewritten" if erased.rows else "nothing to erase"
    say(f"{customer_id}: {done}")
    say("\nWhat stays:")
    for place in STAYS:
        say(f"  {place}")
