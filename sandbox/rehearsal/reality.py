"""What a rehearsal takes over from the real settings, and what it is compared with."""

from typing import Literal, NamedTuple

from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import Ladder
from process.settings.texts import TextTerms


class RealSettings(NamedTuple):
    """The only real settings that a rehearsal uses, by their names: how cells are read, what mails and texts look like
    and cost, and what follows when a bill is not paid.
    """

    company: str
    mail_from: str
    decimal_separator: Literal[".", ","]
    texts: TextTerms = TextTerms()
    ladder: Ladder = ()
    contact_hours: ContactHours = ContactHours()


class RealMonth(NamedTuple):
    """The real result of a month."""

    stage: str  # its outcome, or "open"
    currency: str
    total_minor: int
