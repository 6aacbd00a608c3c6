"""Links to a payment's page at its processor."""

from urllib.parse import quote

from billing.payments.mode import MoneyMode

_DASHBOARD = {
    MoneyMode.LIVE: "https://dashboard.stripe.com/payments/",
    MoneyMode.TEST: "https://dashboard.stripe.com/test/payments/",
}


def payment_url(mode: MoneyMode, payment_id: str) -> str:
    """The page of ``pi_…`` in Stripe's dashboard; "" in the sandbox, and for what is not Stripe's."""
    if mode is MoneyMode.SANDBOX or not payment_id.startswith("pi_"):
        return ""
    return _DASHBOARD[mode] + quote(payment_id, safe="")
