"""Rulings on commands to a month: accepted or refused with a reason, and in the audit trail either way."""

import json
from datetime import datetime

from pydantic import ValidationError

import billing.commands
from billing.commands import Command, Halt, Refusal, Refused, Resume, Ruling, answered, command_name, content_of
from billing.customers.customer import Customer, ReviewMode
from billing.errors import InvalidInput
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import COMMANDS, Approve, CloseAccount, Decision, Edit, Skip, UpdateCustomer
from billing.invoices.month import KEPT_DETAILS, Month
from billing.invoices.stages import Approval, Stage
from billing.money import format_amount
from billing.progress import Halted
from billing.trail import TRAIL_MAX_BYTES, appended, size_of
from billing.validation import explain

KEPT_CHARACTERS = 1000
"""Limit of each text of a decision; its details are kept whole, as the largest edit bounds them."""


def decide(month: Month, command: Command, now: datetime, via: str) -> Ruling[Month]:
    """Carries out ``command`` at ``now``. A repeated ``command_id`` gets the first answer again."""
    if earlier := answered(month.decisions, command):
        return Ruling(month, earlier.result, earlier.refusal)
    details = command.model_dump_json(exclude={"by", "reason", "command_id", "period", "via"}, exclude_none=True)

    def apply() -> tuple[Month, str]:
        _check_fits(month, command)
        _check_room(month, details)
        decided, result = _apply(month, command, now)
        is_settled = decided.alerted_at is not None and not decided.waits_for(now)
        return decided.evolve(alerted_at=None) if is_settled else decided, result

    ruling = billing.commands.decide(month, command, month.decisions, apply)
    return noted(
        ruling,
        now,
        by=command.by,
        reason=command.reason,
        command=command_name(command, COMMANDS),
        via=command.via or via,
        command_id=command.command_id,
        content=content_of(command),
        details=details,
    )


def note_unreadable(month: Month, name: str, problem: str, now: datetime, via: str) -> Ruling[Month]:
    """Records a signal that cannot be read; if it may have been a halt, the month halts."""
    halting = "halt" in name.lower() and month.closed is None and month.charging is None
    halted = month
    if halting and month.halt is None:
        halt = Halted(by="unknown", reason=f"an unreadable {name} arrived", at=now)
        halted = month.evolve(halt=halt, alerted_at=None)
    result = f"{problem}; halted to be safe" if halting else problem
    refusal = None if halting else Refusal.OTHER
    fields = {"by": "unknown", "reason": "", "command": name[:100], "via": via}
    return noted(Ruling(halted, result, refusal), now, **fields)


def noted(ruling: Ruling[Month], now: datetime, **fields: str) -> Ruling[Month]:
    """``ruling`` with an entry of these ``fields`` in the month's audit trail."""
    month = ruling.value
    texts = {name: text if name == "details" else text[:KEPT_CHARACTERS] for name, text in fields.items()}
    decision = Decision(
        number=month.decision_count + 1,
        at=now,
        accepted=ruling.refusal is None,
        refusal=ruling.refusal,
        result=ruling.result[:KEPT_CHARACTERS],
        invoice_version=month.invoice.version if month.invoice else 0,
        **texts,
    )
    trail = appended(month.decisions, decision)
    audited = month.evolve(decisions=trail, decision_count=decision.number, revision=month.revision + 1)
    return Ruling(audited, trail[-1].result, ruling.refusal)


def _check_room(month: Month, details: str) -> None:
    """Only long details need room: they are recorded whole."""
    size_bytes = len(json.dumps(details, ensure_ascii=False).encode())
    if len(details) > KEPT_DETAILS and size_of(month.decisions) + size_bytes > TRAIL_MAX_BYTES:
        raise Refused("the ledger has not recorded yet what came before this; repeat the command in a minute")


def _check_fits(month: Month, command: Command) -> None:
    if command.command_id and command.command_id in month.answered:
        raise Refused("this command was already answered in the month before")
    if command.period is not None and command.period != month.period:
        raise Refused(f"this was meant for {command.period}, but {month.period} is current now")
    if isinstance(command, UpdateCustomer | CloseAccount):
        return
    if month.closed is not None:
        raise Refused(f"{month.period} is closed already: {month.outcome}")
    if month.charging and not (isinstance(command, Resume | Skip) and month.failure):
        raise Refused(f"the charge of {month.period} has begun; its outcome has to be known first", Refusal.LATER)


