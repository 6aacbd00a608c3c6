"""A signed call whose answer counts: the same event again has the same ``Idempotency-Key`` and the same body."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic_core import to_json

from adapters.events.signed_http import Answer, SignedHttp
from billing.errors import ReceiverUnavailable
from billing.events.event import ping
from billing.events.verdicts import ANSWER_MAX, Verdict, answer_text

_LATER = (408, 425, 429)
"""Of all 4xx, those that ask to come back."""
_UNPACKED = {"Accept-Encoding": "identity"}


class SignedCall:
    """Calls ``who``, whose address is the setting ``variable``.

    2xx takes what is told, unless ``fault`` finds one in the body; 4xx refuses it; anything else is asked again.
    """

    def __init__(
        self, url: str, secrets: Sequence[str], who: str, variable: str, fault: Callable[[bytes], bool] | None = None
    ) -> None:
        self._http = SignedHttp(url, secrets)
        self._who = who
        self._variable = variable
        self._fault = fault

    async def close(self) -> None:
        await self._http.close()

    async def ask(self, event_id: str, payload: Mapping[str, object], timeout_seconds: float) -> Verdict:
        """Raises ``ReceiverUnavailable`` if there is no answer, or one that asks to come back."""
        answer = await self._post(to_json(payload), event_id, timeout_seconds)
        text = answer_text(answer.body[: 4 * ANSWER_MAX].decode(errors="replace"))
        if answer.is_success:
            is_faulty = self._fault is not None and self._fault(answer.body)
            return Verdict(accepted=not is_faulty, text=text)
        if 400 <= answer.status < 500 and answer.status not in _LATER:
            return Verdict(accepted=False, text=f"{answer.status} {text}".strip())
        raise self._unavailable(answer)

    async def ping(self, what: str, timeout_seconds: float) -> str:
        """Sends an event of type ``ping``; whom it has reached, and ``what`` they take. Raises as ``ask``."""
        event = ping(datetime.now(UTC))
        answer = await self._post(to_json(event), event.id, timeout_seconds)
        if not answer.is_success:
            raise self._unavailable(answer)
        return f"{self._http.host} takes {what}"

    async def _post(self, body: bytes, event_id: str, timeout_seconds: float) -> Answer:
        return await self._http.post(body, timeout_seconds, {"Idempotency-Key": event_id, **_UNPACKED})

    def _unavailable(self, answer: Answer) -> ReceiverUnavailable:
        leads_on = f"; set {self._variable} to where it redirects to" if answer.leads_on else ""
        return ReceiverUnavailable(f"{self._who} at {self._http.host} answers {answer.status}{leads_on}")
