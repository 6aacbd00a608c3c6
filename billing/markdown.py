"""Untrusted text for the Temporal UI, which renders Markdown: shown literally, without links, pictures or markup."""

import re

from billing.model import WORDS_MAX, cut

_MARKUP = re.compile(r"[\\`*{}\[\]()<>#+!|~&]|(?<!\w)_|_(?!\w)")
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)  # also without any markup


def escaped(text: str, most: int = WORDS_MAX) -> str:
    """``text`` on one line, of at most ``most`` characters, with all markup escaped."""
    line = " ".join(cut(text, most).split())
    return _LINKED.sub("\u200b", _MARKUP.sub(lambda match: f"\\{match.group()}", line))
