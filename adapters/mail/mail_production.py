"""Production that is told by mail: ``mailto:workshop@example.com`` at ``BILLING_PRODUCTION_URL``."""

import hashlib
from collections.abc import Mapping
from html import escape

from adapters.mail.smtp_mail import SmtpMail
from billing.errors import MailError, ReceiverUnavailable
from billing.events.verdicts import Verdict
from billing.mails.mail import RenderedMail
from orders.events import ReleaseData
from wording.orders import release_text, release_title


class MailProduction:
    """``Production`` by mail, which takes a release once the mail server has it; a copy has the same Message-ID."""

    def __init__(self, mail: SmtpMail, to: str, domain: str) -> None:
        self._mail = mail
        self._to = to
        self._domain = domain

    async def close(self) -> None: ...

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        text = release_text(data, event_id)
        content = RenderedMail(release_title(data), f"{text}\n", f"<pre>{escape(text)}</pre>")
        message_id = f"<release-{hashlib.sha256(event_id.encode()).hexdigest()[:32]}@{self._domain}>"
        try:
            await self._mail.send_plain(content, self._to, message_id, f"release/{data.number}/{data.kind}")
        except MailError as error:
            raise ReceiverUnavailable(f"order {data.number} cannot be mailed: {error}") from None
        return Verdict(accepted=True, text=f"told by mail, {message_id}")

    async def ping(self) -> str:
        """Sends nothing: people would read it."""
        await self._mail.ping()
        return "releases are told by mail"
