"""The encoding of a file, found out by what it has to contain."""

import codecs
from collections.abc import Callable, Iterable

from billing.errors import InvalidInput


def decoded(content: bytes, encodings: Iterable[str], is_right: Callable[[str], bool]) -> str:
    """The text in the first encoding in which it is right; UTF-16 by its mark. Raises ``InvalidInput``."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    tried = ["utf-16"] if marked else ["utf-8-sig", *encodings]
    for encoding in tried:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if is_right(text):
            return text
    raise InvalidInput(f"the file's letters cannot be read; save it as UTF-8 (tried: {', '.join(tried)})")
