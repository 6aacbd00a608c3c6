"""Production that is told by a chat or push service: an Apprise address at ``BILLING_PRODUCTION_URL``.

The address contains the service's secret: no error and no log of ours shows it.
"""

from collections.abc import Mapping

from apprise import Apprise, NotifyFormat, NotifyType

from billing.errors import InvalidInput, ReceiverUnavailable
from billing.events.verdicts import Verdict
from orders.events import ReleaseData
from wording.orders import release_text, release_title

_LONG = "tell production by hand, or set BILLING_PRODUCTION_URL to a mail or web address and have it sent again"


class AppriseProduction:
    """``Production`` for one service, which takes a release by taking the message; it may come twice. It gets all that
    was agreed, or nothing: a release that is too long for one message is rejected, so that people are told.

    Raises ``InvalidInput`` for an address that Apprise cannot read.
    """

    def __init__(self, address: str) -> None:
        self._apprise = Apprise()
        if not self._apprise.add(address):
            raise InvalidInput("BILLING_PRODUCTION_URL is no web address, no mailto: and nothing that Apprise knows")
        (self._service,) = self._apprise

    async def close(self) -> None: ...

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        text, title = release_text(data, event_id), release_title(data)
        if len(text) > self._room(title):
            return Verdict(
                accepted=False, text=f"what is to be made is too long for {self._service.service_name}; {_LONG}"
            )
        taken = await self._apprise.async_notify(
            title=title, body=text, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT
        )
        if not taken:
            raise ReceiverUnavailable(f"{self._service.service_name} did not take order {data.number}")
        return Verdict(accepted=True, text=f"told by {self._service.service_name}")

    def _room(self, title: str) -> int:
        """Characters of a message; a service that knows no titles has it there, too."""
        most: int = self._service.body_maxlen
        return most if self._service.title_maxlen > 0 else most - len(title) - len("\r\n")

    async def ping(self) -> str:
        """Sends nothing: people would read it."""
        return f"releases are told by {self._service.service_name}, which is not asked"
