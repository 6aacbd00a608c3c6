"""What a service order changes of its account's monthly billing: its tariff, one-off fees, and who is billed at all."""

from datetime import date, datetime

from sqlalchemy import Connection, select

from adapters.sql.core.rows import address_values, customer_values
from adapters.sql.core.statements import insert_new
from adapters.sql.events.outbox import put_events
from adapters.sql.schema.months import addresses, customers
from adapters.sql.schema.orders import buyers
from adapters.sql.subscribers.services import lock_service
from adapters.sql.tariffs.agreed import agreed_for
from adapters.sql.tariffs.tariffs import agree
from billing.customers.channels import Channel
from billing.customers.customer import Customer, Terms
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.payments.methods import BillPayer
from billing.tariffs.changes import AddFee, EndDiscount, EndTariff, Subscribe, TariffChange
from orders.procedures.procedure import Asked
from orders.procedures.steps import BillingAction, BillingStep
from orders.service.dates import today
from orders.service.events import order_step
from orders.service.service_order import APPLICATION, ServiceOrder


def change_billing(connection: Connection, order: ServiceOrder, step: BillingStep, at: datetime) -> None:
    """Raises ``InvalidInput`` and ``NotFound`` for what cannot be billed so. A repeat changes nothing."""
    day = _day(order, step, at)
    match step.action:
        case BillingAction.START:
            _ensure_billed(connection, order, at)
            _agree(connection, order, _subscription(order, day), at)
        case BillingAction.CHANGE_TARIFF:
            _agree(connection, order, _subscription(order, day), at)
        case BillingAction.CLOSE:
            _close(connection, order, day, at)
        case BillingAction.CHARGE:
            if amount_minor := _amount(order, step):
                key = f"{order.number}.{order.position}"
                fee = AddFee(key=key, account=_account(order), day=day, amount_minor=amount_minor, text=step.title)
                _agree(connection, order, fee, at)


def _day(order: ServiceOrder, step: BillingStep, at: datetime) -> date:
    """From when on; the day of the step if no other was given."""
    given = order.values.get(step.day) if step.day else None
    return date.fromisoformat(given) if isinstance(given, str) else today(at, order.timezone)


def _account(order: ServiceOrder) -> str:
    if order.account is None:
        raise InvalidInput(f"order {order.number} is about no account")
    return order.account


def _subscription(order: ServiceOrder, day: date) -> Subscribe:
    tariff = order.values.get(Asked.TARIFF)
    if not isinstance(tariff, str):
        raise InvalidInput(f"order {order.number} names no tariff; cancel it, and open one that does")
    return Subscribe(account=_account(order), tariff=tariff, starts_on=day)


def _close(connection: Connection, order: ServiceOrder, day: date, at: datetime) -> None:
    """The account's tariff ends with the day, and so do its discounts."""
    account, agreed = _account(order), agreed_for(connection, order.customer_id)
    for discount in agreed.discounts(account):
        _agree(connection, order, EndDiscount(account=account, key=discount.key, ends_on=day), at)
    if agreed.subscriptions(account):
        _agree(connection, order, EndTariff(account=account, ends_on=day), at)


def _amount(order: ServiceOrder, step: BillingStep) -> int:
    """What is charged, in minor units; 0: nothing was entered."""
    if step.fee is not None:
        return order.procedure.fee(step.fee).amount_minor(order.currency)
    given = order.values.get(step.amount or "")
    return given if isinstance(given, int) else 0


def _agree(connection: Connection, order: ServiceOrder, change: TariffChange, at: datetime) -> None:
    agree(connection, change, order.opened_by or APPLICATION, f"order {order.number}", at)


def _ensure_billed(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    """Makes a customer who gets bills of a buyer; their first month begins once Temporal is told."""
    known = customers.c.customer_id == order.customer_id
    if connection.scalar(select(customers.c.customer_id).where(known)) is None:
        customer = _customer(connection, order)
        _require_own_email(connection, customer)
        times = {"created_at": at, "updated_at": at}
        insert_new(connection, customers, [customer_values(customer) | times])
        insert_new(connection, addresses, address_values(customer))
    if Destination.BILLING in connection.get_execution_options().get("destinations", ()):
        put_events(connection, Destination.BILLING, [order_step(order, at)])


def _require_own_email(connection: Connection, customer: Customer) -> None:
    """As whoever starts customers does: sales need one owner."""
    alike = customers.c.email_key == customer.email_key, customers.c.closed_at.is_(None)
    other = connection.scalar(select(customers.c.customer_id).where(*alike)) if customer.email_key else None
    if other is not None:
        raise InvalidInput(f"{customer.customer_id}: {other} has the same email; correct one of the two")


def _customer(connection: Connection, order: ServiceOrder) -> Customer:
    buyer = connection.execute(select(buyers).where(buyers.c.customer_id == order.customer_id)).mappings().one()
    phone = lock_service(connection, _account(order)).phone
    by = [channel for channel, to in ((Channel.SMS, phone), (Channel.MAIL, buyer["email"])) if to]
    if not by:
        raise InvalidInput(f"{order.customer_id} has neither a phone nor an email for bills; add one to the account")
    return Customer(
        customer_id=order.customer_id,
        email=buyer["email"],
        name=buyer["name"],
        currency=order.currency,
        timezone=order.timezone,
        phone=phone,
        payment_method=BillPayer(),
        terms=Terms(bill_by=tuple(by)),
    )
