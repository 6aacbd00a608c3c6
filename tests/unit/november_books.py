"""A month that is paid by card, and the same one unpaid: a payment, an invoice, a debt."""

from datetime import UTC, datetime

from billing.collections.ports import DebtRow
from billing.collections.stages import CollectionStage
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import Stage
from billing.payments.payment import Payment, PaymentStatus
from billing.period import Period

AT = datetime(2026, 12, 8, 9, tzinfo=UTC)
NOVEMBER = Period("2026-11")
PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    status=PaymentStatus.SUCCEEDED,
    amount_minor=1250,
    currency="eur",
    payer_id="cus_1",
    created_at=AT,
    key="monthly-billing-v1:acme:2026-11",
    customer_id="acme",
    period=NOVEMBER,
)
MONTH = InvoiceRow(
    customer_id="acme",
    period=NOVEMBER,
    stage=Stage.PAID,
    currency="eur",
    total_minor=1250,
    version=1,
    problems=0,
    next_at=None,
    updated_at=AT,
)
DEBT = DebtRow(
    customer_id="acme",
    period=NOVEMBER,
    stage=CollectionStage.COLLECTING,
    currency="eur",
    amount_minor=1250,
    outstanding_minor=1250,
    opened_at=AT,
    next_at=None,
    closed_at=None,
    updated_at=AT,
)
