"""The charge notice before it goes out; or why none will."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from billing.invoices.month import Month
from billing.invoices.ports import VersionRow
from billing.invoices.stages import Approval
from billing.mails.corrections import correction
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageRow
from wording.customers import reached_at
from wording.plain import stage_words


class Preview(NamedTuple):
    """``mail`` is the mail that the notice activity would send at ``at``; None if nothing goes out: ``why`` says why.

    With a mail, ``why`` says what it still waits for ("": nothing).
    """

    mail: CustomerMail | None
    at: datetime | None = None
    why: str = ""


def preview(month: Month, now: datetime, messages: Sequence[MessageRow], versions: Sequence[VersionRow]) -> Preview:
    """The next charge notice, if the month goes on as it stands at ``now``. Pure.

    If the customer has had another one, by the mails and versions on record, it is a corrected notice.
    """
    if month.outcome is not None:
        return Preview(None, why=f"The month is closed: {stage_words(month.outcome).lower()}.")
    if month.charging:
        return Preview(None, why="The charge has begun; its notice went out before.")
    if month.invoice is None:
        return Preview(None, month.import_at, "There is no draft yet: the sales are imported first.")
    free = month.evolve(halt=None, trouble=None, brake=None)
    if free.stopped:
        return Preview(None, why=f"No notice goes out: {free.stopped.text}.")
    going = free.unblocked(now) if month.stopped else free
    if going.announced:
        return Preview(None, why="The notice of this amount has been sent. Only an edit brings another one, at once.")
    if month.awaits_amount:
        return Preview(None, why="No amount has been entered yet: the sales of this customer are billed by hand.")
    if going.nothing_to_charge is not None:
        outcome = stage_words(going.nothing_to_charge).lower()
        why = f"Nothing is charged, so nothing is announced; the month closes: {outcome}."
        return Preview(None, going.notice_at, why)
    at = max(now, going.notice_at)
    waits_for = month.waits_for(at)
    if waits_for:
        going = going.evolve(approval=Approval(by="preview", version=month.invoice.version, at=at))
    mail = CustomerMail(
        kind=CustomerMailKind.NOTICE,
        message_id="",
        to=reached_at(month.customer),
        month=going.announcing(at),
        correction=correction(month.invoice, messages, versions, to=month.customer.email or ""),
    )
    return Preview(mail, at, waits_for.text if waits_for else "")
