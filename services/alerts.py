"""Alerts: what reviewers are told goes into the ledger's outbox first; then one digest tells all that is there.

An alert is in the outbox before the digest is woken, and the activity that writes it repeats until both have worked.
"""

from collections.abc import Callable, Iterable

from billing.apart import why
from billing.reviewers.alerts import Alert
from billing.reviewers.ports import AlertOutbox, DigestWaker


class Alerts:
    """``wanted``: there is somebody to be told."""

    def __init__(self, ledger: AlertOutbox, digest: DigestWaker, wanted: bool) -> None:
        self._ledger = ledger
        self._digest = digest
        self._wanted = wanted

    async def tell(self, alert: Alert) -> None:
        """The next digest tells it, once. Raises ``LedgerUnavailable``, ``AlertUnavailable``; then say it again."""
        if self._wanted:
            await self._ledger.save_alert(alert)
            await self._digest.wake()

    async def tell_each(self, alerts: Iterable[Callable[[], Alert]]) -> None:
        """The same of many. What cannot be told of one is raised again once all others were."""
        errors = []
        for made in alerts:
            try:
                await self.tell(made())
            except Exception as error:
                why(error)
                errors.append(error)
        if errors:
            raise errors[0]
