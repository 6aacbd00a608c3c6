"""Production by the form of its address: ``https://…``, ``mailto:ann@example.com``, or Apprise's notation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.mail.mail_production import MailProduction
    from adapters.mail.smtp_mail import SmtpMail
    from adapters.notify.apprise_production import AppriseProduction
    from adapters.production.http_production import HttpProduction

    AnyProduction = HttpProduction | MailProduction | AppriseProduction


def production_at(address: str, secrets: Sequence[str], mail: SmtpMail, mail_domain: str) -> AnyProduction:
    """Raises ``InvalidInput`` for an address that nobody understands."""
    if address.startswith(("http://", "https://")):
        from adapters.production.http_production import HttpProduction

        return HttpProduction(address, secrets)
    if address.startswith("mailto:") and not address.startswith("mailto://"):  # with slashes it is Apprise's
        from adapters.mail.mail_production import MailProduction

        return MailProduction(mail, address.removeprefix("mailto:"), mail_domain)
    from adapters.notify.apprise_production import AppriseProduction

    return AppriseProduction(address)
