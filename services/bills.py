"""Bills of customers without a card: sent by the channels agreed on; what is owed then is collected."""

from temporalio import activity

from billing.collections.collection import Collection
from billing.collections.ports import Collections
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.texts.text import TextKind
from services.collecting import NO_LADDER, DebtBooks, LadderTerms, collect, opened
from services.messages.customer_messages import REFUSED, CustomerMessages


class Bills:
    def __init__(
        self, messages: CustomerMessages, ledger: DebtBooks, collections: Collections, terms: LadderTerms = NO_LADDER
    ) -> None:
        self._messages = messages
        self._ledger = ledger
        self._collections = collections
        self._terms = terms

    async def send(self, month: Month, correction: Correction | None) -> None:
        """Sends the bill that is the month's notice; raises as ``CustomerMessages.tell``. A repeat sends it once."""
        assert month.notice is not None
        by = month.customer.terms.bill_by
        await self._messages.tell(TextKind.BILL, month, month.notice.number, by, correction=correction)

    async def collect(self, month: Month) -> bool:
        """Lets the customer's collection take in what the billed ``month`` is owed; False if credit has paid it all.

        A repeat changes nothing. Raises ``BillingError`` if Temporal does not answer.
        """
        return await collect(self._ledger, self._collections, month, self._terms)

    async def unpaid(self, month: Month) -> Collection:
        """What is collected of a ``month`` whose charge failed: its mail says when the card is tried again."""
        return await opened(self._ledger, month, self._terms)

    async def thank(self, month: Month) -> None:
        """Sends the receipt of a bill that credit has paid: nothing collects it, so nobody else does. Sent once."""
        try:
            await self._messages.tell(TextKind.RECEIPT, month, 1, month.customer.terms.bill_by)
        except REFUSED as error:
            activity.logger.warning("receipt refused: %s", error)
