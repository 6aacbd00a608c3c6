"""Search attributes of workflows: ids and amounts only, never personal data."""

from datetime import datetime

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from billing.progress import Durable
from orders.order import OrderStanding
from orders.service.service_order import ServiceStanding

PERIOD = SearchAttributeKey.for_keyword("BillingPeriod")
STAGE = SearchAttributeKey.for_keyword("BillingStage")
CUSTOMER = SearchAttributeKey.for_keyword("BillingCustomer")
AMOUNT_MINOR = SearchAttributeKey.for_int("BillingAmountMinor")
CURRENCY = SearchAttributeKey.for_keyword("BillingCurrency")

SEARCH_ATTRIBUTES = (PERIOD, STAGE, CUSTOMER, AMOUNT_MINOR, CURRENCY)


def of_order(standing: OrderStanding) -> TypedSearchAttributes:
    order = standing.order
    return TypedSearchAttributes(
        [
            SearchAttributePair(STAGE, standing.stage),
            SearchAttributePair(CUSTOMER, order.customer_id),
            SearchAttributePair(AMOUNT_MINOR, standing.owed_minor),
            SearchAttributePair(CURRENCY, order.currency),
        ]
    )


def of_service_order(standing: ServiceStanding) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(STAGE, standing.stage),
            SearchAttributePair(CUSTOMER, standing.customer_id),
            SearchAttributePair(AMOUNT_MINOR, standing.owed_minor),
            SearchAttributePair(CURRENCY, standing.currency),
        ]
    )


def search_attributes(value: Durable, now: datetime) -> TypedSearchAttributes:
    amount_minor, currency = value.amount_due
    return TypedSearchAttributes(
        [
            SearchAttributePair(PERIOD, value.period),
            SearchAttributePair(STAGE, value.stage(now)),
            SearchAttributePair(CUSTOMER, value.customer_id),
            SearchAttributePair(AMOUNT_MINOR, amount_minor),
            SearchAttributePair(CURRENCY, currency),
        ]
    )
