"""What engineers see of a run in the Temporal UI: search attributes. Ids and amounts only, never personal data."""

from datetime import datetime

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from billing.invoices.month import Month

PERIOD = SearchAttributeKey.for_keyword("BillingPeriod")
STAGE = SearchAttributeKey.for_keyword("BillingStage")
CUSTOMER = SearchAttributeKey.for_keyword("BillingCustomer")
AMOUNT_MINOR = SearchAttributeKey.for_int("BillingAmountMinor")
CURRENCY = SearchAttributeKey.for_keyword("BillingCurrency")

SEARCH_ATTRIBUTES = (PERIOD, STAGE, CUSTOMER, AMOUNT_MINOR, CURRENCY)


def search_attributes(month: Month, now: datetime) -> TypedSearchAttributes:
    """All search attributes of ``month`` at ``now``."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PERIOD, month.period),
            SearchAttributePair(STAGE, month.stage(now)),
            SearchAttributePair(CUSTOMER, month.customer.customer_id),
            SearchAttributePair(AMOUNT_MINOR, month.invoice.total_minor if month.invoice else 0),
            SearchAttributePair(CURRENCY, month.customer.currency),
        ]
    )
