"""Service accounts in words, for the command line and the console."""

from billing.subscribers.service import ServiceCause

_CAUSES = {
    ServiceCause.REGISTERED: "registered, not connected yet",
    ServiceCause.CONNECTED: "connected",
    ServiceCause.NON_PAYMENT: "not paid",
    ServiceCause.PAID: "nothing is overdue any more",
    ServiceCause.REQUEST: "on request",
    ServiceCause.TERMINATED: "ended",
}


def cause_words(cause: ServiceCause) -> str:
    return _CAUSES[cause]
