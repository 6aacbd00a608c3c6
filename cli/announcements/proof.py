"""``announcements list`` and ``show``: how far each has come, and the proof who was told what, and when."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from billing.announcements.announcement import Announcement, AnnouncementRow, Recipient, RecipientState, Tally
from billing.announcements.ports import PAGE_ANNOUNCEMENTS, Announcements
from billing.cells import Writer
from billing.texts.text import masked_phone
from bootstrap import connect_ledger
from bootstrap_announcements import connect_announcement_desk
from cli.announcements.announcements import Number
from cli.terminal.options import AsJson
from cli.terminal.output import SHOWN, print_json, print_table, say, utc, whole
from settings import load_settings
from wording.announcements import announcement_words, audience_words, outcome_words, progress_words, works_words

_COLUMNS = ("account", "customer", "phone", "outcome", "knew_before", "at", "delivered_at")
_PAGE = 1000


async def list_(
    page: Annotated[int, typer.Option("--page", min=1, help="Which fifty.")] = 1, as_json: AsJson = False
) -> None:
    """List announcements of planned works, the newest first, and how far each has come.

    [bold]Example[/bold]
    $ python starter.py announcements list
    """
    async with connect_ledger(load_settings()) as ledger:
        rows = await ledger.announcements(offset=(page - 1) * PAGE_ANNOUNCEMENTS)
    if as_json:
        print_json({"announcements": rows})
        return
    columns = (whole("No.", "right"), "State", whole("Works"), "What", "Who", "Told")
    print_table(columns, rows, _listed, empty="no works are announced")


async def show(
    number: Number,
    state: Annotated[RecipientState | None, typer.Option("--state", help="Only those in this state.")] = None,
    file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write everybody to a file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show an announcement: who has approved it, and who was told what, and when; with --csv as a file.

    [bold]Examples[/bold]
    $ python starter.py announcements show 7
    $ python starter.py announcements show 7 --csv told.csv
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        announcement = await connect_announcement_desk(settings, ledger).known(number)
        progress = await ledger.announcement_progress(number)
        first = await ledger.recipients(number, state, SHOWN)
        if file is not None:
            await _write(file, _all(ledger, number, state))
    if as_json:
        print_json({"announcement": announcement, "progress": progress, "recipients": first})
        return
    _print(announcement)
    say(progress_words(progress))
    tallied = ("Outcome", whole("Accounts", "right"), whole("Numbers", "right"))
    print_table(tallied, progress.tallies, _tally)
    told = (whole("Account"), "Customer", "To", "Outcome", "Knew", whole("At"), whole("Delivered"))
    print_table(told, first, _told, title="Who is concerned", shown=SHOWN - 1, more="more; --csv has them all")


def _print(announcement: Announcement) -> None:
    say(announcement_words(announcement), style="bold")
    say(f"  concerns {audience_words(announcement.audience)}")
    for text in filter(None, dict.fromkeys((announcement.text, announcement.news))):
        say(f"  “{text}”")
    say(f"  written by {announcement.created_by}, {utc(announcement.created_at)}")
    if announcement.approved_at:
        say(f"  approved by {announcement.approved_by}, {utc(announcement.approved_at)}: {announcement.approved_why}")
    if announcement.ended_at:
        say(f"  ended by {announcement.ended_by}, {utc(announcement.ended_at)}: {announcement.ended_why}")


async def _all(ledger: Announcements, number: int, state: RecipientState | None) -> AsyncIterator[Recipient]:
    after = ""
    while page := await ledger.recipients(number, state, _PAGE, after):
        for recipient in page:
            yield recipient
        after = page[-1].account


async def _write(file: Path, recipients: AsyncIterator[Recipient]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = Writer(opened)
        writer.row(_COLUMNS)
        async for each in recipients:
            outcome = outcome_words(each.state, each.why, each.delivery)
            who = each.account, each.customer_id, each.recipient or "", outcome
            writer.row((*who, "yes" if each.again else "no", each.at, each.delivered_at))


def _listed(row: AnnouncementRow) -> tuple[object, ...]:
    each = row.announcement
    who, told = audience_words(each.audience), progress_words(row.progress)
    return each.number, each.state, works_words(each.works), each.works.reason, who, told


def _tally(tally: Tally) -> tuple[object, ...]:
    return outcome_words(tally.state, tally.why, tally.delivery), f"{tally.accounts:,}", f"{tally.numbers:,}"


def _told(each: Recipient) -> tuple[str, ...]:
    outcome, delivered = outcome_words(each.state, each.why, each.delivery), each.delivered_at
    phone = masked_phone(each.recipient) if each.recipient else ""
    ends = utc(each.at), utc(delivered) if delivered else ""
    return each.account, each.customer_id, phone, outcome, "yes" if each.again else "", *ends
