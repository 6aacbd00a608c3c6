"""The values of an invoice's page: the month's record, the typed text, and the refusal of a command."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from billing.completeness.chains import end, restart
from billing.invoices.approval_policy import flags, needs_approval
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.ports import VersionRow
from billing.invoices.versions import LineChange, difference
from billing.mails.again import SENDABLE, refuses_again
from billing.money import minor_digits
from billing.sales.adjustments import reasons_for_review, refresh_changes
from billing.sales.late_sales import SheetComparison, as_line_changes, in_words
from billing.texts.text import price_words
from console.reviewers.invoice.actions import ACTIONS, EDIT, REFRESH, START, Action, possible
from console.reviewers.invoice.edit_form import EditForm, rebased
from console.reviewers.invoice.month_record import MonthRecord
from console.reviewers.invoice.sparkline import HEIGHT, WIDTH, sparkline
from console.reviewers.invoice.timeline import diary_words, mail_words, timeline
from console.reviewers.signed_in import Session


class StaleVersion(NamedTuple):
    """The changes between the version that a reviewer saw and the current one."""

    before: Invoice
    after: Invoice
    by: str | None
    changes: tuple[LineChange, ...]


class RefusedAction(NamedTuple):
    """Why a command had no effect, and the HTTP status. ``at_reason``: the field for the reason is wrong."""

    action: Action
    title: str
    why: str
    status: int
    stale: StaleVersion | None = None
    at_reason: bool = False


class VersionView(NamedTuple):
    row: VersionRow
    before: Invoice | None
    changes: tuple[LineChange, ...]
    reason: str


class SheetView(NamedTuple):
    """The sheet compared with the draft; or ``why`` it could not be."""

    compared: SheetComparison | None
    why: str = ""


@dataclass(frozen=True)
class InvoiceView:
    """``typed`` has the reasons that were typed, by action; ``edit`` the lines as a form on version ``seen``."""

    session: Session
    record: MonthRecord
    sheet_url: str
    answer: Decision | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    refusal: RefusedAction | None = None
    edit: EditForm | None = None
    seen: tuple[int, str] | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    sheet: SheetView | None = None

    @property
    def month(self) -> Month:
        return self.record.month

    @property
    def customer_id(self) -> str:
        return self.record.month.customer.customer_id

    @property
    def actions(self) -> tuple[Action, ...]:
        """The possible actions, and the one that was just refused: its form keeps the typed text."""
        refused = (self.refusal.action,) if self.refusal and self.refusal.action in ACTIONS else ()
        if self.record.stray:  # no command reaches it under its id, and a second workflow would not help
            return refused
        actions = possible(self.month, self.session.role, self.record.now, self.record.chain)
        return (*actions, *(action for action in refused if action not in actions and not self.record.goes_on))

    def editing(self, edit: EditForm, version: int | None = None, digest: str = "") -> "InvoiceView":
        """With the lines as a form, made on the current version unless another one is named."""
        invoice = self.month.invoice
        if version is None and invoice is not None:
            version, digest = invoice.version, invoice.digest
        return replace(self, edit=edit, seen=(version or 0, digest))

    def wrong(self, action: Action, why: str, at_reason: bool = False) -> "InvoiceView":
        """The typed text cannot be taken; nothing was sent."""
        return replace(self, refusal=RefusedAction(action, "Not done yet", why, 422, at_reason=at_reason))

    def unanswered(self, action: Action, command_id: str) -> "InvoiceView":
        """The command may still take effect; sent again from this page it has the same id."""
        why = (
            "the workflow did not answer in time. The command may take effect all the same; sending it again is safe: "
            "it takes effect once only"
        )
        refusal = RefusedAction(action, f"{action.label}: no answer yet", why, 504)
        return replace(self, ids={action.name: command_id}, refusal=refusal)

    def refused(self, action: Action, why: str) -> "InvoiceView":
        """The month refused. An edit of another version is kept as one of the current version, to be checked."""
        stale = self._stale()
        view = replace(self, refusal=RefusedAction(action, f"{action.label}: refused", why, 409, stale))
        if action is not EDIT or stale is None or self.edit is None:
            return view
        return view.editing(rebased(self.edit, stale.before, stale.after))

    def _stale(self) -> StaleVersion | None:
        invoice = self.month.invoice
        if self.seen is None or invoice is None or self.seen == (invoice.version, invoice.digest):
            return None
        before = self.record.seen(*self.seen)
        if before is None:
            return None
        return StaleVersion(before, invoice, self.record.month.last_editor, difference(before, invoice))

    def values(self) -> dict[str, object]:
        record, month = self.record, self.month
        earlier = [period for period in record.periods if period < month.period]
        later = [period for period in record.periods if period > month.period]
        currency = month.currency
        return {
            "record": record,
            "month": month,
            "customer": month.customer,
            "invoice": month.invoice,
            "currency": currency,
            "digits": minor_digits(currency),
            "stage": month.stage(record.now),
            "due": month.due(record.now),
            "needs": None if month.closed else month.waits_for(record.now),
            "standstill": self._standstill(),
            "start_role": START.role,
            "flags": flags(month),
            "needs_approval": needs_approval(month),
            "awaits_approval": month.awaits_approval,
            "actions": self.actions,
            "cannot_approve": month.refuses_approval_by(self.session.username),
            "answer": self.answer,
            "typed": self.typed,
            "refusal": self.refusal,
            "edit": self.edit,
            "seen": self.seen,
            "command_id": self._command_id(),
            "versions": _versions(record),
            "spark": sparkline(record.history, month.period, currency),
            "spark_size": (WIDTH, HEIGHT),
            "events": timeline(record),
            "mail_words": mail_words,
            "diary_words": diary_words,
            "sendable": [kind for kind in SENDABLE if not refuses_again(kind, month, record.debt, record.messages)],
            "price_words": price_words,
            "earlier": earlier[-1] if earlier else None,
            "later": later[0] if later else None,
            "sheet_url": self.sheet_url,
            "sheet": self.sheet,
            "refresh": REFRESH if EDIT in self.actions else None,
            **self._differences(currency),
        }

    def _standstill(self) -> dict[str, object] | None:
        """Why the month does not go on by itself, whatever its stage; None if its workflow runs."""
        chain = self.record.chain
        if self.record.goes_on or chain is None:
            return None
        stray = self.record.stray
        remedy = end(stray) if stray else restart(self.customer_id, chain)
        return {"words": chain.words, "is_open": chain.is_open, "remedy": remedy, "stray": stray}

    def _differences(self, currency: str) -> dict[str, object]:
        """Between draft and sheet. Once the charge has begun, the next import compares them."""
        compared = self.sheet.compared if self.sheet else None
        drifts, by_hand = (compared.changes, compared.by_hand) if compared else ((), ())
        invoice = self.month.invoice
        return {
            "comparable": bool(invoice and invoice.sales) and not self.month.outcome,
            "sheet_changes": as_line_changes(drifts),
            "sheet_words": in_words(drifts, currency),
            "sheet_doubts": reasons_for_review(drifts, by_hand, currency),
            "refreshable": len(refresh_changes(drifts, "", by_hand)),
        }

    def _command_id(self) -> Callable[[str], str]:
        return lambda action: self.ids.get(action) or uuid.uuid4().hex


def _versions(record: MonthRecord) -> list[VersionView]:
    """Newest first, each with its changes."""
    edits = [decision for decision in record.decisions if decision.accepted and decision.command == "edit"]
    reasons = {edit.invoice_version: edit.reason for edit in edits}
    versions: list[VersionView] = []
    before: Invoice | None = None
    for row in record.versions:
        changes = difference(before, row.invoice) if before is not None else ()
        versions.append(VersionView(row, before, changes, reasons.get(row.version, "") if before is not None else ""))
        before = row.invoice
    return versions[::-1]
