"""A line of the log for each thing that is done outside: what, for whom, about what, and what came of it.

::

    log_effect(activity.logger, "charge", "acme", "2026-11", "120.00 EUR: succeeded (pi_1)")

    charge: acme, 2026-11, 120.00 EUR: succeeded (pi_1) ({'attempt': 1, 'workflow_id': …, 'workflow_run_id': …})

Within an activity, Temporal's logger adds run and attempt. As JSON (``BILLING_LOG``) each is a field of its own.
"""

from logging import Logger, LoggerAdapter
from typing import Any


def log_effect(
    log: Logger | LoggerAdapter[Any], effect: str, customer_id: str | None, about: object, came: str
) -> None:
    """``about`` is the month or order ("": none). Ids and amounts only: more people read a log than the ledger."""
    whom = customer_id or "nobody"
    parts = ", ".join(filter(None, (whom, str(about), came)))
    log.info("%s: %s", effect, parts, extra={"effect": effect, "customer": whom, "about": str(about)})
