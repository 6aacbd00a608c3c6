"""What a corrected notice corrects."""

from collections.abc import Sequence

from billing.customers.address import email_key
from billing.invoices.invoice import Invoice
from billing.invoices.ports import VersionRow
from billing.invoices.versions import Correction, difference
from billing.mails.mail import MessageRow


def _is_to(message: MessageRow, to: str) -> bool:
    return not to or email_key(message.recipient) == email_key(to)


def correction(
    invoice: Invoice, messages: Sequence[MessageRow], versions: Sequence[VersionRow], to: str = ""
) -> Correction | None:
    """What a mail about ``invoice`` corrects; None if no notice of the month was delivered (to the address ``to``).

    Who has another address since gets the next notice like a first one: what the old address was told is not theirs.
    """
    notices = [row for row in messages if row.kind == "notice" and row.status == "sent" and _is_to(row, to)]
    if not notices:
        return None
    last = max(notices, key=lambda row: row.at)
    told_minor = last.total_minor or 0
    announced = [
        version.invoice for version in versions if version.at <= last.at and version.invoice.total_minor == told_minor
    ]
    changes = difference(announced[-1], invoice) if announced else None
    return Correction(told_at=last.at, told_minor=told_minor, changes=changes)