def _apply(month: Month, command: Command, now: datetime) -> tuple[Month, str]:
    match command:
        case Halt():
            return _halt(month, command, now)
        case Resume():
            return _resume(month, command, now)
        case Edit():
            return _edit(month, command, now)
        case Approve():
            return _approve(month, command, now)
        case Skip():
            return _skip(month, command, now)
        case CloseAccount():
            leaving = month.evolve(leaving=f"{command.by}: {command.reason}")
            unbilled = _left_for_next_invoice(month) if month.closed else ""  # an open month still bills it
            return leaving, f"the account closes after {month.period}{f'; not billed: {unbilled}' if unbilled else ''}"
        case UpdateCustomer():
            return _update_customer(month, command, now)
    raise InvalidInput(f"unknown command {type(command).__name__}")


def _halt(month: Month, command: Halt, now: datetime) -> tuple[Month, str]:
    if month.halt is not None:
        raise Refused(f"already {month.halt.text}")
    halt = Halted(by=command.by, reason=command.reason, at=now)
    return month.evolve(halt=halt, alerted_at=now), "halted; nothing is charged until resumed"


def _resume(month: Month, command: Resume, now: datetime) -> tuple[Month, str]:
    stopped = month.stopped
    if stopped is None:
        raise Refused("not halted")
    if month.halt is None and month.failure is None:
        advice = "it goes on by itself once that is released" if month.brake else "edit or remove it, or skip the month"
        raise Refused(f"{stopped.text}; {advice}")
    if command.stopped not in (None, month.stop):
        raise Refused(f"something else stops it now: {stopped.text}; look at that, then resume")
    resumed = month.evolve(halt=None, trouble=month.outage).unblocked(now)
    if resumed.stopped:
        return resumed, f"no longer halted, but {resumed.stopped.text}"
    return resumed, _what_next(resumed, now)


def _edit(month: Month, command: Edit, now: datetime) -> tuple[Month, str]:
    if month.invoice is None:
        raise Refused(f"there is no draft yet; it is made at {month.import_at:%Y-%m-%d %H:%M} UTC")
    if command.version != month.invoice.version or command.digest not in ("", month.invoice.digest):
        raise Refused(
            f"this edit was made on version {command.version}, but {_current(month)} is current; "
            "look at it and edit again"
        )
    was_stopped = month.stopped is not None
    invoice, drift = month.invoice.edited(command.changes), month.drift
    if command.sales is not None:
        if invoice.sales is None or invoice.sales.sheet != command.sales.sheet:
            raise Refused(f"this draft was not made from worksheet {command.sales.sheet}; edit its lines instead")
        invoice, drift = invoice.evolve(sales=command.sales), command.drift
    unapproved = month.editors if month.approval is None else ()
    earlier = tuple(editor for editor in unapproved if editor.casefold() != command.by.casefold())
    editing = {"last_editor": command.by, "editors": (*earlier, command.by)}
    edited = month.evolve(invoice=invoice, drift=drift, approval=None, **editing).notice_void(now)
    if was_stopped:
        edited = edited.unblocked(now)
    assert edited.invoice is not None
    still = f"the sheet still differs ({drift}); " if command.sales is not None and drift else ""
    return edited, f"version {edited.invoice.version}: {edited.invoice.total}; {still}{_what_next(edited, now)}"


def _approve(month: Month, command: Approve, now: datetime) -> tuple[Month, str]:
    invoice = month.invoice
    if invoice and needs_approval(month) and not invoice.problems and command.digest != invoice.digest:
        raise Refused(f"this approves another version, but {_current(month)} is current; look at it and approve again")
    if refusal := month.refuses_approval_by(command.by):
        raise Refused(refusal)
    assert invoice is not None
    approval = Approval(by=command.by, version=invoice.version, at=now)
    approved = month.evolve(approval=approval)
    return approved, f"{invoice.total} approved; {_what_next(approved, now)}"


