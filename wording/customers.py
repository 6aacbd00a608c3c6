"""Customers in words: how they are reached, and how they pay."""

from billing.customers.customer import Customer


def reached_at(customer: Customer) -> str:
    """``ann@acme.example, +77012345678``."""
    return ", ".join(filter(None, (customer.email, customer.phone)))


def pays_by(customer: Customer) -> str:
    """The card's ids and last digits, or how the customer gets bills."""
    if card := customer.card:
        return f"card {card.card_id} of {card.payer_id}, last four digits {card.last4 or 'unknown'}"
    return f"bills, by {' and '.join(customer.told_by)}"
