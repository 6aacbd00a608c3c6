"""A month in words for its customer: money, dates and reasons are written as in our mails."""

from functools import partial

from babel.dates import format_date

from billing.collections.collection import Collection
from billing.invoices.month import Month
from console.customers.customer_view import CustomerView
from wording.english import LOCALE, date_text, money_text, one_line, why


def values(month: Month, collection: Collection | None, view: CustomerView) -> dict[str, object]:
    """The values of the customer's page; each typed text is one clean line."""
    customer = collection.customer if collection else month.customer
    invoice = month.invoice
    money = partial(money_text, currency=invoice.currency if invoice else customer.currency)
    rows = [(one_line(line.description), money(line.amount_minor)) for line in invoice.lines] if invoice else []
    if invoice and invoice.carried_minor:
        text = "Carried over from earlier months" if invoice.carried_minor > 0 else "Credit from earlier months"
        rows.append((text, money(invoice.carried_minor)))
    total_minor = invoice.total_minor if invoice else 0
    received_minor = total_minor - view.outstanding_minor if view.outstanding_minor else 0
    return {
        "name": one_line(customer.name),
        "period": format_date(month.period.first_day, "MMMM y", locale=LOCALE),
        "rows": rows,
        "total": money(total_minor),
        "received": money(-received_minor) if received_minor else "",
        "outstanding": money(view.outstanding_minor),
        "card": f"ending in {last4}" if (last4 := customer.payment_method.last4) else "on file",
        "why": why(view.code),
        "paid_on": date_text(view.paid_at, "d MMMM y", customer.timezone) if view.paid_at else "",
        "reference": f"{customer.customer_id}, {month.period}",
        "view": view,
    }
