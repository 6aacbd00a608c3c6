"""Provisioning at ``BILLING_PROVISIONING_URL``: each change of a service account is a signed POST.

provisioning = HttpProvisioning("https://network.example.com/services", ["a secret of 32 characters or more"])
verdict = await provisioning.tell(event_id, payload)
await provisioning.close()

docs/subscribers-services.md says what provisioning has to do.
"""

import json
from collections.abc import Mapping, Sequence

from adapters.events.signed_call import SignedCall
from billing.events.verdicts import Verdict

TIMEOUT_SECONDS = 20.0
_FAILED = ("error", "fail", "failed", "failure")


class HttpProvisioning:
    """``Provisioning`` by HTTP. An answer 2xx with an error inside is a refusal."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._call = SignedCall(url, secrets, "provisioning", "BILLING_PROVISIONING_URL", has_fault)

    async def close(self) -> None:
        await self._call.close()

    async def tell(self, event_id: str, payload: Mapping[str, object]) -> Verdict:
        return await self._call.ask(event_id, payload, TIMEOUT_SECONDS)

    async def ping(self) -> str:
        return await self._call.ping("signed changes of service", TIMEOUT_SECONDS)


def has_fault(body: bytes) -> bool:
    """Whether the body of a 2xx says that it has not worked: it names an error, or is no JSON, as a proxy's page."""
    if not body.strip():
        return False
    try:
        answer = json.loads(body)
    except ValueError:
        return True
    if not isinstance(answer, dict):
        return False
    is_denied = any(answer.get(name) is False for name in ("ok", "success"))
    return is_denied or bool(answer.get("error")) or str(answer.get("status", "")).lower() in _FAILED