def _skip(month: Month, command: Skip, now: datetime) -> tuple[Month, str]:
    if month.invoice is None and month.outage is None and command.period is None:
        raise Refused(f"{month.period} is not imported yet; name the period to skip it all the same")
    draft = (month.invoice.version, month.invoice.digest) if month.invoice else (0, "")
    if command.version is not None and (command.version, command.digest) != draft:
        current = _current(month) if month.invoice else "no draft"
        raise Refused(f"you saw version {command.version}, but {current} is current; look at it and skip again")
    if month.charging is not None:
        cancelled = month.evolve(charging=month.charging.evolve(cancelled_by=command.by), trouble=None, alerted_at=None)
        return cancelled, "its payment is cancelled first, then the month is skipped; if it has succeeded, it is paid"
    skipped = month.close(Stage.SKIPPED, now)
    remaining = _left_for_next_invoice(skipped)
    label = "not billed, as the account closes" if month.leaving else "moved to the next invoice"
    return skipped, f"{month.period} is closed without a charge{f'; {label}: {remaining}' if remaining else ''}"


def _left_for_next_invoice(month: Month) -> str:
    """The balance and late sales that a closed month leaves for the next invoice, in words; "" if none."""
    skipped = month.invoice if month.outcome is Stage.SKIPPED else None
    lines, problems = skipped.late_items(month.period) if skipped else ((), ())
    parts = []
    if month.balance_forward_minor:
        parts.append(f"the balance of {format_amount(month.balance_forward_minor, month.customer.currency)}")
    if skipped and (lines or problems):
        amount = format_amount(sum(line.amount_minor for line in lines), skipped.currency)
        unread = f", and {len(problems)} to be settled" if problems else ""
        parts.append(f"late sales of earlier months ({amount}{unread})")
    return " and ".join(parts)


def _update_customer(month: Month, command: UpdateCustomer, now: datetime) -> tuple[Month, str]:
    try:
        customer = command.changes.made_to(month.customer)
    except ValidationError as error:
        raise Refused(explain(error)) from None
    changes = [name for name, value in customer if value != getattr(month.customer, name)]
    if not changes:
        raise Refused("nothing changes", Refusal.UNCHANGED)
    if "currency" in changes and month.invoice is not None and not month.closed:
        raise Refused(f"the invoice of {month.period} is open in {month.invoice.currency}; close it first")
    if "currency" in changes and month.balance_forward_minor:
        raise Refused(f"a balance in {month.customer.currency} is carried forward; settle it first")
    if month.charging and not month.closed:
        raise Refused(f"the charge of {month.period} has begun; its outcome has to be known first", Refusal.LATER)
    limit = customer.terms.unusual_above_minor
    if "currency" in changes and limit is not None and limit == month.customer.terms.unusual_above_minor:
        raise Refused(f"unusual_above is an amount in {month.customer.currency}; give a new one, or 0 for none")
    before, after = month.customer.terms.review_mode, customer.terms.review_mode
    is_empty = month.invoice is not None and month.invoice.sales is None and month.last_editor is None
    if before is ReviewMode.MANUAL and after is not before and is_empty and not month.closed:
        raise Refused(f"nobody has entered the amounts of {month.period} yet; enter them or skip it, then change that")
    updated = month.with_customer(customer)
    if month.invoice is None and not month.closed:
        updated = updated.evolve(**dict(customer.instants(month.period)))
    is_needed = after is not before or (needs_approval(updated) and not needs_approval(month))
    if month.notice and not month.closed and (is_needed or _is_announced_otherwise(month.customer, customer)):
        return updated.notice_void(now), f"changed: {', '.join(changes)}; the notice is void, another one follows"
    return updated, f"changed: {', '.join(changes)}"


def _is_announced_otherwise(before: Customer, after: Customer) -> bool:
    """Whether the notice that was sent has another address or card than it would have now. A new number of the same
    card, issued by its network, does not count: amount, date and account are as announced.
    """
    return before.email != after.email or not after.payment_method.is_same(before.payment_method)


def _current(month: Month) -> str:
    """``version 3 by ann (12.50 EUR)``."""
    assert month.invoice is not None
    by = f"by {month.last_editor}" if month.last_editor and month.invoice.version > 1 else "as imported"
    return f"version {month.invoice.version} {by} ({month.invoice.total})"


def _what_next(month: Month, now: datetime) -> str:
    if month.stopped:
        return f"still stopped: {month.stopped.text}"
    due = month.due(now)
    return f"next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC" if due.at else f"next: {due.what}, now"
