"""Production at ``BILLING_PRODUCTION_URL``: a release is a signed POST, and the answer is production's word.

production = HttpProduction("https://shop.example.com/releases", ["a secret of 32 characters or more"])
verdict = await production.release(event_id, payload, data)
await production.close()

docs/orders.md says what production has to do.
"""

from collections.abc import Mapping, Sequence

from adapters.events.signed_call import SignedCall
from billing.events.verdicts import Verdict
from orders.events import ReleaseData

TIMEOUT_SECONDS = 20.0


class HttpProduction:
    """``Production`` by HTTP: 2xx takes the release, 4xx refuses it for good, anything else is asked again."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._call = SignedCall(url, secrets, "production", "BILLING_PRODUCTION_URL")

    async def close(self) -> None:
        await self._call.close()

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        return await self._call.ask(event_id, payload, TIMEOUT_SECONDS)

    async def ping(self) -> str:
        return await self._call.ping("signed releases", TIMEOUT_SECONDS)
