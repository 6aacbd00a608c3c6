"""``list`` and ``show``: months as the ledger last knew them."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

import typer

from billing.apart import Failed
from billing.completeness.chains import ChainStatus
from billing.errors import NotFound, RowUnreadable
from billing.invoices.commands import Decision
from billing.invoices.invoice import LineItem
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, InvoiceRow, MonthStore
from billing.invoices.stages import OUTCOMES, Stage, Step
from billing.keys import workflow_id
from billing.mails.mail import MessageRow
from billing.money import format_amount, sums_of, totals_text
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.overview import MonthOverview, MonthProgress
from bootstrap_ledger import connect_ledger
from cli.collections.collections import print_charges
from cli.invoices.standstill import print_standstill, standstill_of
from cli.terminal.options import AsJson, CustomerId, PeriodOption
from cli.terminal.output import SHOWN, console, counted, end_with, ids, print_json, print_table, say, utc, whole
from cli.texts.table import print_texts
from settings import load_settings
from wording.customers import pays_by, reached_at
from wording.plain import relative
from wording.remedies import command_line

_WIDE = 110  # columns of a terminal that has room for the exact instants, too


async def list_(
    stage: Annotated[
        Stage | None,
        typer.Option(metavar="STAGE", help=f"Only months in this stage: {', '.join(Stage)}.", case_sensitive=False),
    ] = None,
    period: PeriodOption = None,
    as_json: AsJson = False,
) -> None:
    """List the current month of each customer; with --stage or --period, all months that match.

    [bold]Examples[/bold]
    $ python starter.py list
    $ python starter.py list --stage Halted
    $ python starter.py list --period 2026-11 --stage PastDue --json
    """
    settings, unread = load_settings(), list[Failed]()
    async with connect_ledger(settings) as ledger:
        if stage is None and period is None:
            rows = await ledger.current_invoices(unread)
        else:
            rows = await ledger.invoices(period, stage, failed=unread)
        progress = await _progress(ledger, period) if period else None
        names = await ledger.names({row.customer_id for row in rows[:SHOWN]})
    standstill = await standstill_of(settings, {row.customer_id for row in rows if row.stage not in OUTCOMES})
    totals = sums_of((row.total_minor if row.version else 0, row.currency) for row in rows)
    stages = Counter(str(row.stage) for row in rows)
    if as_json:
        all_of_it = {"invoices": rows, "totals_minor": totals, "stages": stages, "failed": unread}
        all_of_it |= {"progress": progress._asdict()} if progress else {}
        print_json(all_of_it | {"standstill": standstill.customers, "unseen": standstill.unseen})
        end_with(unread)
        return
    if not rows and not unread:
        begin = "" if period or stage else " yet; start customers with: python starter.py start --from customers.csv"
        say(f"no months{begin}")
        return
    now = settings.now()
    parts = (ids("Customer"), "Name", whole("Period"), "Stage", whole("Total", "right"), whole("Next"))
    columns = (*parts, whole("UTC")) if console.width >= _WIDE else parts
    more = "more; --json has them all, --stage and --period fewer"
    listed = partial(_listed, now=now, names=names, standstill=standstill.customers)
    print_table(columns, rows, lambda row: listed(row)[: len(columns)], shown=SHOWN, more=more)
    say(" · ".join([counted(len(rows), "month"), *(f"{count:,} {name}" for name, count in sorted(stages.items()))]))
    if progress:
        say(f"{period}: {progress.text}")
    say(totals_text(totals), style="bold")
    print_standstill(standstill)
    end_with(unread)


async def _progress(ledger: MonthOverview, period: Period) -> MonthProgress | None:
    """How far the month is; None while a row of it cannot be read, which is named among those that have failed."""
    try:
        return MonthProgress.of(await ledger.totals(period))
    except RowUnreadable:
        return None


def _listed(
    row: InvoiceRow, now: datetime, names: Mapping[str, str], standstill: Mapping[str, ChainStatus]
) -> tuple[str, ...]:
    stage = f"{row.stage}, {row.problems} unreadable" if row.problems else str(row.stage)
    total = format_amount(row.total_minor, row.currency) if row.version else "no draft yet"
    when = (relative(row.next_at, now), f"{row.next_at:%m-%d %H:%M}") if row.next_at else ("", "")
    if row.stage not in OUTCOMES and row.customer_id in standstill:
        stage, when = f"{stage}; its workflow {standstill[row.customer_id].words}", ("", "")
    return row.customer_id, names.get(row.customer_id, ""), row.period, stage, total, *when


class _Ledger(InvoiceListing, MonthStore, Protocol): ...


async def recorded_month(ledger: _Ledger, customer_id: str, period: Period | None) -> Month:
    """The month of ``period``, else the customer's current one. Raises ``NotFound``."""
    rows = await ledger.invoices(customer_id=customer_id)
    if not rows:
        raise NotFound(f"the ledger does not know {customer_id}; start it with: python starter.py start --from FILE")
    periods = sorted(row.period for row in rows)
    month = await ledger.month(customer_id, period or periods[-1])
    if month is None:
        raise NotFound(f"{customer_id} has no month {period} in the ledger; there are: {', '.join(periods)}")
    return month


