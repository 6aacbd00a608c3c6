"""Texts to customers by language, each of one segment: ``TextWording(language="ru").text(TextKind.BILL, facts)``.

Templates name {amount}, {day}, {account}, {action} and {pay}, the few words of where to pay; {link}, the customer's own
page, which is {pay} if there are no such words; of an order, {number}, {quote}, what a step of it quotes, and {link},
the page where it is paid; of planned works, {when} and {reason}. A company's own replace them by kind.

The customer's page is added where it has room in the segments that are allowed. Where it is all that says where to pay,
and has no room, shorter words leave out what the page says: the account.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from string import Formatter
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from billing.errors import InvalidInput
from billing.model import Model
from billing.money import plain_amount
from billing.texts.latin import latin
from billing.texts.segments import Measure, foreign_characters, measure
from billing.texts.text import Body, ConsequenceKind, Language, TextFacts, TextKind
from wording.plain import one_line
from wording.step_mails import SUBJECTS
from wording.text_templates import ACTIONS, SHORT, TEMPLATES, YES_NO

OF_OWN_PAGE = (TextKind.BILL, TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED)
"""Their {link} is the customer's own page."""
_FIELDS = ("amount", "day", "account", "action", "pay", "number", "quote", "link", "when", "reason")
SEGMENTS_MAX = 10
"""More segments than anybody wants to pay for without being asked."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST = TextFacts(
    account="1234567897",
    amount_minor=99_999_99,
    currency="kzt",
    day=date(2026, 12, 30),
    starts=datetime(2026, 12, 30, 22, 0, tzinfo=UTC),
    ends=datetime(2026, 12, 31, 6, 0, tzinfo=UTC),
    reason="R" * 20,
    number="100042",
    quote="2026-12-30",
)
"""What is written in the place of facts to see whether a template fits."""


class CheckedText(NamedTuple):
    kind: TextKind
    example: str
    measure: Measure


class TextWording(Model, extra="forbid"):
    """How texts are written. ``pay`` says where to pay; ``latin`` has them in Latin letters; ``segments`` is the most
    that one may have.
    """

    language: Language = Language.ENGLISH
    latin: bool = False
    pay: Annotated[str, Field(max_length=100)] = ""
    segments: Annotated[int, Field(ge=1, le=SEGMENTS_MAX)] = 1
    templates: Annotated[dict[TextKind, Body], Field(max_length=20)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> "TextWording":
        for kind, template in self.templates.items():
            if fault := _fault_of(template):
                raise ValueError(f"the template of {kind} {fault}")
        for checked in self.checked():
            if checked.measure.segments > self.segments:
                raise ValueError(f"the text of {checked.kind} {_too_long(checked.example, self.segments)}")
        return self

    def text(self, kind: TextKind, facts: TextFacts) -> str:
        """The text; one with unusual facts may have more segments than are allowed, and is sent all the same."""
        written = ""
        for template, pay in self._forms(kind, facts.link):
            written = one_line(template.format_map({**self._values(facts), "pay": pay}))
            written = latin(written, self.language) if self.latin else written
            if measure(written).segments <= self.segments:
                break
        return written

    def _forms(self, kind: TextKind, link: str) -> Iterator[tuple[str, str]]:
        """Templates, each with its words of where to pay; the first that fits is taken, or the last."""
        own, ours = self.templates.get(kind), TEMPLATES[self.language][kind]
        if own or not link or kind not in OF_OWN_PAGE:
            template = own or ours
            yield template, self.pay or ("" if "{link}" in template else link)
            return
        yield ours, f"{self.pay} {link}".strip()
        yield (ours, self.pay) if self.pay else (SHORT[self.language].get(kind, ours), link)

    def mail(self, kind: TextKind, facts: TextFacts) -> tuple[str, str]:
        """Subject and words of a mail that says the same as the text; its letters are always the language's own.

        The link is left to a button of the mail.
        """
        bare = self.evolve(latin=False)
        return SUBJECTS[self.language][kind].format(number=facts.number), bare.text(kind, facts.evolve(link=""))

    def checked(self, link: str = "", page: str = "") -> list[CheckedText]:
        """Every text with the longest facts that are usual: with the ``link`` of an order, or a customer's own
        ``page``. Neither is counted among the segments allowed.
        """
        examples = ((kind, self._longest(kind, page if kind in OF_OWN_PAGE else link)) for kind in TextKind)
        return [CheckedText(kind, example, measure(example)) for kind, example in examples]

    def fault_of(self, page: str) -> str:
        """Why texts have more segments than are allowed, if a customer's ``page`` has so long an address; or ""."""
        checked = [each for each in self.checked(page=page) if each.kind in OF_OWN_PAGE]
        if not (kinds := [each.kind for each in checked if each.measure.segments > self.segments]):
            return ""
        return (
            f"with the address of a customer's page, such as {page}, more than {self.segments} in one text of: "
            f"{', '.join(kinds)}; take a shorter BILLING_CONSOLE_URL, or set pay, latin or segments in BILLING_TEXTS"
        )

    def _longest(self, kind: TextKind, link: str) -> str:
        texts = (self.text(kind, LONGEST.evolve(action=action, link=link)) for action in ConsequenceKind)
        return max(texts, key=lambda text: measure(text).places)

    def _values(self, facts: TextFacts) -> Mapping[str, str]:
        actions = dict(zip(ConsequenceKind, ACTIONS[self.language], strict=True))
        return {
            "amount": _amount(facts),
            "day": _day(facts.day, self.language) if facts.day else "",
            "account": facts.account,
            "action": actions[facts.action] if facts.action else "",
            "when": _when(facts, self.language),
            "reason": one_line(facts.reason),
            "number": facts.number,
            "quote": YES_NO[self.language][facts.quote] if isinstance(facts.quote, bool) else facts.quote,
            "link": facts.link,
        }


