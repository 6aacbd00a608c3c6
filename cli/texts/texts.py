"""``texts``: lists texts to customers, shows how many segments they have, and sends one to try the vendor."""

import secrets
from typing import Annotated

import typer

from billing.errors import InvalidInput
from billing.model import Code, Count, Line, Model
from billing.texts.segments import foreign_characters, measure
from billing.texts.text import Body, Language, OutgoingText, TextKind, price_words
from bootstrap import connect_adapters, connect_ledger
from bootstrap_texts import phone_reader
from cli.terminal.options import AsJson
from cli.terminal.output import SHOWN, complain, counted, print_json, print_table, say, whole
from cli.texts.table import print_texts
from settings import Settings, load_settings
from wording.texts import LONGEST, check_typed

_LIMIT = 100
_TEST = "This is a test of our texts."


class MeasuredText(Model):
    """How a text is sent; ``kind`` None: somebody has typed it."""

    kind: TextKind | None
    alphabet: Code
    places: Count
    room: Count
    segments: Count
    foreign: Line
    text: Body


async def list_(
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only to this customer.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, the newest first.")] = _LIMIT,
    as_json: AsJson = False,
) -> None:
    """List texts to customers, the newest first, how far they have come, and what today's cost.

    [bold]Examples[/bold]
    $ python starter.py texts list
    $ python starter.py texts list --customer acme --json
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        rows = [row.shown for row in await ledger.texts(customer, limit)]
        day = await ledger.text_day(settings.now().date())
    if as_json:
        print_json({"texts": rows, "today": day})
        return
    print_texts(rows, empty="no texts")
    cost = price_words(day.cost_micros, settings.texts.currency)
    say(f"today, UTC: {counted(day.texts, 'text')}, {counted(day.segments, 'segment')}, {cost}")


async def check(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="A text of your own instead.")] = None,
    language: Annotated[Language | None, typer.Option("--language", help="Another one than is set.")] = None,
    latin: Annotated[bool | None, typer.Option("--latin/--native", help="In Latin letters, or not.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every text with the longest usual facts, and how many segments it has: each costs money.

    [bold]Examples[/bold]
    $ python starter.py texts check
    $ python starter.py texts check --language ru --latin
    $ python starter.py texts check "Works on 3 December, 10:00 to 12:00"
    """
    settings = load_settings()
    wording, links = settings.texts, settings.links
    page = links.to_own_page(LONGEST.account, LONGEST.account)
    if text is not None:
        checked = [_measured(None, check_typed(text, wording.segments))]
    else:
        changes = {"language": language, "latin": latin}
        wording = wording.evolve(**{name: value for name, value in changes.items() if value is not None})
        link = links.to_fee(LONGEST.number) if links.secret else ""
        checked = [_measured(each.kind, each.example) for each in wording.checked(link, page)]
    if as_json:
        print_json({"texts": checked})
        return
    columns = ("Text", "Alphabet", whole("Characters"), "Segments", "As it is read")
    print_table(columns, checked, _shown, shown=SHOWN)
    if text is None and (fault := wording.fault_of(page)):
        complain(f"segments: {fault}", style="yellow")


def _measured(kind: TextKind | None, text: str) -> MeasuredText:
    found, foreign = measure(text), foreign_characters(text)
    fields = {"alphabet": found.alphabet, "places": found.places, "room": found.room, "segments": found.segments}
    return MeasuredText.model_validate({"kind": kind, **fields, "foreign": foreign, "text": text})


def _shown(row: MeasuredText) -> tuple[str, ...]:
    return row.kind or "typed", row.alphabet, f"{row.places} of {row.room}", str(row.segments), row.text


async def send_test(
    phone: Annotated[str, typer.Argument(metavar="PHONE", help="Your own number.")],
    text: Annotated[str, typer.Option("--text", help="What it says.")] = _TEST,
    segments: Annotated[int, typer.Option("--segments", min=1, max=10, help="How many it may have.")] = 1,
) -> None:
    """Send one text to try the vendor. It is no customer's, so it is neither listed nor counted; it costs money.

    [bold]Example[/bold]
    $ python starter.py texts send-test +77012345678
    """
    settings = load_settings()
    outgoing = OutgoingText(
        message_id=secrets.token_hex(16), to=phone_reader(settings)(phone), body=check_typed(text, segments)
    )
    await _sent(settings, outgoing)


async def _sent(settings: Settings, outgoing: OutgoingText) -> None:
    async with connect_adapters(settings) as adapters:
        if adapters.texts is None:
            raise InvalidInput("no vendor of texts is configured; set BILLING_SMS")
        report = await adapters.texts.send(outgoing)
    cost = "" if report.cost_micros is None else f", {price_words(report.cost_micros, settings.texts.currency)}"
    say(f"{adapters.texts.name} has taken it as {report.vendor_id}{cost}")
