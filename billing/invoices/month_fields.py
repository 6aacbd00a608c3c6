"""The fields of a month, as the ledger records them, and its amounts."""

from billing.customers.customer import Customer
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.stages import Approval, Charging, Closed, Notice, Stage
from billing.model import Code, Count, Few, Instant, Many, Minor, Who, Words
from billing.progress import Durable


class MonthFields(Durable):
    customer: Customer
    import_at: Instant
    notice_at: Instant
    charge_at: Instant
    first: bool  # nothing was ever billed to this customer before
    invoice: Invoice | None = None
    approval: Approval | None = None
    last_editor: Who | None = None
    editors: Few[Who] = ()  # since the import or the last approval: none of them may approve
    notice: Notice | None = None
    notices: Count = 0
    charging: Charging | None = None
    closed: Closed | None = None
    leaving: Words | None = None  # who closes the account after this month, and why
    usual_minor: Minor | None = None  # sales of the last month that had any; None: unknown, or in another currency
    series: Count = 1  # of payments: the next one begins when the brake has ended a charge before any money moved
    answered: Few[Code] = ()  # ids of commands that the month before answered
    decisions: Many[Decision] = ()
    decision_count: Count = 0
    drift: Words | None = None  # how the sheet differed from the draft when they were compared last
    remark: Words | None = None  # what is not in the draft: changes in the sheet of the month before, other currencies
    previous_compared: bool = True  # the draft has the late sales of the month before; else ``remark`` says why not

    @property
    def outcome(self) -> Stage | None:
        return self.closed.outcome if self.closed else None

    @property
    def customer_id(self) -> str:
        return self.customer.customer_id

    @property
    def carried_minor(self) -> int:
        """The balance that the draft has taken over, in minor units: debt positive, credit negative."""
        return self.invoice.carried_minor if self.invoice else 0

    @property
    def currency(self) -> str:
        """The invoice's, which stays when the customer's changes."""
        return self.invoice.currency if self.invoice else self.customer.currency

    @property
    def amount_due(self) -> tuple[int, str]:
        return self.invoice.total_minor if self.invoice else 0, self.customer.currency

    @property
    def trail_count(self) -> int:
        return self.decision_count

    @property
    def balance_forward_minor(self) -> int:
        """What this month leaves to the next draft, in minor units: debt positive, credit negative."""
        if self.outcome is Stage.CARRIED_FORWARD and self.invoice is not None:
            return self.invoice.total_minor
        return self.carried_minor if self.outcome is Stage.SKIPPED else 0

    @property
    def _billed_sales_minor(self) -> int:
        """The month's own sales, as billed; 0 if it was skipped or came out as a credit."""
        if self.invoice is None or self.outcome is Stage.SKIPPED:
            return 0
        return max(0, self.invoice.sales_minor)

    @property
    def _next_usual_minor(self) -> int | None:
        if self.invoice is not None and self.invoice.currency != self.customer.currency:
            return None
        return self._billed_sales_minor or self.usual_minor
