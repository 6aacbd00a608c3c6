"""Alerts for reviewers go into the ledger's outbox; then one digest sends all that are there.

An alert is saved before the digest is woken; the activity repeats until both have succeeded.
"""

from collections.abc import Callable, Iterable

from billing.apart import why
from billing.reviewers.alerts import Alert
from billing.reviewers.ports import AlertOutbox, DigestWaker


class Alerts:
    """``enabled``: an address of the reviewers is configured."""

    def __init__(self, ledger: AlertOutbox, digest: DigestWaker, enabled: bool) -> None:
        self._ledger = ledger
        self._digest = digest
        self._enabled = enabled

    async def tell(self, alert: Alert) -> None:
        """Sends the alert with the next digest, once. Repeat it after any error."""
        if self._enabled:
            await self._ledger.save_alert(alert)
            await self._digest.wake()

    async def resume(self) -> None:
        """Wakes the digest for whatever the ledger itself has put into the outbox, or a crash has left there."""
        if self._enabled and await self._ledger.has_untold_alerts():
            await self._digest.wake()

    async def tell_each(self, alerts: Iterable[Callable[[], Alert]]) -> None:
        """Sends many alerts. The first error is raised after the others are saved."""
        errors = []
        for make in alerts:
            try:
                await self.tell(make())
            except Exception as error:
                why(error)
                errors.append(error)
        if errors:
            raise errors[0]
