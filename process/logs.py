"""What our processes log, and how: a line for each message, without anybody's address; one place for all of them."""

import logging
import re
from pathlib import Path
from types import TracebackType
from typing import Final

LINE: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TALKATIVE: Final = ("apprise", "google", "httpcore", "httpx", "stripe")  # a line for each request, and what is in it
_WORD: Final = re.compile(r"[^\s<>()\[\]{}\"',;:=&/?]+")

_Error = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(level: str, file: Path | None = None) -> None:
    """The process logs from here on: to stderr, or to ``file`` only; libraries just what is wrong."""
    handler = logging.FileHandler(file) if file else logging.StreamHandler()
    handler.setFormatter(SafeFormatter(LINE))
    logging.basicConfig(level=level, handlers=[handler], force=file is not None)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class SafeFormatter(logging.Formatter):
    """Nobody who can put a text into a message forges a line: control characters are escaped, stacks are indented.

    Email addresses are left out, whoever wrote them into the message: a log is read by more people than the ledger.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _WORD.sub(lambda word: "(address)" if _is_address(word[0]) else word[0], super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _on_one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: _Error) -> str:
        return self.formatStack(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return "\n".join(f"    {_on_one_line(line)}" for line in stack_info.splitlines())


def _is_address(word: str) -> bool:
    """Also as it is written in the address of a page."""
    local, _, domain = word.replace("%40", "@").rpartition("@")
    return bool(local) and "." in domain.strip(".")


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
