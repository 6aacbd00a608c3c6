"""The one error tree. Each leaf says whether trying again can help; ``activities/failures.py`` obeys it.

::

    BillingError
    ├── InvalidInput              a person typed something we cannot take; says what to type instead
    ├── NotFound                  no such customer, period or run
    ├── StaleRun                  the ledger knows more of a month than the run does, which was reset or restored
    │   └── OutcomeConflict       it has an outcome of this customer and period
    ├── BrakeOn                   the emergency brake stops whatever announces or charges: wait for it     retry
    ├── SalesUnavailable          the sheet cannot be read now: missing, quota, outage, not shared      retry
    │   ├── WorksheetMissing      the month has no worksheet (yet)                                      retry
    │   └── PreviousSalesUnavailable   the sheet of the month before, which late sales are taken from       retry
    ├── PaymentError
    │   ├── PaymentUnknown        no answer, or none we can trust: look the payment up, then go on      retry
    │   │   └── RequestSpent      every repeat gets the failure of the first: look, then ask anew       retry
    │   ├── PaymentBusy           rate limit, or the same request is in flight                          retry
    │   ├── PaymentForbidden      the API key is wrong or lacks a permission
    │   ├── PaymentMismatch       the payment found is not the one that was announced, or was cancelled
    │   ├── PaymentRejected       the request itself was refused: our bug, or a code we do not know
    │   ├── CardMissing           customer or card unknown, or the card belongs to somebody else
    │   ├── AmountTooSmall        under the processor's minimum
    │   └── AmountTooLarge        over the processor's maximum
    ├── MailError
    │   ├── NoticeOutdated        the notice would come too late for the charge date in it: write another one
    │   ├── MailUnavailable       the mail server cannot be reached, or asks to come back later         retry
    │   └── MailRefused           the mail server refuses this recipient or message for good
    ├── AlertUnavailable          what reviewers are told cannot be passed on now                       retry
    ├── TemporalUnavailable       the server cannot be asked about workflows now                        retry
    └── LedgerUnavailable         the ledger cannot be reached, or is busy                              retry
        └── RowUnreadable         one of its rows does not fit this release; the others can be read     retry
"""

from datetime import timedelta
from typing import ClassVar


class BillingError(Exception):
    """Base of all errors. The message says what happened, to whom, and what to do next."""

    retryable: ClassVar[bool] = False
    retry_after: timedelta | None = None


class InvalidInput(BillingError): ...


class NotFound(BillingError): ...


class StaleRun(BillingError): ...


class OutcomeConflict(StaleRun): ...


class BrakeOn(BillingError):
    retryable = True
    retry_after = timedelta(minutes=1)


class SalesUnavailable(BillingError):
    retryable = True


class WorksheetMissing(SalesUnavailable): ...


class PreviousSalesUnavailable(SalesUnavailable): ...


class PaymentError(BillingError): ...


class PaymentUnknown(PaymentError):
    retryable = True


class RequestSpent(PaymentUnknown): ...


class PaymentBusy(PaymentError):
    retryable = True


class PaymentForbidden(PaymentError): ...


class PaymentMismatch(PaymentError): ...


class PaymentRejected(PaymentError): ...


class CardMissing(PaymentError): ...


class AmountTooSmall(PaymentError): ...


class AmountTooLarge(PaymentError): ...


class MailError(BillingError): ...


class NoticeOutdated(MailError): ...


class MailUnavailable(MailError):
    retryable = True


class MailRefused(MailError): ...


class AlertUnavailable(BillingError):
    retryable = True


class TemporalUnavailable(BillingError):
    retryable = True


class LedgerUnavailable(BillingError):
    retryable = True


class RowUnreadable(LedgerUnavailable): ...
