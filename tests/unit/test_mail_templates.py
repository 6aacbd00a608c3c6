"""Every mail to a customer: both parts say the same, and nothing that somebody typed can forge a word of it."""

import html
import re

import pytest

from adapters.mail.mail_templates import render
from billing.mails.mail import CustomerMailKind
from tests.unit.letters import EVERY_COLLECTION, EVERY_LETTER, announced, letter, mail, words


@pytest.mark.parametrize("name", [*EVERY_LETTER, *EVERY_COLLECTION])
def test_both_parts_say_the_same(name: str) -> None:
    rendered = mail(*EVERY_LETTER[name]) if name in EVERY_LETTER else render(EVERY_COLLECTION[name])
    text, seen = (set(re.findall(r"\w+", part)) for part in words(rendered))
    assert text == seen - {"Description"} - ({"Amount"} - text)
    assert "\n" not in rendered.subject
    assert rendered.subject in html.unescape(rendered.html)
    lines = [line for line in rendered.text.splitlines() if not line.startswith(("http", "  python"))]
    assert max(map(len, lines)) <= 72


def test_typed_text_is_escaped_in_html() -> None:
    month = announced(("<img src=x onerror=alert(1)>", 12_000), name="<b>Rosa</b> & {{ sons }}")
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert "<img" not in rendered.html
    assert "<b>" not in rendered.html
    assert "&lt;b&gt;Rosa&lt;/b&gt; &amp; {{ sons }}" in rendered.html
    assert "Hello <b>Rosa</b> & {{ sons }}," in rendered.text


@pytest.mark.parametrize("breaker", ["\r\n", "\n\n", "\x85", "\u2028", "\x00", "\u202e"])
def test_typed_text_stays_one_line_and_forges_nothing(breaker: str) -> None:
    month = announced((f"Beans{breaker}Total €0.00", 12_000))
    month = month.evolve(customer=month.customer.model_copy(update={"name": f"Rosa{breaker}Bcc: x@example.com"}))
    notice = mail(CustomerMailKind.NOTICE, month)
    assert "  Beans Total €0.00\n" in notice.text
    assert "Hello Rosa Bcc: x@example.com,\n" in notice.text
    for part in notice:
        assert breaker == "\n\n" or breaker not in part


def test_very_long_names_stay_within_the_page() -> None:
    month = announced(("x" * 500, 12_000), ("many words " * 45, 1), name="N" * 200)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert max(map(len, rendered.text.splitlines())) <= 72
    assert "".join(rendered.text.split()).count("x" * 500) == 1
    assert "overflow-wrap:anywhere" in rendered.html


def test_html_is_accessible_and_loads_nothing() -> None:
    page = mail(*EVERY_LETTER["notice"]).html
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.count('<th scope="col"') == 2
    assert page.count("<h1") == 1
    assert not re.search(r"https?:|src=|url\(|@import|<script|<link", page)


@pytest.mark.parametrize("name", ["notice", "receipt"])
def test_a_test_says_so_above_everything_in_both_parts(name: str) -> None:
    kind, month = EVERY_LETTER[name]
    rendered = render(letter(kind, month), "This is a test: no money moves.")
    assert rendered.text.startswith("This is a test: no money moves.\n\n")
    assert rendered.html.index("This is a test: no money moves.") < rendered.html.index("<h1")
    assert "test" not in render(letter(kind, month)).text
