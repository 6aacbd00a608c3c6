"""Other people's words in Markdown, which the Temporal UI renders: as they are, without links, pictures or markup."""

import re

from billing.model import WORDS_MAX, cut

_MARKUP = re.compile(r"[\\`*{}\[\]()<>#+!|~&]|(?<!\w)_|_(?!\w)")
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)  # also without any markup


def escaped(text: str, most: int = WORDS_MAX) -> str:
    """``text`` on one line, up to so many characters of it, with everything escaped that would mean something."""
    line = " ".join(cut(text, most).split())
    return _LINKED.sub("\u200b", _MARKUP.sub(lambda found: f"\\{found.group()}", line))
