"""Alerts to chat and push services by Apprise: ``AppriseAlerts("slack://TokenA/TokenB/TokenC")``, one service each.

The address contains the service's secret: no error and no log of ours shows it.
"""

from apprise import Apprise, NotifyFormat, NotifyType

from adapters.mail.mail_templates import render_digest
from billing.errors import AlertUnavailable, InvalidInput
from billing.reviewers.digest import Digest


class AppriseAlerts:
    """``Channel`` for one service. Raises ``InvalidInput`` for an address that Apprise cannot read."""

    def __init__(self, address: str) -> None:
        self._apprise = Apprise()
        if not self._apprise.add(address):
            raise InvalidInput("an address in BILLING_ALERT_URLS is not one that Apprise understands")
        (self._service,) = self._apprise

    async def tell(self, digest: Digest) -> None:
        """Sends as much text as the service takes. Raises ``AlertUnavailable``; the digest may have arrived."""
        rendered = render_digest(digest)
        text = _cut(rendered.text, self._service.body_maxlen)
        accepted = await self._apprise.async_notify(
            title=rendered.subject, body=text, notify_type=NotifyType.WARNING, body_format=NotifyFormat.TEXT
        )
        if not accepted:
            raise AlertUnavailable(f"{self._service.service_name} did not take digest {digest.digest_id}")

    def write(self, digest: Digest) -> bytes:
        rendered = render_digest(digest)
        return f"{rendered.subject}\n{rendered.text}".encode()


def _cut(text: str, most: int) -> str:
    """As many whole lines as fit."""
    if len(text) <= most:
        return text
    end = "…\n"
    return text[: max(0, text.rfind("\n", 0, most - len(end)) + 1)] + end
