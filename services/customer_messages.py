"""What customers are told, by the channels that were agreed: a mail, a text, or both.

    await messages.tell(TextKind.WARNING, month, 2, [Channel.SMS], collection=collection, consequence=consequence)

Every message is recorded before it is sent, and sent once for its kind, month or collection, and number.
"""

from collections.abc import Sequence

from billing.collections.collection import Collection
from billing.customers.channels import Channel
from billing.errors import MailRefused, TextRefused
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.mails.mail import CustomerMailKind
from billing.texts.text import Consequence, TextKind
from services.customer_mails import CustomerMails

REFUSED = (MailRefused, TextRefused)
"""What ``tell`` raises if the customer cannot be told: the address or number takes nothing."""
_MAILS = {
    TextKind.BILL: CustomerMailKind.NOTICE,
    TextKind.REMINDER: CustomerMailKind.REMINDER,
    TextKind.WARNING: CustomerMailKind.WARNING,
    TextKind.SUSPENDED: CustomerMailKind.SUSPENDED,
    TextKind.RESTORED: CustomerMailKind.RESTORED,
    TextKind.RECEIPT: CustomerMailKind.RECEIPT,
}


class CustomerMessages:
    def __init__(self, mails: CustomerMails) -> None:
        self._mails = mails

    async def tell(
        self,
        kind: TextKind,
        month: Month,
        number: int,
        by: Sequence[Channel],
        collection: Collection | None = None,
        correction: Correction | None = None,
        consequence: Consequence | None = None,
    ) -> tuple[Channel, ...]:
        """Tells the customer by each of these channels for which there is an address; else by any there is.

        Returns by which the customer is told. Raises one of ``REFUSED`` if none has taken it; any other error is an
        outage: repeat the call, and only what is missing is sent. A reminder, a warning and what follows are about
        everything in ``collection``, and ``number`` counts them there; a bill and a receipt are about ``month``.
        ``consequence`` is what a warning warns of.
        """
        await self._mails.to_customer(_MAILS[kind], month, number, collection, correction, consequence)
        return (Channel.MAIL,)
