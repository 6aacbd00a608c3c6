"""Production that is told by a chat or push service: an Apprise address at ``BILLING_PRODUCTION_URL``.

The address contains the service's secret: no error and no log of ours shows it.
"""

from collections.abc import Mapping

from apprise import Apprise, NotifyFormat, NotifyType

from billing.errors import InvalidInput, ReceiverUnavailable
from orders.events import ReleaseData
from orders.production import Verdict
from wording.orders import release_text, release_title


class AppriseProduction:
    """``Production`` for one service, which takes a release by taking the message; it may come twice.

    Raises ``InvalidInput`` for an address that Apprise cannot read.
    """

    def __init__(self, address: str) -> None:
        self._apprise = Apprise()
        if not self._apprise.add(address):
            raise InvalidInput("BILLING_PRODUCTION_URL is no web address, no mailto: and nothing that Apprise knows")
        (self._service,) = self._apprise

    async def close(self) -> None: ...

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        text = release_text(data, event_id)[: self._service.body_maxlen]
        taken = await self._apprise.async_notify(
            title=release_title(data), body=text, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT
        )
        if not taken:
            raise ReceiverUnavailable(f"{self._service.service_name} did not take order {data.number}")
        return Verdict(accepted=True, text=f"told by {self._service.service_name}")

    async def ping(self) -> str:
        """Sends nothing: people would read it."""
        return f"releases are told by {self._service.service_name}, which is not asked"
