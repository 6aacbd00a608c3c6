"""``announcements``: planned works are previewed, written, approved, corrected and cancelled."""

import uuid
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from billing.announcements.announcement import Announcement
from billing.announcements.audience import Audience
from billing.announcements.preview import Preview
from billing.announcements.typed import TypedAudience, TypedWorks
from billing.texts.text import price_words
from bootstrap import connect_ledger
from bootstrap_announcements import company_timezone, connect_announcement_desk
from cli.customers.start import read_text
from cli.terminal.options import AsJson, By, CommandId, Reason
from cli.terminal.output import counted, print_json, say, utc
from settings import load_settings
from wording.announcements import announcement_words

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The announcement's number, as in the list.")]
From = Annotated[str, typer.Option("--from", metavar="TIME", help="Such as 2026-12-03 10:00, on the company's clocks.")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="Likewise, or 12:00 of the same day.")]
What = Annotated[str, typer.Option("--works", metavar="TEXT", help="What is done, in words that customers read.")]


class AudienceOptions(NamedTuple):
    """Who is concerned: whoever matches any of these."""

    node: Annotated[list[str] | None, typer.Option("--node", metavar="NAME", help="Served by it; repeatable.")] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="WORD", help="With this tag; repeatable.")] = None
    address: Annotated[
        list[str] | None, typer.Option("--address", metavar="TEXT", help="A part, by whole words; repeatable.")
    ] = None
    account: Annotated[list[str] | None, typer.Option("--account", metavar="NUMBER", help="Repeatable.")] = None
    accounts: Annotated[
        Path | None, typer.Option("--accounts", metavar="FILE", help="A file with an account in each line.")
    ] = None
    everybody: Annotated[bool, typer.Option("--everybody", help="All connected accounts are meant.")] = False

    def read(self) -> Audience:
        """Raises ``InvalidInput``."""
        listed = read_text(self.accounts).split() if self.accounts else []
        numbers = [*(self.account or ()), *listed]
        return TypedAudience(self.node or (), self.tag or (), self.address or (), numbers, self.everybody).audience()


async def preview(starts: From, ends: Until, works: What, audience: AudienceOptions, as_json: AsJson = False) -> None:
    """Show whom planned works concern, what they would read, when, and what that costs; nothing is written.

    [bold]Example[/bold]
    $ python starter.py announcements preview --from "2026-12-03 10:00" --to 12:00 --works "new switch" --node north-3
    """
    settings = load_settings()
    typed, concerned = TypedWorks(starts, ends, works).works(company_timezone(settings)), audience.read()
    async with connect_ledger(settings) as ledger:
        seen = await connect_announcement_desk(settings, ledger).preview(typed, concerned, settings.now())
    if as_json:
        print_json(seen)
    else:
        print_preview(seen)


async def create(
    starts: From,
    ends: Until,
    works: What,
    by: By,
    audience: AudienceOptions,
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Write an announcement of planned works. Nobody is told until somebody approves it.

    [bold]Example[/bold]
    $ python starter.py announcements create --from "2026-12-03 10:00" --to 12:00 --works "new switch" --node north-3
      --by ann
    """
    settings = load_settings()
    typed, concerned = TypedWorks(starts, ends, works).works(company_timezone(settings)), audience.read()
    async with connect_ledger(settings) as ledger:
        desk, now = connect_announcement_desk(settings, ledger), settings.now()
        draft = await desk.create(command_id or uuid.uuid4().hex, typed, concerned, by, now)
        seen = await desk.preview(typed, concerned, now)
    if as_json:
        print_json({"announcement": draft, "preview": seen})
        return
    say(announcement_words(draft), style="bold")
    print_preview(seen)
    say(f"approve it with: python starter.py announcements approve {draft.number} --texts {seen.reach.text_count}")


async def approve(
    number: Number,
    by: By,
    reason: Reason,
    texts: Annotated[
        int | None, typer.Option("--texts", min=0, metavar="COUNT", help="As in the preview; refused if it is another.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have everybody told who is concerned now, a page at a time, within contact hours. A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py announcements approve 7 --texts 212 --by bob --reason "checked with the crew"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        desk = connect_announcement_desk(settings, ledger)
        _print(await desk.approve(number, by, reason, settings.now(), texts), as_json)


async def correct(
    number: Number,
    by: By,
    reason: Reason,
    starts: From = "",
    ends: Until = "",
    works: What = "",
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Tell exactly those who were told what has changed; who still waits is told the new facts only.

    [bold]Example[/bold]
    $ python starter.py announcements correct 7 --from "2026-12-04 10:00" --to 12:00 --by ann --reason "the crew is ill"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        desk = connect_announcement_desk(settings, ledger)
        before = (await desk.known(number)).works
        changed = TypedWorks(starts, ends, works).works(before.timezone, before)
        key = command_id or f"correct {number} {changed.model_dump_json()}"[:100]
        _print(await desk.correct(number, key, changed, by, reason, settings.now()), as_json)


async def cancel(number: Number, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Tell those who were told that there are no works; who still waits is told nothing. A draft is withdrawn.

    [bold]Example[/bold]
    $ python starter.py announcements cancel 7 --by ann --reason "no works at all"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        desk = connect_announcement_desk(settings, ledger)
        _print(await desk.cancel(number, f"cancel {number}", by, reason, settings.now()), as_json)


def print_preview(seen: Preview) -> None:
    reach = seen.reach
    say(f"“{seen.text}”")
    say(f"{counted(reach.accounts, 'account')} of {reach.all_accounts:,}, {counted(reach.customers, 'customer')}")
    cost = price_words(seen.cost_micros, seen.currency)
    say(f"{counted(reach.text_count, 'text')} of {counted(seen.segments, 'segment')} each ({seen.alphabet}): {cost}")
    for zone in seen.zones:
        say(f"  {zone.timezone}: {counted(zone.texts, 'text')}, from {utc(zone.first_at)} on")
    for count, words in (
        (reach.without_number, "without a phone number: call them"),
        (reach.doubtful, "whose number took no text lately"),
        (seen.late, "TOO LATE: the works begin before contact hours do"),
        (seen.beyond_limit, "beyond the day's limit of texts: they wait for another day"),
    ):
        if count:
            say(f"  {count:,} {words}", style="yellow")


def _print(announcement: Announcement, as_json: bool) -> None:
    if as_json:
        print_json(announcement)
    else:
        say(announcement_words(announcement), style="bold")
