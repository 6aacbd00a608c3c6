"""A mail as the bytes that go to the server: ``write_message({"From": ..., "Subject": ...}, text, html)``."""

import re
from collections.abc import Mapping
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import quote

_SHORT = 60  # longer names and subjects are folded
_LINE_MAX = 76  # RFC 2045, RFC 2047
_BOUNDARY = "=_part"  # quoted-printable never contains it
_INJECTED = re.compile(r"\r|\n(?! \S)")


class _AsGiven(EmailPolicy):
    """Headers are written unchanged.

    The library's own policy parses each header that it is given, and again when it writes it: that took two thirds of
    a mail, and of a sender whose name has an accent and a comma it makes two (python/cpython issue 121284).
    """

    def header_max_count(self, name: str) -> None:
        return None

    def header_store_parse(self, name: str, value: str) -> tuple[str, str]:
        if _INJECTED.search(value):
            raise ValueError(f"the header {name} of a mail contains a line break")
        return name, value

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}\n".replace("\n", self.linesep)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode()


_POLICY = _AsGiven(linesep="\r\n", max_line_length=_LINE_MAX)


def write_message(headers: Mapping[str, str], text: str, html: str) -> bytes:
    """The mail with both parts, in short lines of ASCII that end with CRLF.

    Headers are written unchanged: what people have typed goes through ``words`` or ``mailbox`` first. Raises
    ``ValueError`` if a value would begin another header.
    """
    message = EmailMessage(_POLICY)
    for name, value in headers.items():
        message[name] = value
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message.set_boundary(_BOUNDARY)
    return message.as_bytes()


def words(text: str) -> str:
    """The text of a header: as it is, or in encoded words (RFC 2047) if it is long or not plain ASCII."""
    return text if _is_plain(text) else _encoded(text, "Subject")


def mailbox(address: str, name: str) -> str:
    """An address with a name, if it has one."""
    if not name:
        return address
    if _is_plain(name):
        return f'"{quote(name)}" <{address}>'
    return f"{_encoded(name, 'From')}\n <{address}>"


def _encoded(text: str, header: str) -> str:
    return Header(text, "utf-8", maxlinelen=_LINE_MAX, header_name=header).encode()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _SHORT and "=?" not in text
