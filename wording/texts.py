"""Texts to customers by language, each of one segment: ``TextWording(language="ru").text(TextKind.BILL, facts)``.

Templates name {amount}, {day}, {account}, {action} and {pay}, the few words of where to pay; of an order, {number},
{quote}, what a step of it quotes, and {link}, the page where it is paid; of planned works, {when} and {reason}. A
company's own replace them by kind.
"""

from collections.abc import Mapping
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

_FIELDS = ("amount", "day", "account", "action", "pay", "number", "quote", "link", "when", "reason")
_ASKS = 10
"""More segments than anybody wants to pay for without being asked."""
_TEMPLATES = {
    Language.ENGLISH: {
        TextKind.BILL: "Your bill: {amount}, due {day}. Account {account}. {pay}",
        TextKind.REMINDER: "Please pay {amount}. Account {account}. {pay}",
        TextKind.WARNING: "{amount} is overdue. On {day} your service will be {action}. Account {account}. {pay}",
        TextKind.SUSPENDED: "Your service is suspended: {amount} is overdue. Account {account}. {pay}",
        TextKind.RESTORED: "Thank you. We are switching your service on again. Account {account}",
        TextKind.RECEIPT: "Thank you for your payment of {amount}. Account {account}",
        TextKind.CONNECTED: "Your service is connected. Account {account}",
        TextKind.WORKS: "Planned works {when}: {reason}. Your service may be interrupted.",
        TextKind.WORKS_CHANGED: "Changed: planned works now {when}: {reason}.",
        TextKind.WORKS_CANCELLED: "Cancelled: the planned works {when} will not take place.",
        TextKind.RECEIVED: "Request {number} is registered. Account {account}",
        TextKind.PAY_FEE: "To be paid: {amount}. Account {account}. {pay} {link}",
        TextKind.PAY_DEBT: "Please pay {amount} first. Account {account}. {pay} {link}",
        TextKind.VISIT: "Our crew comes on {quote}. Request {number}, account {account}",
        TextKind.DISCONNECTED: "Your service is disconnected. Account {account}",
        TextKind.TARIFF_CHANGED: "Your tariff is changed. Account {account}",
        TextKind.ANSWERED: "Your request {number}, account {account}: {quote}",
        TextKind.REFUSED: "Your request {number}, account {account}, cannot be carried out. {quote}",
    },
    Language.RUSSIAN: {
        TextKind.BILL: "Счет {amount} до {day}, л/с {account}. {pay}",
        TextKind.REMINDER: "К оплате {amount}, л/с {account}. {pay}",
        TextKind.WARNING: "Долг {amount}: {day} {action}, л/с {account}. {pay}",
        TextKind.SUSPENDED: "Услуга отключена. Долг {amount}, л/с {account}. {pay}",
        TextKind.RESTORED: "Спасибо! Снова включаем услугу. Л/с {account}",
        TextKind.RECEIPT: "Получено {amount}. Спасибо! Л/с {account}",
        TextKind.CONNECTED: "Услуга подключена. Л/с {account}",
        TextKind.WORKS: "Работы {when}: {reason}",
        TextKind.WORKS_CHANGED: "Перенос работ: {when}, {reason}",
        TextKind.WORKS_CANCELLED: "Работы отменены: {when}",
        TextKind.RECEIVED: "Заявка {number} принята. Л/с {account}",
        TextKind.PAY_FEE: "К оплате {amount}, л/с {account}. {pay} {link}",
        TextKind.PAY_DEBT: "Сначала оплатите {amount}, л/с {account}. {pay} {link}",
        TextKind.VISIT: "Мастер придет {quote}. Заявка {number}, л/с {account}",
        TextKind.DISCONNECTED: "Услуга отключена. Л/с {account}",
        TextKind.TARIFF_CHANGED: "Тариф изменен. Л/с {account}",
        TextKind.ANSWERED: "Заявка {number}, л/с {account}: {quote}",
        TextKind.REFUSED: "Заявка {number}, л/с {account}: отказ. {quote}",
    },
    Language.KAZAKH: {
        TextKind.BILL: "Шот {amount}, {day} дейін, ж/ш {account}. {pay}",
        TextKind.REMINDER: "Төлеңіз: {amount}, ж/ш {account}. {pay}",
        TextKind.WARNING: "Қарыз {amount}: {day} {action}, ж/ш {account}. {pay}",
        TextKind.SUSPENDED: "Қызмет тоқтады. Қарыз {amount}, ж/ш {account}. {pay}",
        TextKind.RESTORED: "Рақмет! Қызмет қайта қосылуда. Ж/ш {account}",
        TextKind.RECEIPT: "{amount} түсті. Рақмет! Ж/ш {account}",
        TextKind.CONNECTED: "Қызмет қосылды. Ж/ш {account}",
        TextKind.WORKS: "Жұмыстар {when}: {reason}",
        TextKind.WORKS_CHANGED: "Жаңа уақыты: {when}, {reason}",
        TextKind.WORKS_CANCELLED: "Жұмыстар болмайды: {when}",
        TextKind.RECEIVED: "Өтінім {number} қабылданды. Ж/ш {account}",
        TextKind.PAY_FEE: "Төлеңіз: {amount}, ж/ш {account}. {pay} {link}",
        TextKind.PAY_DEBT: "Алдымен төлеңіз: {amount}, ж/ш {account}. {pay} {link}",
        TextKind.VISIT: "Шебер {quote} келеді. Өтінім {number}, ж/ш {account}",
        TextKind.DISCONNECTED: "Қызмет ажыратылды. Ж/ш {account}",
        TextKind.TARIFF_CHANGED: "Тариф өзгертілді. Ж/ш {account}",
        TextKind.ANSWERED: "Өтінім {number}, ж/ш {account}: {quote}",
        TextKind.REFUSED: "Өтінім {number}, ж/ш {account}: бас тарту. {quote}",
    },
    Language.UKRAINIAN: {
        TextKind.BILL: "Рахунок {amount} до {day}, о/р {account}. {pay}",
        TextKind.REMINDER: "До сплати {amount}, о/р {account}. {pay}",
        TextKind.WARNING: "Борг {amount}: {day} {action}, о/р {account}. {pay}",
        TextKind.SUSPENDED: "Послугу вимкнено. Борг {amount}, о/р {account}. {pay}",
        TextKind.RESTORED: "Дякуємо! Знову вмикаємо послугу. О/р {account}",
        TextKind.RECEIPT: "Отримано {amount}. Дякуємо! О/р {account}",
        TextKind.CONNECTED: "Послугу підключено. О/р {account}",
        TextKind.WORKS: "Роботи {when}: {reason}",
        TextKind.WORKS_CHANGED: "Перенесено: {when}, {reason}",
        TextKind.WORKS_CANCELLED: "Роботи скасовано: {when}",
        TextKind.RECEIVED: "Заявку {number} прийнято. О/р {account}",
        TextKind.PAY_FEE: "До сплати {amount}, о/р {account}. {pay} {link}",
        TextKind.PAY_DEBT: "Спершу сплатіть {amount}, о/р {account}. {pay} {link}",
        TextKind.VISIT: "Майстер прийде {quote}. Заявка {number}, о/р {account}",
        TextKind.DISCONNECTED: "Послугу вимкнено. О/р {account}",
        TextKind.TARIFF_CHANGED: "Тариф змінено. О/р {account}",
        TextKind.ANSWERED: "Заявка {number}, о/р {account}: {quote}",
        TextKind.REFUSED: "Заявка {number}, о/р {account}: відмова. {quote}",
    },
}
_ACTIONS = {
    Language.ENGLISH: ("slowed down", "suspended", "disconnected"),
    Language.RUSSIAN: ("замедлим", "отключим", "расторгнем"),
    Language.KAZAKH: ("баяулатамыз", "тоқтатамыз", "ажыратамыз"),
    Language.UKRAINIAN: ("сповільнимо", "вимкнемо", "розірвемо"),
}
"""Limited, suspended, disconnected."""
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
    segments: Annotated[int, Field(ge=1, le=_ASKS)] = 1
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
        template = self.templates.get(kind) or _TEMPLATES[self.language][kind]
        written = one_line(template.format_map(self._values(facts)))
        return latin(written, self.language) if self.latin else written

    def mail(self, kind: TextKind, facts: TextFacts) -> tuple[str, str]:
        """Subject and words of a mail that says the same as the text; its letters are always the language's own.

        The link is left to a button of the mail.
        """
        bare = self.evolve(latin=False)
        return SUBJECTS[self.language][kind].format(number=facts.number), bare.text(kind, facts.evolve(link=""))

    def checked(self, link: str = "") -> list[CheckedText]:
        """Every text with the longest facts that are usual. A ``link`` is not counted among the segments allowed."""
        examples = ((kind, self._longest(kind, link)) for kind in TextKind)
        return [CheckedText(kind, example, measure(example)) for kind, example in examples]

    def _longest(self, kind: TextKind, link: str) -> str:
        texts = (self.text(kind, LONGEST.evolve(action=action, link=link)) for action in ConsequenceKind)
        return max(texts, key=lambda text: measure(text).places)

    def _values(self, facts: TextFacts) -> Mapping[str, str]:
        actions = dict(zip(ConsequenceKind, _ACTIONS[self.language], strict=True))
        return {
            "amount": _amount(facts),
            "day": _day(facts.day, self.language) if facts.day else "",
            "account": facts.account,
            "action": actions[facts.action] if facts.action else "",
            "pay": self.pay,
            "when": _when(facts, self.language),
            "reason": one_line(facts.reason),
            "number": facts.number,
            "quote": facts.quote,
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
