"""The demo's output: a live table of the customers' months in a terminal, plain lines anywhere else."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from rich import box
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.money import format_amount
from billing.payments.payment import ChargeStatus
from sandbox.demo.narrator import Narrator

_STYLES = {
    Stage.MONITORING: "cyan",
    Stage.AWAITING_APPROVAL: "bold yellow",
    Stage.HALTED: "bold yellow",
    Stage.LAST_CALL: "blue",
    Stage.CHARGING: "magenta",
    Stage.UNRESOLVED: "bold red",
    Stage.PAID: "bold green",
    Stage.PAST_DUE: "bold red",
    Stage.SCHEDULED: "dim",
}


_PACE_SECONDS = 0.4  # so that eyes can follow


class Show(Narrator):
    """Prints the story above a table that stays at the bottom. Use as a context manager."""

    def __init__(self, console: Console, period: str) -> None:
        super().__init__(console)
        self._period = period
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self.pace_seconds = _PACE_SECONDS if console.is_terminal else 0.0
        self._counted: Counter[str] = Counter()

    def refresh(self, now: datetime, months: Mapping[str, Month]) -> None:
        """Updates the table to the virtual instant ``now``, perhaps in the middle of a step."""
        if self._live is not None and months:
            self._live.update(self._table(now, months))

    def step(self, now: datetime, months: Mapping[str, Month]) -> None:
        """As ``refresh``, at the end of a step; without a terminal, a line if a stage has changed."""
        self.refresh(now, months)
        counted = Counter(str(month.stage(now)) for month in months.values())
        if self._live is None and counted != self._counted:
            stages = ", ".join(f"{counted[stage]} {stage}" for stage in Stage if counted[stage])
            self._console.print(Text(f"  {now:%Y-%m-%d %H:%M} UTC  {stages}"), soft_wrap=True)
        self._counted = counted

    def _table(self, now: datetime, months: Mapping[str, Month]) -> Panel:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True, header_style="bold")
        table.add_column("Customer", no_wrap=True)
        table.add_column("Stage", no_wrap=True, min_width=len(Stage.AWAITING_APPROVAL))
        table.add_column("Total", justify="right", no_wrap=True, min_width=11)
        table.add_column("Next, UTC", no_wrap=True, min_width=19)
        table.add_column("Last event", no_wrap=True, ratio=1)
        for name, month in months.items():
            stage = month.stage(now)
            total = month.invoice.total if month.invoice else ""
            cells = (name, Text(stage, _STYLES.get(stage, "")), total, _next(month, now), last_event(month))
            table.add_row(*cells, style="dim" if stage is Stage.SCHEDULED else "")
        title = Text.assemble(("Virtual time ", "dim"), (f"{now:%A %d %B %Y, %H:%M} UTC", "bold"))
        return Panel(table, title=title, subtitle=f"billing {self._period}", box=box.ROUNDED, padding=(0, 1))

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()


def _next(month: Month, now: datetime) -> str:
    due = month.due(now)
    if month.outcome is not None:
        return ""
    if due.step is not None:
        return "now"
    if month.waits_for(now):
        return "a reviewer"
    step = "notice" if "notice" in due.what else due.what.partition(" ")[0]
    return f"{due.at:%d %b %H:%M} {step}" if due.at else ""


def last_event(month: Month) -> str:
    """The newest event of the month, in a few words."""
    if month.outcome is not None:
        return _ending(month)
    events = [
        (decision.at, f"{decision.command} by {decision.by}") for decision in month.decisions if decision.accepted
    ]
    if month.invoice is not None:
        events.append((month.invoice.imported_at, _collected(month.invoice)))
    if month.notice is not None and month.notice.delivered_at is not None:
        amount = format_amount(month.notice.total_minor, month.customer.currency)
        events.append((month.notice.delivered_at, f"notice sent: {amount}"))
    return max(events)[1] if events else ""


def _collected(invoice: Invoice) -> str:
    if invoice.problems:
        return f"{invoice.problems[0].line_id} cannot be read"
    count = len(invoice.lines)
    return f"{count or 'no'} row{'' if count == 1 else 's'} collected"


def _ending(month: Month) -> str:
    skipped = [decision for decision in month.decisions if decision.accepted and decision.command == "skip"]
    charge = month.closed.charge if month.closed else None
    is_settled = charge is not None and charge.status is ChargeStatus.SETTLED
    words = {
        Stage.PAID: "paid by transfer, card not charged" if is_settled else "charged, receipt sent",
        Stage.NOTHING_DUE: "no sales; no mail",
        Stage.CARRIED_FORWARD: "too small: on the next bill",
        Stage.PAST_DUE: f"declined: {charge.decline_code or charge.code}" if charge else "",
        Stage.SKIPPED: f"skip by {skipped[-1].by}" if skipped else "",
    }
    return words.get(month.outcome, "") if month.outcome else ""
