"""Other people's words in the Temporal UI's Markdown."""

import pytest

from billing.invoices.summary import summary
from billing.markdown import escaped
from tests.unit.months import accepted, drafted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("row 7, 12.50 EUR - as agreed", "row 7, 12.50 EUR - as agreed"),
        ("declined insufficient_funds", "declined insufficient_funds"),
        ("[pay](x)", r"\[pay\]\(x\)"),
        ("![x](y)", r"\!\[x\]\(y\)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("**free** _of_ ~~x~~", r"\*\*free\*\* \_of\_ \~\~x\~\~"),
        ("a\n\n# b\r\nc", r"a \# b c"),
        ("a|b", r"a\|b"),
        ("http://evil.example", "http:\u200b//evil.example"),
        ("www.evil.example", "www\u200b.evil.example"),
        ("a@evil.example", "a@\u200bevil.example"),
        ("`x`", r"\`x\`"),
    ],
)
def test_words_stay_words(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_long_text_is_cut() -> None:
    assert escaped("x" * 100, 80) == "x" * 79 + "…"


def test_a_reason_makes_no_link_in_the_details_of_a_run() -> None:
    month = drafted(10000)
    halted = accepted(month, "halt", month.import_at, reason="see [the terms](https://evil.example) <b>now</b>")
    shown = summary(halted, month.import_at)
    assert r"\[the terms\]\(https:" in shown
    assert "<b>" not in shown
