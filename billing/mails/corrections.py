"""The changes since the last charge notice, for a corrected one."""

from collections.abc import Sequence

from billing.customers.address import email_key
from billing.invoices.invoice import Invoice
from billing.invoices.ports import VersionRow
from billing.invoices.versions import Correction, difference
from billing.mails.mail import MessageRow


def correction(
    invoice: Invoice, messages: Sequence[MessageRow], versions: Sequence[VersionRow], to: str = ""
) -> Correction | None:
    """The difference of ``invoice`` to the last notice; None if no notice was delivered (to the address ``to``).

    After a change of address the next notice is a first one, without the amounts that the old address was sent.
    """
    notices = [row for row in messages if row.kind == "notice" and row.status == "sent"]
    if to:
        notices = [row for row in notices if email_key(row.recipient) == email_key(to)]
    if not notices:
        return None
    last = max(notices, key=lambda row: row.at)
    told_minor = last.total_minor or 0
    announced = [
        version.invoice for version in versions if version.at <= last.at and version.invoice.total_minor == told_minor
    ]
    changes = difference(announced[-1], invoice) if announced else None
    return Correction(told_at=last.at, told_minor=told_minor, changes=changes)
