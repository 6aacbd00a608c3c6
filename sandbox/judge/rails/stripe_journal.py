"""Customers, cards and payments by the Stripe stand-in's journal, for the judge."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from billing.invoices.stages import Stage
from billing.period import Period
from sandbox.stand_ins.journal_file import read_entries

Object = dict[str, Any]
CARDS = "stripe"
"""The rail of cards on file; payments by link name theirs."""


@dataclass(frozen=True)
class Intent:
    """A payment intent: all its snapshots, with the real time of each."""

    snapshots: list[tuple[datetime, Object]] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)  # the charges that took money

    @property
    def now(self) -> Object:
        return self.snapshots[-1][1]

    @property
    def rail(self) -> str:
        return str(self.now["metadata"].get("rail", CARDS))

    @property
    def charged(self) -> bool:
        return bool(self.now["status"] == "succeeded")

    @property
    def attempted_at(self) -> datetime | None:
        """When the first attempt to move money ended."""
        return next((at for at, snapshot in self.snapshots if snapshot["latest_charge"]), None)

    @property
    def came_to_nothing(self) -> bool:
        """Whether it was cancelled untried: the month is then announced anew, perhaps with another amount."""
        return self.now["status"] == "canceled" and self.attempted_at is None

    @property
    def first_answer(self) -> Stage | None:
        """The bank's answer to the first attempt; None before it, or while it is processing."""
        for _, snapshot in self.snapshots:
            if snapshot["latest_charge"] and snapshot["status"] in ("succeeded", "requires_payment_method"):
                error = snapshot["last_payment_error"] or {}
                authenticate = error.get("code") == "authentication_required"
                unpaid = Stage.AUTHENTICATION_REQUIRED if authenticate else Stage.PAST_DUE
                return Stage.PAID if snapshot["status"] == "succeeded" else unpaid
        return None


@dataclass(frozen=True)
class StripeJournal:
    """Payments are claimed by the customers for whom they were made; unclaimed ones belong to strangers."""

    emails: dict[str, str] = field(default_factory=dict)  # by customer, as first registered
    attached: dict[str, str | None] = field(default_factory=dict)  # the customer of each payment method now
    intents: dict[str, Intent] = field(default_factory=dict)
    sessions: dict[str, Object] = field(default_factory=dict)  # pages of payment links, as they stand now
    reversals: dict[str, list[Object]] = field(default_factory=dict)  # refunds and disputes: the snapshots of each

    @classmethod
    def read(cls, path: Path) -> "StripeJournal":
        journal = cls()
        for entry in read_entries(path):
            if entry["kind"] == "object":
                journal._take(entry["object"], entry.get("at", ""))
        return journal

    def _take(self, snapshot: Object, at: str) -> None:
        name = str(snapshot.get("id") or snapshot.get("email"))
        match snapshot["object"]:
            case "customer":
                self.emails.setdefault(name, snapshot.get("email") or "")
            case "payment_method":
                self.attached[name] = snapshot["customer"]
            case "checkout.session":
                self.sessions[name] = snapshot
            case "charge" if snapshot["status"] == "succeeded":
                self.intents[snapshot["payment_intent"]].moved.add(name)
            case "refund" | "dispute":
                self.reversals.setdefault(name, []).append(snapshot)
            case "payment_intent":
                self.intents.setdefault(name, Intent()).snapshots.append((datetime.fromisoformat(at), snapshot))

    def email_of(self, stripe_customer_id: str) -> str:
        """The address at registration; from now on the customer is no stranger."""
        return self.emails.pop(stripe_customer_id, "")

    def claim(self, customer_id: str, period: Period) -> list[Intent]:
        """The payments that were made for this month, by their metadata."""
        return self._claim(customer_id=customer_id, period=period, order=None)

    def claim_order(self, customer_id: str, number: str) -> list[Intent]:
        """The payments that were made for this order."""
        return self._claim(customer_id=customer_id, order=number)

    def _claim(self, **about: str | None) -> list[Intent]:
        mine = {
            name: intent
            for name, intent in self.intents.items()
            if all(intent.now["metadata"].get(field) == value for field, value in about.items())
        }
        for name in mine:
            del self.intents[name]
        return list(mine.values())

    def strangers(self) -> list[str]:
        """Unknown customers, and unclaimed payments."""
        customers = [f"customer {email or name}" for name, email in self.emails.items()]
        return customers + [f"{name} of {intent.now['metadata']}" for name, intent in self.intents.items()]
