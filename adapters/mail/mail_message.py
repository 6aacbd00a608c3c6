"""A mail as the bytes that go to the server: ``write_message({"From": ..., "Subject": ...}, text, html)``.

Written here, for the standard library parses each header that it writes, which took more time than the rest of a mail;
and of a sender whose name has an accent and a comma it makes two (python/cpython issue 121284).
"""

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Mapping
from email.utils import quote

_SHORT = 60  # longer names and subjects are folded
_WORD_BYTES = 39  # of an encoded word, so that a line has at most 76 characters, the header's name included
_DIVIDER = b"\n--=_part"  # no line of quoted-printable contains it
_INJECTED = re.compile(r"\r|\n(?! \S)")
_LINE_ENDS = re.compile(rb"\r\n?")
_FIXED = b"""\
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_part"

"""
_PART = b"""
Content-Type: text/%b; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

%b"""


def write_message(headers: Mapping[str, str], text: str, html: str) -> bytes:
    """The mail with both parts, in lines that end with CRLF.

    Headers are written unchanged: what people have typed goes through ``words`` or ``mailbox`` first. Raises
    ``ValueError`` if a value would begin another header.
    """
    if any(map(_INJECTED.search, headers.values())):
        raise ValueError("a header of a mail contains a line break")
    head = "".join(f"{name}: {value}\n" for name, value in headers.items()).encode()
    parts = (_DIVIDER, _PART % (b"plain", _quoted(text)), _DIVIDER, _PART % (b"html", _quoted(html)), _DIVIDER, b"--\n")
    return b"".join((head, _FIXED, *parts)).replace(b"\n", b"\r\n")


def words(text: str) -> str:
    """The text of a header: as it is, or in encoded words (RFC 2047) if it is long or not plain ASCII."""
    return text if _is_plain(text) else _encoded(text)


def mailbox(address: str, name: str) -> str:
    """An address with a name, if it has one."""
    if not name:
        return address
    return f'"{quote(name)}" <{address}>' if _is_plain(name) else f"{_encoded(name)}\n <{address}>"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _SHORT and "=?" not in text


def _encoded(text: str) -> str:
    """Encoded words, each on a line of its own and of whole characters."""
    left, lines = text.encode(), []
    while left:
        end = _WORD_BYTES
        while left[end : end + 1] and left[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        lines.append(f"=?utf-8?b?{b64encode(left[:end]).decode()}?=")
        left = left[end:]
    return "\n ".join(lines)


def _quoted(text: str) -> bytes:
    """In quoted-printable, which every server takes; it ends with a line break."""
    lines = b2a_qp(_LINE_ENDS.sub(b"\n", text.encode()))
    return lines if lines.endswith(b"\n") else lines + b"\n"
