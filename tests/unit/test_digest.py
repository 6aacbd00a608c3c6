"""What one digest tells: the most urgent first, counted, summed up, bounded; nothing that people typed forges it."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.mail.mail_templates import render_digest
from billing.mails.mail import RenderedMail
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind
from billing.reviewers.digest import SHOWN_AT_MOST, Digest, sections

AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
NOVEMBER = Period("2026-11")


def alert(kind: AlertKind = AlertKind.PERSON, customer_id: str = "acme", **fields: Any) -> Alert:
    values = {
        "alert_id": f"{kind}-{customer_id}",
        "period": NOVEMBER,
        "text": "row 4 of worksheet 2026-11 cannot be read",
        "remedies": (RemedyAction.SHOW_MONTH.of(customer_id),),
        "amount_minor": 12050,
        "currency": "eur",
        "at": AT,
        **fields,
    }
    return Alert.model_validate({"kind": kind, "customer_id": customer_id, **values})


def digest(*alerts: Alert, console_url: str = "") -> Digest:
    return Digest(digest_id="d1", message_id="<d1@b>", to="r@example.com", console_url=console_url, alerts=alerts)


def words(rendered: RenderedMail) -> tuple[str, str]:
    seen = re.sub(r"<(style|title).*?</\1>|<[^>]*>", " ", rendered.html, flags=re.DOTALL)
    return " ".join(rendered.text.split()), " ".join(html.unescape(seen).split())


EVERYTHING = digest(
    alert(AlertKind.DRAFT, "kiwi", currency="nzd", amount_minor=700),
    alert(AlertKind.REPORT, "acme", text="Refund of 5.00 EUR: succeeded\nre_1", amount_minor=None),
    alert(AlertKind.HALTED, "quito", text="halted by ann: too high"),
    alert(AlertKind.DRAFT, "acme", flags="|first|edited|"),
    alert(AlertKind.UNRESOLVED, "lima", text="the server is down"),
    alert(AlertKind.PERSON, "acme", remedies=(RemedyAction.APPROVE.of("acme"),)),
    console_url="https://console.example.com/",
)


def test_the_subject_says_in_short_what_it_is_about() -> None:
    assert (
        render_digest(EVERYTHING).subject
        == "[Billing] 1 invoice needs you, 1 unresolved, 1 halted, 1 report, 2 drafts ready"
    )
    orders = [alert(customer_id="acme", order_number=number) for number in ("1042", "1043")]
    assert render_digest(digest(*orders)).subject == "[Billing] 2 orders need you"
    assert render_digest(digest(alert(), orders[0])).subject == "[Billing] 1 invoice needs you, 1 order needs you"


def test_the_text_tells_the_most_urgent_first_with_what_to_do() -> None:
    assert render_digest(EVERYTHING).text.splitlines() == [
        "1 invoice needs you, 1 unresolved, 1 halted, 1 report, 2 drafts ready",
        "",
        "A person is needed now: 1 (120.50 EUR)",
        "",
        "  acme, 2026-11 (120.50 EUR): row 4 of worksheet 2026-11 cannot be read",
        "    python starter.py approve acme --by YOU --reason WHY",
        "    https://console.example.com/desk/2026-11/invoices/acme",
        "",
        "Charges whose outcome is not known: 1 (120.50 EUR)",
        "",
        "  lima, 2026-11 (120.50 EUR): the server is down",
        "    python starter.py show lima",
        "    https://console.example.com/desk/2026-11/invoices/lima",
        "",
        "Halted, and not charged until resumed: 1 (120.50 EUR)",
        "",
        "  quito, 2026-11 (120.50 EUR): halted by ann: too high",
        "    python starter.py show quito",
        "    https://console.example.com/desk/2026-11/invoices/quito",
        "",
        "Reports: 1",
        "",
        "  acme, 2026-11: Refund of 5.00 EUR: succeeded; re_1",
        "    python starter.py show acme",
        "    https://console.example.com/desk/2026-11/invoices/acme",
        "",
        "Drafts to look at before they are announced: 2",
        "",
        "  2026-11: 2 drafts, 1 unusual; 120.50 EUR · 7.00 NZD",
        "    python starter.py list --period 2026-11",
        "    https://console.example.com/desk/2026-11/invoices",
    ]


def test_announcements_are_told_each_with_a_link_to_its_page() -> None:
    waiting = [
        alert(AlertKind.WORKS, "", alert_id=f"works {number}", text="new switch", amount_minor=None, remedies=(remedy,))
        for number in (7, 8)
        if (remedy := RemedyAction.SHOW_ANNOUNCEMENT.of().evolve(announcement=number))
    ]
    assert render_digest(digest(*waiting, console_url="https://console.example.com")).text.splitlines() == [
        "2 announcements to approve",
        "",
        "Planned works to approve: 2",
        "",
        "  announcement 7: new switch",
        "    python starter.py announcements show 7",
        "    https://console.example.com/desk/announcements/7",
        "  announcement 8: new switch",
        "    python starter.py announcements show 8",
        "    https://console.example.com/desk/announcements/8",
    ]


def test_both_parts_say_the_same() -> None:
    rendered = render_digest(EVERYTHING)
    text, seen = (set(re.findall(r"\w+", part)) for part in words(rendered))
    assert text - seen == {"https", "console", "example", "com", "desk", "invoices"}  # in the HTML part they are links
    for link in re.findall(r"https:\S+", rendered.text):
        assert f'href="{link}"' in rendered.html
    assert seen <= text


def test_without_a_console_there_are_no_links() -> None:
    rendered = render_digest(EVERYTHING.evolve(console_url=""))
    assert "http" not in rendered.text + rendered.html


def test_a_long_section_tells_the_first_and_counts_the_rest() -> None:
    several = [alert(customer_id=f"customer-{number:03}") for number in range(SHOWN_AT_MOST + 37)]
    rendered = render_digest(digest(*several))
    assert rendered.subject == "[Billing] 87 invoices need you"
    for part in words(rendered):
        assert "A person is needed now: 87" in part
        assert "customer-049, 2026-11" in part
        assert "customer-050, 2026-11" not in part
        assert "and 37 more" in part
    assert len(rendered.text) < 20_000


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("|first|", "|first|"), "2 drafts; 241.00 EUR"),
        (("|first|", "|first|large|"), "2 drafts, 1 unusual; 241.00 EUR"),
        (("|first|", "|"), "2 drafts, 1 unusual; 241.00 EUR"),
        (("|first|",), "1 draft, 1 unusual; 120.50 EUR"),
    ],
)
def test_a_first_invoice_is_unusual_unless_all_are(flags: tuple[str, ...], text: str) -> None:
    drafts = [alert(AlertKind.DRAFT, f"customer-{number}", flags=each) for number, each in enumerate(flags)]
    (section,) = sections(digest(*drafts))
    assert [item.text for item in section.items] == [text]


def test_ten_thousand_drafts_are_one_line() -> None:
    many = [alert(AlertKind.DRAFT, f"customer-{number}", flags="|large|") for number in range(10_000)]
    (section,) = sections(digest(*many))
    assert [item.text for item in section.items] == ["10,000 drafts, 10,000 unusual; 1205000.00 EUR"]
    assert section.more == 0


def test_of_two_alerts_about_one_matter_the_later_one_is_told() -> None:
    late = alert(alert_id="late", text="late", at=AT + timedelta(hours=1))
    (section,) = sections(digest(late, alert(text="early")))
    assert [item.text for item in section.items] == ["late"]


def test_every_report_of_a_customer_is_told() -> None:
    reports = [alert(AlertKind.REPORT, alert_id=text, text=text) for text in ("one", "two")]
    (section,) = sections(digest(*reports))
    assert sorted(item.text for item in section.items) == ["one", "two"]


@pytest.mark.parametrize("breaker", ["\r\n", "\n\n", "\x85", "\u2028", "\x00", "\u202e", " " * 80])
def test_typed_text_forges_no_line_and_no_markup(breaker: str) -> None:
    typed = f"why{breaker}Halted, and not charged until resumed: 1{breaker}  other, 2026-11: <img src=x>"
    rendered = render_digest(digest(alert(text=f"halted by ann: {typed}")))
    starts = [line for line in rendered.text.splitlines() if re.match(r"  \S", line)]
    assert len(starts) == 1
    assert not any(line.startswith("Halted") for line in rendered.text.splitlines())
    assert "<img" not in rendered.html
    assert breaker.isspace() or breaker not in rendered.text


def test_very_long_text_is_cut() -> None:
    rendered = render_digest(digest(alert(text="x" * 5000)))
    assert 200 < rendered.text.count("x") < 400


def test_html_is_accessible_and_loads_nothing() -> None:
    page = render_digest(EVERYTHING).html
    assert page.lstrip().startswith('<!doctype html>\n<html lang="en">')
    assert page.count("<h1") == 1
    assert not re.search(r"src=|url\(|@import|<script|<link", page)
