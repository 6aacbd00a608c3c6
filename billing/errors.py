"""The one error tree. Each leaf says whether trying again can help; ``activities/failures.py`` obeys it.

::

    BillingError
    ├── InvalidInput              a person typed something we cannot take; says what to type instead
    │   └── FormRefused           fields of a form are missing or false; names each of them
    ├── NotFound                  no such customer, period or run
    ├── StaleRun                  the ledger is ahead of this run, which was reset or restored
    │   └── OutcomeConflict       the ledger has an outcome for this customer and period
    ├── DebtChanged               less is owed than was counted last: count again
    ├── OutsideContactHours       contact hours have ended meanwhile: go on when they begin again
    ├── BrakeOn                   the emergency brake stops notices and charges: wait for its release      retry
    ├── SalesUnavailable          the sheet cannot be read now: missing, quota, outage, not shared      retry
    │   ├── WorksheetMissing      the month has no worksheet (yet)                                      retry
    │   └── PreviousSalesUnavailable   the month before, source of late sales, cannot be read now           retry
    ├── PaymentError
    │   ├── PaymentUnknown        no answer, or none we can trust: look the payment up, then go on      retry
    │   │   └── RequestSpent      this key repeats an earlier failure: look up, then use the next key   retry
    │   ├── PaymentBusy           rate limit, or the same request is in flight                          retry
    │   │   └── RequestTaken      the processor has the request and is at it: look, never send it again     retry
    │   ├── PaymentForbidden      the API key is wrong or lacks a permission
    │   ├── PaymentMismatch       the payment is not the one that was announced, or was cancelled
    │   ├── PaymentRejected       the request itself was refused: our bug, or a code we do not know
    │   ├── PaymentUnreadable     signed by the gateway, and cannot be read: a person has to look at it there
    │   ├── CardMissing           customer or card unknown, or the card belongs to somebody else
    │   ├── AmountTooSmall        under the processor's minimum
    │   └── AmountTooLarge        over the processor's maximum
    ├── MailError
    │   ├── NoticeOutdated        the notice would arrive too late for its charge date: write another one
    │   ├── MailUnavailable       the mail server cannot be reached, or asks to come back later         retry
    │   └── MailRefused           the mail server refuses this recipient or message for good
    ├── TextError
    │   ├── TextUnknown           the vendor has perhaps taken the text: look it up, then go on         retry
    │   ├── TextsUnavailable      the vendor takes no texts now: outage, rate limit, no money left      retry
    │   ├── TextsHeld             the day's limit of texts, or of their cost, is reached: the rest wait retry
    │   └── TextRefused           the vendor refuses this text for good
    │       └── NumberRefused     the vendor says that this number takes no texts
    ├── AlertUnavailable          the reviewers cannot be alerted now                                   retry
    ├── ReceiverUnavailable       the receiver of our events did not take one                           retry
    ├── TemporalUnavailable       the server cannot be asked about workflows now                        retry
    └── LedgerUnavailable         the ledger cannot be reached, or is busy                              retry
        ├── BalanceChanged        money has moved since the balance was read: read it again             retry
        ├── TariffsChanged        what an account pays has changed since it was read: read it again     retry
        └── RowUnreadable         one row does not fit this release; the others can be read             retry
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar


class BillingError(Exception):
    """Base of all errors. The message says what happened, to which customer and period, and what to do next."""

    retryable: ClassVar[bool] = False
    retry_after: timedelta | None = None


class InvalidInput(BillingError): ...


class FormRefused(InvalidInput):
    """``problems``: what is wrong, by the field's name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


class NotFound(BillingError): ...


class StaleRun(BillingError): ...


class OutcomeConflict(StaleRun): ...


class DebtChanged(BillingError): ...


class OutsideContactHours(BillingError): ...


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


class RequestTaken(PaymentBusy): ...


class PaymentForbidden(PaymentError): ...


class PaymentMismatch(PaymentError): ...


class PaymentRejected(PaymentError): ...


class PaymentUnreadable(PaymentError): ...


class CardMissing(PaymentError): ...


class AmountTooSmall(PaymentError): ...


class AmountTooLarge(PaymentError): ...


class MailError(BillingError): ...


class NoticeOutdated(MailError): ...


class MailUnavailable(MailError):
    retryable = True


class MailRefused(MailError): ...


class TextError(BillingError): ...


class TextUnknown(TextError):
    retryable = True


class TextsUnavailable(TextError):
    retryable = True


class TextsHeld(TextError):
    retryable = True


class TextRefused(TextError): ...


class NumberRefused(TextRefused): ...


class AlertUnavailable(BillingError):
    retryable = True


class ReceiverUnavailable(BillingError):
    retryable = True


class TemporalUnavailable(BillingError):
    retryable = True


class LedgerUnavailable(BillingError):
    retryable = True


class BalanceChanged(LedgerUnavailable): ...


class TariffsChanged(LedgerUnavailable): ...


class RowUnreadable(LedgerUnavailable): ...
