"""What reconciliation finds: each difference between ledger and processor with its repair or remedies, and the sums."""

from enum import StrEnum

from billing.model import LINE_MAX, Code, Count, Few, Id, Line, Many, MinorSum, Model, Rows, Words, cut
from billing.period import Period
from billing.remedies import Remedy


class DiscrepancyKind(StrEnum):
    MISSING = "missing"  # a payment is in only one of the two
    DOUBLE = "double"  # two payments of one month have succeeded
    AMOUNT = "different amount"
    STATUS = "different status"
    OWED = "different debt"  # the collection does not know of money in the books, or believes in some that is not there
    ORPHAN = "orphan"  # a payment of a settled month could still be tried
    UNKNOWN = "unknown"  # a payment of a month that is not in the ledger, or must not be charged
    UNRESOLVED = "unresolved"  # the outcome of a charge is not known yet
    UNCOLLECTED = "uncollected"  # an owed amount without a collection
    REVERSAL = "reversal"  # a refund or a dispute that is not in the ledger
    UNCONFIRMED = "no register"  # a day of which the bank has sent no register
    FAILED = "not compared"  # an unexpected error about one customer


class Repair(StrEnum):
    """Repairs that are certain to be right."""

    TAKE_IN = "take in"  # the processor's status goes to the ledger and the collection
    CANCEL = "cancel"  # the payment is cancelled, so that it can never be paid
    TELL = "tell"  # the collection is told of money of another rail that is in the books


class Discrepancy(Model):
    """One difference. Without a ``repair``, a person decides, perhaps by one of the ``remedies``."""

    kind: DiscrepancyKind
    customer_id: Line
    period: Line
    payment_id: Id = ""
    text: Words
    remedies: Few[Remedy] = ()
    repair: Repair | None = None
    repaired: bool = False


class RailTotal(Model):
    """A rail's payments of a period in one currency, net of what went back, in minor units.

    ``register_minor`` is the sum by the rail's own list. None: people are its list, and nobody has confirmed the sum.
    """

    rail: Code
    currency: Code
    register_minor: MinorSum | None
    clearing_minor: MinorSum

    @property
    def difference_minor(self) -> int | None:
        return None if self.register_minor is None else self.register_minor - self.clearing_minor


class ReconciledPeriod(Model):
    """The result of comparing one period."""

    period: Period
    months: Count
    payments: Count
    findings: Rows[Discrepancy] = ()
    rails: Many[RailTotal] = ()

    def brief(self, limit: int = 200) -> "ReconciledPeriod":
        """The result with only the first findings, their texts cut short: each open one has an alert of its own."""
        findings = tuple(finding.evolve(text=cut(finding.text, LINE_MAX)) for finding in self.findings[:limit])
        return self.evolve(findings=findings)

    @property
    def open(self) -> tuple[Discrepancy, ...]:
        return tuple(finding for finding in self.findings if not finding.repaired)


def failed(customer_id: str, period: Period, reason: str) -> Discrepancy:
    """The finding for a customer, or a payment of an unknown one, that could not be compared."""
    text = f"{customer_id or 'a payment'}, {period} could not be compared: {reason}"
    return Discrepancy(kind=DiscrepancyKind.FAILED, customer_id=customer_id, period=period, text=text)
