"""Logging of all processes: one line for each message, without email addresses and phone numbers."""

import logging
import re
from pathlib import Path
from types import TracebackType
from typing import Final

LINE: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TALKATIVE: Final = ("apprise", "google", "httpcore", "httpx", "stripe")  # they log every request with its data
_WORD: Final = re.compile(r"[^\s<>()\[\]{}\"',;:=&/?]+")
_PHONE: Final = re.compile(r"(?<!\w)(\+|%2B)[1-9][0-9]{6,14}(?![0-9])")

_Error = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(level: str, file: Path | None = None) -> None:
    """Starts logging to stderr, or to ``file`` only; talkative libraries log warnings only."""
    handler = logging.FileHandler(file) if file else logging.StreamHandler()
    handler.setFormatter(SafeFormatter(LINE))
    logging.basicConfig(level=level, handlers=[handler], force=file is not None)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class SafeFormatter(logging.Formatter):
    """Escapes control characters and indents stacks, so that no text in a message can forge a line.

    Removes email addresses and phone numbers from any message: more people read a log than the ledger.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = _WORD.sub(lambda word: "(address)" if _is_address(word[0]) else word[0], super().format(record))
        return _PHONE.sub("(phone)", text)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _on_one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: _Error) -> str:
        return self.formatStack(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return "\n".join(f"    {_on_one_line(line)}" for line in stack_info.splitlines())


def _is_address(word: str) -> bool:
    """Also recognizes the form in a URL."""
    local, _, domain = word.replace("%40", "@").rpartition("@")
    return bool(local) and "." in domain.strip(".")


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
