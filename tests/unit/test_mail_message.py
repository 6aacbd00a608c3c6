"""A mail's bytes, as mail programs read them: what was written arrives, and nothing typed begins another header."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.mail.mail_message import words, write_message

TYPED = st.text('abc  ..==--_?"<>\t\r\n\x00ñüé书籍😀\x85\u2028', max_size=200)


def read(content: bytes) -> tuple[EmailMessage, list[str]]:
    """The mail and its two parts."""
    mail = message_from_bytes(content, policy=policy.default)
    parts = [cast(EmailMessage, part) for part in mail.iter_parts()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert not [part.defects for part in (mail, *parts) if part.defects]
    return mail, [part.get_content().replace("\r\n", "\n") for part in parts]


def written(subject: str, text: str = "text", html: str = "<p>html</p>") -> bytes:
    return write_message({"From": "a@example.com", "Subject": words(subject), "X-Billing-Ref": "ref"}, text, html)


@example("--=_part--\r\n.\r\nFrom x \n..", "\r\rabc  \r\n\r")
@example("x" * 200 + "\n", "書" * 200)
@settings(max_examples=300, deadline=None)
@given(TYPED, TYPED)
def test_both_parts_arrive_as_they_are_in_short_lines_that_every_server_takes(text: str, html: str) -> None:
    content = written("Invoice", text, html)
    assert all(len(line) <= 76 and line.isascii() for line in content.split(b"\r\n"))
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    for typed, arrived in zip((text, html), read(content)[1], strict=True):
        lines = typed.replace("\r\n", "\n").replace("\r", "\n")
        assert arrived == (lines if lines.endswith("\n") else f"{lines}\n")


@example("Invoice for October 2026: €12.50 on 8 November 2026")
@example("書" * 200)
@example("=?utf-8?q?x?=")
@example("Beans\r\nBcc: bob@example.com\r\n\r\nHello")
@settings(max_examples=300, deadline=None)
@given(TYPED)
def test_a_subject_is_one_header_and_says_what_was_written(subject: str) -> None:
    mail, _ = read(written(subject))
    assert mail.keys() == ["From", "Subject", "X-Billing-Ref", "Auto-Submitted", "MIME-Version", "Content-Type"]
    assert mail["X-Billing-Ref"] == "ref"
    if subject.isprintable():
        assert mail["Subject"].strip() == subject.strip()
    assert all(len(line) <= 76 for line in written(subject).partition(b"\r\n\r\n")[0].split(b"\r\n"))


@pytest.mark.parametrize("forged", ["ref\r\nBcc: b@example.com", "ref\nBcc: b@example.com", "ref\rBcc: x", "ref\n \n"])
def test_a_line_break_in_any_other_header_is_refused(forged: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        write_message({"From": "a@example.com", "X-Billing-Ref": forged}, "text", "html")
