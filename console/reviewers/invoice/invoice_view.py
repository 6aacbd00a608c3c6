"""What the page of an invoice shows: a dossier, what was typed and refused, as values of the template."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from billing.completeness.chains import end, restart
from billing.invoices.approval_policy import flags, needs_approval
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.ports import VersionRow
from billing.invoices.versions import LineChange, difference
from billing.money import minor_digits
from billing.sales.adjustments import reasons_for_review, refresh_changes
from billing.sales.late_sales import SheetComparison, as_line_changes, in_words
from console.reviewers.invoice.actions import ACTIONS, EDIT, REFRESH, START, Action, possible
from console.reviewers.invoice.edit_form import EditForm, rebased
from console.reviewers.invoice.month_record import MonthRecord
from console.reviewers.invoice.timeline import command_words, mail_words, timeline
from console.reviewers.signed_in import Session


class StaleVersion(NamedTuple):
    """What happened between the version that somebody saw and the one that is current."""

    before: Invoice
    after: Invoice
    by: str | None
    changes: tuple[LineChange, ...]


class RefusedAction(NamedTuple):
    """Why a command had no effect. ``at_reason``: the field for the reason is what is wrong."""

    action: Action
    title: str
    why: str
    stale: StaleVersion | None = None
    at_reason: bool = False


class VersionView(NamedTuple):
    row: VersionRow
    before: Invoice | None
    changes: tuple[LineChange, ...]
    reason: str


class SheetView(NamedTuple):
    """The sheet beside the draft; or ``why`` it could not be compared."""

    compared: SheetComparison | None
    why: str = ""


@dataclass(frozen=True)
class InvoiceView:
    """``typed`` has the reasons that were typed, by action; ``edit`` the lines as a form on version ``seen``."""

    session: Session
    dossier: MonthRecord
    sheet_url: str
    answer: Decision | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    refusal: RefusedAction | None = None
    edit: EditForm | None = None
    seen: tuple[int, str] | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    sheet: SheetView | None = None

    @property
    def actions(self) -> tuple[Action, ...]:
        """What can be done, and what was just refused: its form keeps what was typed."""
        refused = (self.refusal.action,) if self.refusal and self.refusal.action in ACTIONS else ()
        if self.dossier.stray:  # no command reaches it under its id, and another one beside it would help nobody
            return refused
        actions = possible(self.dossier.month, self.session.role, self.dossier.chain)
        return (*actions, *(action for action in refused if action not in actions and not self.dossier.goes_on))

    def editing(self, edit: EditForm, version: int | None = None, digest: str = "") -> "InvoiceView":
        """With the lines as a form, made on the current version unless another one is named."""
        invoice = self.dossier.month.invoice
        if version is None and invoice is not None:
            version, digest = invoice.version, invoice.digest
        return replace(self, edit=edit, seen=(version or 0, digest))

    def looking_at(self, version: int, digest: str) -> "InvoiceView":
        """With what was seen when the command was given."""
        return replace(self, seen=(version, digest))

    def beside(self, sheet: SheetView) -> "InvoiceView":
        """With the sheet as it is now."""
        return replace(self, sheet=sheet)

    def on(self, dossier: MonthRecord) -> "InvoiceView":
        """The same about a newer dossier."""
        return replace(self, dossier=dossier)

    def wrong(self, action: Action, why: str, at_reason: bool = False) -> "InvoiceView":
        """What was typed cannot be taken; nothing was sent."""
        return replace(self, refusal=RefusedAction(action, "Not done yet", why, at_reason=at_reason))

    def unanswered(self, action: Action, command_id: str) -> "InvoiceView":
        """The command may take effect yet; sent again from this page it has the same id."""
        why = (
            "the workflow did not answer in time. The command may take effect all the same; sending it again is safe: "
            "it takes effect once only"
        )
        known = replace(self, ids={action.name: command_id})
        return replace(known, refusal=RefusedAction(action, f"{action.label}: no answer yet", why))

    def refused(self, action: Action, why: str) -> "InvoiceView":
        """The month said no. An edit of another version is kept, as one of the current version, to be looked at."""
        stale = self._stale()
        view = replace(self, refusal=RefusedAction(action, f"{action.label}: refused", why, stale))
        if action is not EDIT or stale is None or self.edit is None:
            return view
        return view.editing(rebased(self.edit, stale.before, stale.after))

    def _stale(self) -> StaleVersion | None:
        invoice = self.dossier.month.invoice
        if self.seen is None or invoice is None or self.seen == (invoice.version, invoice.digest):
            return None
        before = self.dossier.seen(*self.seen)
        if before is None:
            return None
        return StaleVersion(before, invoice, self.dossier.month.last_editor, difference(before, invoice))

    def values(self) -> dict[str, object]:
        dossier, month = self.dossier, self.dossier.month
        earlier = [period for period in dossier.periods if period < month.period]
        later = [period for period in dossier.periods if period > month.period]
        currency = month.invoice.currency if month.invoice else month.customer.currency
        return {
            "dossier": dossier,
            "month": month,
            "customer": month.customer,
            "invoice": month.invoice,
            "currency": currency,
            "digits": minor_digits(currency),
            "stage": month.stage(dossier.now),
            "due": month.due(dossier.now),
            "needs": None if month.closed else month.waits_for(dossier.now),
            "standstill": self._standstill(),
            "start_role": START.role,
            "flags": flags(month),
            "needs_approval": needs_approval(month),
            "lacks_approval": month.awaits_approval,
            "actions": self.actions,
            "cannot_approve": month.refuses_approval_by(self.session.username),
            "answer": self.answer,
            "typed": self.typed,
            "refusal": self.refusal,
            "edit": self.edit,
            "seen": self.seen,
            "command_id": self._command_id(),
            "versions": _versions(dossier),
            "happenings": timeline(dossier),
            "mail_words": mail_words,
            "command_words": command_words,
            "earlier": earlier[-1] if earlier else None,
            "later": later[0] if later else None,
            "sheet_url": self.sheet_url,
            "sheet": self.sheet,
            "refresh": REFRESH if EDIT in self.actions else None,
            **self._differences(currency),
        }

    def _standstill(self) -> dict[str, object] | None:
        """Why nothing happens to the month by itself, whatever it says; None if its workflow goes on."""
        chain = self.dossier.chain
        if self.dossier.goes_on or chain is None:
            return None
        customer_id = self.dossier.month.customer.customer_id
        stray = self.dossier.stray
        remedy = end(stray) if stray else restart(customer_id, chain)
        return {"words": chain.words, "is_open": chain.is_open, "remedy": remedy, "stray": stray}

    def _differences(self, currency: str) -> dict[str, object]:
        """Between draft and sheet; a month whose charge has begun is compared at the next collection."""
        compared = self.sheet.compared if self.sheet else None
        drifts, by_hand = (compared.changes, compared.by_hand) if compared else ((), ())
        invoice = self.dossier.month.invoice
        return {
            "comparable": bool(invoice and invoice.sales) and not self.dossier.month.outcome,
            "sheet_changes": as_line_changes(drifts),
            "sheet_words": in_words(drifts, currency),
            "sheet_doubts": reasons_for_review(drifts, by_hand, currency),
            "refreshable": len(refresh_changes(drifts, "", by_hand)),
        }

    def _command_id(self) -> Callable[[str], str]:
        return lambda action: self.ids.get(action) or uuid.uuid4().hex


def _versions(dossier: MonthRecord) -> list[VersionView]:
    """Newest first, each with what it changed."""
    reasons = {
        each.invoice_version: each.reason for each in dossier.decisions if each.accepted and each.command == "edit"
    }
    found = []
    before: Invoice | None = None
    for row in dossier.versions:
        changes = difference(before, row.invoice) if before is not None else ()
        found.append(VersionView(row, before, changes, reasons.get(row.version, "") if before is not None else ""))
        before = row.invoice
    return found[::-1]
