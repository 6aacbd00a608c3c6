# ruff: noqa: RUF001
"""Email addresses: what is kept as typed, what is written to, who is taken for whom, and what is refused."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.address import checked_email, email_key, is_invisible, sendable
from billing.errors import InvalidInput

LOCAL_LETTERS = "abcXYZäßςΣİﬁｆ09._+-'"
DOMAINS = ["example.com", "Straße.example", "strasse.example", "ΝΙΚΟΣ.example", "νικος.example", "書籍.example", "İ.de"]

typed = st.builds("{}@{}".format, st.text(LOCAL_LETTERS, min_size=1, max_size=20), st.sampled_from(DOMAINS))


@pytest.mark.parametrize(
    ("text", "kept", "sent", "key"),
    [
        ("Acme@Example.COM", "Acme@Example.COM", "Acme@example.com", "acme@example.com"),
        (" ann@example.com ", "ann@example.com", "ann@example.com", "ann@example.com"),
        ("kasse@straße.example", "kasse@straße.example", "kasse@xn--strae-oqa.example", "kasse@xn--strae-oqa.example"),
        ("kasse@STRASSE.example", "kasse@STRASSE.example", "kasse@strasse.example", "kasse@strasse.example"),
        ("info@νικος.example", "info@νικος.example", "info@xn--uxachkp.example", "info@xn--uxachkp.example"),
        ("ﬁnn@ﬁn.example", "ﬁnn@ﬁn.example", "ﬁnn@fin.example", "finn@fin.example"),
        ("ｆｉｎｎ@ｆｉｎ.example", "ｆｉｎｎ@ｆｉｎ.example", "ｆｉｎｎ@fin.example", "finn@fin.example"),
        ("İ@i\u0307.example", "İ@i\u0307.example", "İ@xn--i-9bb.example", "i\u0307@xn--i-9bb.example"),
        ("nikoς@example.com", "nikoς@example.com", "nikoς@example.com", "nikoσ@example.com"),
        ("NIKOΣ@example.com", "NIKOΣ@example.com", "NIKOΣ@example.com", "nikoσ@example.com"),
        ("stra\u00dfe@example.com", "straße@example.com", "straße@example.com", "straße@example.com"),
        ("e\u0308@mu\u0308ller.example", "ë@müller.example", "ë@xn--mller-kva.example", "ë@xn--mller-kva.example"),
        ("a@xn--strae-oqa.example", "a@xn--strae-oqa.example", "a@xn--strae-oqa.example", "a@xn--strae-oqa.example"),
        ("a..b+c'd@b_c.example", "a..b+c'd@b_c.example", "a..b+c'd@b_c.example", "a..b+c'd@b_c.example"),
    ],
)  # fmt: skip
def test_an_address_is_kept_as_typed_and_sent_to_its_own_domain(text: str, kept: str, sent: str, key: str) -> None:
    assert checked_email(text) == kept
    assert sendable(checked_email(text)) == sent
    assert email_key(text) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kasse@straße.example", "kasse@strasse.example"),
        ("straße@example.com", "strasse@example.com"),
        ("info@νικος.example", "info@νικοσ.example"),
        ("a@İ.example", "a@i.example"),
        ("ann@example.com", "ann@example.co"),
    ],
)
def test_two_mailboxes_are_not_taken_for_one(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u200b", "ZERO WIDTH SPACE (U+200B)"),
        ("\ufeff", "ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("\u2060", "WORD JOINER (U+2060)"),
        ("\u00ad", "SOFT HYPHEN (U+00AD)"),
        ("\u202e", "RIGHT-TO-LEFT OVERRIDE (U+202E)"),
        ("\u2066", "LEFT-TO-RIGHT ISOLATE (U+2066)"),
        ("\u3164", "HANGUL FILLER (U+3164)"),
        ("\ufe0f", "VARIATION SELECTOR-16 (U+FE0F)"),
        ("\x07", "a control character (U+0007)"),
        ("\ud800", "a control character (U+D800)"),
    ],
)
def test_what_nobody_can_see_is_refused_by_its_name_and_makes_no_difference_in_the_sheet(
    character: str, name: str
) -> None:
    for text in (f"ac{character}me@example.com", f"acme@exam{character}ple.com", f"acme@example.com{character}"):
        with pytest.raises(InvalidInput) as refused:
            checked_email(text)
        assert f"contains {name}, which is invisible" in str(refused.value)
        assert email_key(text) == "acme@example.com"


def test_every_character_that_formats_or_controls_is_invisible() -> None:
    for number in range(sys.maxunicode + 1):
        hides = unicodedata.category(chr(number)) in ("Cc", "Cf", "Zl", "Zp")
        assert not hides or is_invisible(chr(number)), hex(number)
    assert not any(map(is_invisible, "aZ09 ~äßςﬁ書😀"))


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@example.com", "ann@", "ann@example", "ann@exa mple.com", "ann@example..com", "ann@.com", "a@b@c.com",
     "ann@-a.com", "ann@☃.example", "ann＠example.com", "ann@a,b.com", "<ann@example.com>", "a b@example.com",
     f"{'a' * 250}@example.com", f"ann@{'a' * 64}.com", f"a@{'.'.join(['ü' * 60] * 4)}.com", "ann@[1.2.3.4]",
     "mailto:ann@example.com", "Ann:ann@example.com", "(ann@example.com", "[ann@example.com", "5|ann@example.com"],
)  # fmt: skip
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an email address"):
        checked_email(text)


@given(typed)
def test_what_is_kept_and_what_is_sent_to_are_the_same_address(text: str) -> None:
    kept = checked_email(text)
    assert checked_email(kept) == kept
    assert sendable(sendable(kept)) == sendable(kept)
    assert email_key(kept) == email_key(text) == email_key(sendable(kept)) == email_key(email_key(text))


@given(st.text())
def test_every_text_has_a_key_that_is_its_own_key(text: str) -> None:
    assert email_key(email_key(text)) == email_key(text)
