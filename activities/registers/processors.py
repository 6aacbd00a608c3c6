"""Registers held against clearing accounts: what the journal lacks is taken in, the rest is for people to explain."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from activities.payment_intake import PROCESSOR_DOWN, PaymentIntake
from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, RailTotal, failed
from billing.accounting.registers import RailPayment, finding_of, registered, side_by_side, totals
from billing.apart import Failed, why
from billing.errors import NotFound
from billing.payments.payment import Payment, PaymentStatus
from billing.payments.ports import PaymentBooks, PaymentRecords
from billing.period import Period
from billing.receivables.incoming import ClearedPayment, PaymentRecord
from billing.receivables.journal import PaymentName
from billing.receivables.ports import ClearingAccounts, PaymentListing


class _Ledger(ClearingAccounts, PaymentBooks, PaymentListing, Protocol):
    """The stores it uses."""


class RegisterCheck:
    """The processor's register beside the journal. Every method may be called again after any failure."""

    def __init__(self, records: PaymentRecords, ledger: _Ledger, intake: PaymentIntake) -> None:
        self._records = records
        self._ledger = ledger
        self._intake = intake

    async def cleared(self, period: Period, payments: Sequence[Payment], unread: list[Failed]) -> list[ClearedPayment]:
        """What clearing accounts have of the period, and of ``payments`` whatever the journal takes them to be for."""
        rows = await self._ledger.cleared(period, unread)
        names = {row.name for row in rows}
        for payment in payments:
            name = PaymentName.of(payment.rail, payment.payment_id)
            if payment.key and payment.status is PaymentStatus.SUCCEEDED and name not in names:
                try:
                    record = await self._ledger.incoming_payment(name)
                except Exception as error:
                    unread.append(Failed(customer_id=payment.customer_id, reason=why(error)))
                else:
                    rows += _rows(name, record) if record else ()
        return rows

    async def compare(
        self,
        period: Period,
        payments: Sequence[Payment],
        cleared: Sequence[ClearedPayment],
        found: Sequence[Discrepancy],
    ) -> "RegisterResult":
        """Compares ``payments``, as the processor has them, with what was ``cleared`` before anything was repaired;
        takes in what the journal still lacks.

        What is in the findings ``found`` already is not said again. Raises ``PROCESSOR_DOWN``.
        """
        reversals = await self._ledger.reversals(period, failed=[])
        pairs, findings, said = [], [], _Said(found)
        for pair in side_by_side(payments, reversals, cleared):
            if not pair.agrees:
                try:
                    now = await self._taken_in(pair)
                    finding = finding_of(pair, now, period)
                    pair = now
                except PROCESSOR_DOWN:
                    raise
                except Exception as error:
                    finding = failed(pair.customer_id, period, why(error))
                if finding is not None and not said.has(finding):
                    findings.append(finding)
            pairs.append(pair)
        return RegisterResult(findings, totals(pairs))

    async def _taken_in(self, pair: RailPayment) -> RailPayment:
        """The payment as it now is in both books, once the journal has taken in what it lacked."""
        pair = pair.in_journal(await self._ledger.incoming_payment(pair.name))
        if pair.agrees:
            return pair
        try:
            payment = await self._records.payment(pair.reference)
        except NotFound:
            return pair._replace(registered=None)
        if PaymentName.of(payment.rail, payment.payment_id) != pair.name:
            return pair._replace(registered=None)  # it is another rail's
        await self._intake.take(payment)
        reversals = await self._records.reversals(payment.payment_id)
        pair = pair._replace(registered=registered(payment, reversals))
        return pair.in_journal(await self._ledger.incoming_payment(pair.name))


def _rows(name: PaymentName, record: PaymentRecord) -> Iterator[ClearedPayment]:
    head = record.payment
    for currency, minor in record.cleared_minor.items():
        yield ClearedPayment(
            rail=name.rail,
            digest=name.digest,
            reference=head.reference,
            customer_id=head.customer_id,
            by=head.by,
            currency=currency,
            amount_minor=minor,
        )


class RegisterResult(NamedTuple):
    """What came of it: findings, sorted by payment, and the sums by rail."""

    findings: list[Discrepancy]
    rails: tuple[RailTotal, ...]


class RailRegister(Protocol):
    """The register of a rail with a record of its own, beside the journal."""

    @property
    def rail(self) -> str: ...

    async def compare(self, period: Period) -> RegisterResult:
        """Compares the payments of a month. Raises ``LedgerUnavailable``."""


class _Said:
    """What has been found already: people hear once of a payment, and of a customer who could not be compared."""

    def __init__(self, found: Sequence[Discrepancy]) -> None:
        self._payments = {finding.payment_id for finding in found} - {""}
        self._open = {finding.payment_id for finding in found if not finding.repaired} - {""}
        self._failed = {finding.customer_id for finding in found if finding.kind is DiscrepancyKind.FAILED} - {""}

    def has(self, finding: Discrepancy) -> bool:
        by_payment = self._payments if finding.repaired else self._open
        return finding.payment_id in by_payment or finding.customer_id in self._failed
