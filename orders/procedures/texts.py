"""What a procedure's steps tell a subscriber, by the code in ``text``."""

from enum import StrEnum


class ProcedureText(StrEnum):
    RECEIVED = "received"  # the order, with its number
    PAY_FEE = "pay_fee"  # what the fee of the order is, and where to pay
    PAY_DEBT = "pay_debt"  # what is overdue has to be paid first
    VISIT = "visit"  # a crew comes, on the day that it quotes
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    TARIFF_CHANGED = "tariff_changed"
    ANSWERED = "answered"  # a request, by what it quotes
    REFUSED = "refused"  # the order, for the reason that it quotes
