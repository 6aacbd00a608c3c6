"""A month in words for its customer: money, dates and reasons are written as in our mails."""

from collections.abc import Iterable
from functools import partial

from billing.collections.debt import Debt
from billing.money import sums_text
from console.customers.customer_view import CustomersPage, CustomerView, Situation
from wording.english import date_text, invoice_rows, money_text, month_text, one_line, why


def values(page: CustomersPage) -> dict[str, object]:
    """The values of the page about one month; each typed text is one clean line."""
    month, view = page.month, page.view
    customer = page.collection.customer if page.collection else month.customer
    invoice, notice = month.invoice, month.notice
    money = partial(money_text, currency=invoice.currency if invoice else customer.currency)
    total_minor = invoice.total_minor if invoice else 0
    received_minor = total_minor - view.outstanding_minor if view.outstanding_minor else 0
    return {
        "name": one_line(customer.name),
        "period": month_text(month.period),
        "rows": invoice_rows(invoice),
        "total": money(total_minor),
        "received": money(-received_minor) if received_minor else "",
        "outstanding": money(view.outstanding_minor),
        "card": f"ending in {last4}" if (last4 := customer.last4) else "on file",
        "why": why(view.code),
        "tried": _tried(view, customer.timezone),
        "due": date_text(notice.charge_at, "d MMMM y", customer.timezone) if notice else "",
        "has_email": customer.email is not None,
        "paid_on": date_text(view.paid_at, "d MMMM y", customer.timezone) if view.paid_at else "",
        "reference": f"{customer.customer_id}, {month.period}",
        "view": view,
    }


def values_of_all(page: CustomersPage) -> dict[str, object]:
    """The values of the page about several months."""
    customer = page.collection.customer if page.collection else page.month.customer
    payable = set(page.payable(None))
    rows = [
        {
            "period": each.debt.period,
            "title": month_text(each.debt.period),
            "outstanding": money_text(each.debt.outstanding_minor, each.debt.currency),
            "why": why(each.view.code) if each.view.situation is Situation.PAYABLE else "",
            "tried": _tried(each.view, customer.timezone),
            "view": each.view,
        }
        for each in page.owed
    ]
    return {
        "name": one_line(customer.name),
        "rows": rows,
        "total": _total(month.debt for month in page.owed),
        "payable": _total(month.debt for month in page.owed if month.debt.period in payable),
        "can_change_card": page.can_change_card,
        "card": f"ending in {last4}" if (last4 := customer.last4) else "on file",
        "has_card": customer.card is not None,
        "paid": month_text(page.month.period) if page.view.situation is Situation.PAID else "",
        "reference": customer.customer_id,
    }


def _tried(view: CustomerView, zone: str) -> str:
    """What became of the last try, and when: a customer who has pressed a button must see that it did something."""
    if view.tried_at is None or not (view.declined or view.again):
        return ""
    again, at = " again" if view.again else "", date_text(view.tried_at, "d MMMM, HH:mm", zone)
    return f"We tried your card{again} on {at}{f': it was declined{again}' if view.declined else ''}."


def _total(debts: Iterable[Debt]) -> str:
    return sums_text(((debt.outstanding_minor, debt.currency) for debt in debts), money_text)