def check_typed(text: str, most: int) -> str:
    """One line that somebody has typed, as it is sent. Raises ``InvalidInput`` for one that has too many segments."""
    line = one_line(text)
    if not line:
        raise InvalidInput("the text is empty; write what the customer is to read")
    if measure(line).segments > most:
        raise InvalidInput(f"the text {_too_long(line, most)}")
    return line


def _fault_of(template: str) -> str:
    try:
        names = [name for _, name, spec, conversion in Formatter().parse(template) if name is not None]
        is_plain = all(not spec and not conversion for _, _, spec, conversion in Formatter().parse(template))
    except ValueError:
        return "has a brace without its other one; write two for one that is to be read"
    others = [name for name in names if name not in _FIELDS]
    if others or not is_plain:
        return f"names {{{(others or names)[0]}}}; it may name {', '.join(f'{{{name}}}' for name in _FIELDS)}"
    return "" if one_line(template) == template else "has more than one line, or characters that nobody sees"


def _too_long(text: str, most: int) -> str:
    measured, foreign = measure(text), foreign_characters(text)
    why = f"; {foreign[:10]} make it {measured.alphabet}: without them more would fit" if foreign else ""
    is_are = "is" if measured.segments == 1 else "are"
    return f"has {measured.places} characters, which {is_are} {measured.segments} segments, and may have {most}{why}"


def _day(day: date, language: Language) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}" if language is Language.ENGLISH else f"{day:%d.%m}"


def _when(facts: TextFacts, language: Language) -> str:
    """``30 Dec 10:00-12:00``, ``30 Dec 22:00 - 31 Dec 06:00``."""
    if facts.starts is None or facts.ends is None:
        return ""
    zone = ZoneInfo(facts.timezone)
    starts, ends = facts.starts.astimezone(zone), facts.ends.astimezone(zone)
    first, last = _day(starts, language), _day(ends, language)
    between = "-" if starts.date() == ends.date() else f" - {last} "
    return f"{first} {starts:%H:%M}{between}{ends:%H:%M}"


def _amount(facts: TextFacts) -> str:
    """``5990 KZT``: without a zero fraction, for every character counts."""
    if not facts.currency:
        return ""
    amount = plain_amount(facts.amount_minor, facts.currency)
    whole, _, fraction = amount.partition(".")
    return f"{amount if fraction.strip('0') else whole} {facts.currency.upper()}"
