"""Has the reviewers told of what a command has put into the ledger's outbox."""

from contextlib import suppress

from billing.errors import BillingError
from bootstrap import Adapters, connect_alerts, connect_digest_trigger, connect_temporal, has_reviewers
from settings import Settings


async def tell_reviewers(settings: Settings, adapters: Adapters) -> None:
    """At once if Temporal answers; else the console sees to it within minutes, or the next digest has it."""
    if has_reviewers(settings, adapters) and await adapters.ledger.has_untold_alerts():
        with suppress(BillingError):
            trigger = connect_digest_trigger(settings, await connect_temporal(settings))
            await connect_alerts(settings, adapters, trigger).resume()