async def show(customer_id: CustomerId, period: PeriodOption = None, as_json: AsJson = False) -> None:
    """Show a customer's month: lines, decisions, mails and charges. Without --period, the current one.

    [bold]Examples[/bold]
    $ python starter.py show acme
    $ python starter.py show acme --period 2026-11 --json
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        month = await recorded_month(ledger, customer_id, period)
        decisions = await ledger.decisions(customer_id, month.period)
        messages = await ledger.messages(customer_id, month.period)
        texts = [row.shown for row in await ledger.texts(customer_id, period=month.period)]
        charges = await ledger.payments(customer_id, month.period)
        reversals = await ledger.reversals(month.period, customer_id)
        collection = await ledger.collection(customer_id, month.period)
    now = settings.now()
    standstill = await standstill_of(settings, {customer_id} if month.outcome is None else set())
    if as_json:
        trail = {"decisions": decisions, "messages": messages, "charges": charges, "reversals": reversals}
        trail |= {"standstill": standstill.customers, "unseen": standstill.unseen, "collection": collection}
        trail |= {"texts": texts}
        _print_as_json(month, trail, now)
        return
    customer = month.customer
    say(f"{customer.customer_id} · {month.period} · {month.stage(now)}", style="bold")
    review = f"review mode {customer.terms.review_mode}"
    say(f"{customer.name} <{reached_at(customer)}> · {customer.timezone} · {review}")
    say(f"{pays_by(customer)}\n")
    print_invoice(month)
    print_standstill(standstill)
    if not standstill.customers:
        _print_next(month, now)
    if collection is not None:
        say(f"\nCollected beside the months: {collection.stage(now)}, {collection.outstanding} owed")
        show = RemedyAction.SHOW_COLLECTION.of(customer_id, month.period)
        say(f"  {command_line(show)}")
    _print_history(decisions, messages)
    print_texts(texts, title="Texts")
    print_charges(charges, reversals)
    say(f"\nTemporal: workflow {workflow_id(customer.customer_id)}")


def print_invoice(month: Month) -> None:
    """The lines with where they come from, the balance, the total; and the rows that cannot be read."""
    invoice = month.invoice
    if invoice is None:
        say("No draft yet.")
        return
    rows = []
    for line in invoice.lines:
        rows.append((line.line_id, line.description, _origin(line), format_amount(line.amount_minor, invoice.currency)))
    if invoice.carried_minor:
        rows.append(("", "carried forward", "the month before", format_amount(invoice.carried_minor, invoice.currency)))
    rows.append(("", "Total", "", invoice.total))
    print_table((whole("Line"), "Description", whole("From"), whole("Amount", "right")), rows, tuple)
    say(f"Version {invoice.version}, digest {invoice.digest} (for approve --digest: exactly these lines)")
    if month.drift and month.outcome is None:
        say(f"\nThe sheet has changed since the import: {month.drift}", style="yellow")
        refresh = RemedyAction.REFRESH.of(month.customer.customer_id)
        say(f"  take it in with: {command_line(refresh)}")
    if month.remark:
        say(f"\nNot in this draft: {month.remark}", style="yellow")
    for problem in invoice.problems:
        where = f"{problem.line_id} ({problem.description}; {problem.source.sheet}, row {problem.source.row})"
        say(f"\nunreadable: {where}: {problem.reason}", style="yellow")
        say(f"  edit it with --change {problem.line_id}=AMOUNT or --remove {problem.line_id}")


def _origin(line: LineItem) -> str:
    if line.source:
        return f"{line.source.sheet}, row {line.source.row}"
    return line.tariff.name if line.tariff else "a reviewer"


def _print_next(month: Month, now: datetime) -> None:
    due = month.due(now)
    if not month.closed and (waits_for := month.waits_for(now)):
        say(f"\nA person is needed: {waits_for.text}", style="yellow")
    if due.at is not None:
        local = due.at.astimezone(ZoneInfo(month.customer.timezone))
        where = f"{utc(due.at)}, {local:%Y-%m-%d %H:%M} {month.customer.timezone}"
        say(f"\nNext: {due.what} {relative(due.at, now)} ({where})")
    elif due.step not in (Step.CLOSE, Step.AWAIT_RELEASE):
        say(f"\nNext: {due.what}, now")
    if month.notice is not None and month.notice.delivered_at is not None:
        amount = format_amount(month.notice.total_minor, month.customer.currency)
        say(f"Announced: {amount} on {utc(month.notice.delivered_at)}, to be charged {utc(month.notice.charge_at)}")
    if month.closed:
        say(f"\nClosed: {month.outcome} {utc(month.closed.at)}")


def _print_history(decisions: list[Decision], messages: list[MessageRow]) -> None:
    def decided(entry: Decision) -> tuple[str, ...]:
        answer = f"{'done' if entry.accepted else 'refused'}: {entry.result}"
        return utc(entry.at), entry.by, f"{entry.command}: {entry.reason}", answer

    def sent(mail: MessageRow) -> tuple[str, ...]:
        return utc(mail.at), f"{mail.kind} {mail.number}", mail.recipient, mail.status

    print_table((whole("When"), "Who", "What and why", "Answer"), decisions, decided, title="Decisions")
    print_table((whole("When"), "Kind", "To", "Status"), messages, sent, title="Mails")


def _print_as_json(month: Month, trail: dict[str, object], now: datetime) -> None:
    due = month.due(now)
    waits_for = None if month.closed else month.waits_for(now)
    computed = {
        "stage": month.stage(now),
        "total_minor": month.invoice.total_minor if month.invoice else None,
        "digest": month.invoice.digest if month.invoice else None,
        "next": {"step": due.step, "at": due.at, "what": due.what},
        "outcome": month.outcome,
        "needs_person": waits_for.text if waits_for else None,
        "workflow_id": workflow_id(month.customer.customer_id),
    }
    print_json({**month.model_dump(mode="json"), **computed, **trail})
