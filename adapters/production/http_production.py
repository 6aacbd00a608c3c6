"""Production at ``BILLING_PRODUCTION_URL``: a release is a signed POST, and the answer is production's word.

production = HttpProduction("https://shop.example.com/releases", ["a secret of 32 characters or more"])
verdict = await production.release(event_id, payload, data)
await production.close()

docs/orders.md says what production has to do.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic_core import to_json

from adapters.events.signed_http import Answer, SignedHttp
from billing.errors import ReceiverUnavailable
from billing.events.event import ping
from orders.events import ReleaseData
from orders.production import ANSWER_MAX, Verdict, answer_text

TIMEOUT_SECONDS = 20.0
_LATER = (408, 425, 429)
"""Of all 4xx, those that ask to come back."""
_UNPACKED = {"Accept-Encoding": "identity"}


class HttpProduction:
    """``Production`` by HTTP: 2xx takes the release, 4xx refuses it for good, anything else is asked again."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._http = SignedHttp(url, secrets)

    async def close(self) -> None:
        await self._http.close()

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        """A repeat has the same ``Idempotency-Key``, the id of the event, and the same body."""
        answer = await self._post(to_json(payload), event_id)
        text = answer_text(answer.body[: 4 * ANSWER_MAX].decode(errors="replace"))
        if answer.is_success:
            return Verdict(accepted=True, text=text)
        if 400 <= answer.status < 500 and answer.status not in _LATER:
            return Verdict(accepted=False, text=f"{answer.status} {text}".strip())
        raise self._unavailable(answer)

    async def ping(self) -> str:
        """Sends an event of type ``ping``; whom it has reached. Raises ``ReceiverUnavailable``."""
        event = ping(datetime.now(UTC))
        answer = await self._post(to_json(event), event.id)
        if not answer.is_success:
            raise self._unavailable(answer)
        return f"{self._http.host} takes signed releases"

    async def _post(self, body: bytes, event_id: str) -> Answer:
        return await self._http.post(body, TIMEOUT_SECONDS, {"Idempotency-Key": event_id, **_UNPACKED})

    def _unavailable(self, answer: Answer) -> ReceiverUnavailable:
        leads_on = "; set BILLING_PRODUCTION_URL to where it redirects to" if answer.leads_on else ""
        return ReceiverUnavailable(f"production at {self._http.host} answers {answer.status}{leads_on}")
