"""Logging of all processes: one line for each message, without email addresses and phone numbers."""

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

LINE: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TALKATIVE: Final = ("apprise", "google", "httpcore", "httpx", "stripe")  # they log every request with its data
_OF_EFFECTS: Final = ("effect", "customer", "about")  # as services/effects.py names them
_OF_RUNS: Final = {"workflow": "workflow_id", "run": "workflow_run_id", "attempt": "attempt"}
_WORD: Final = re.compile(r"[^\s<>()\[\]{}\"',;:=&/?]+")
_PHONE: Final = re.compile(r"(?<!\w)(\+|%2B)[1-9][0-9]{6,14}(?![0-9])")

_Error = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(level: str, file: Path | None = None, form: Literal["text", "json"] = "text") -> None:
    """Starts logging to stderr, or to ``file`` only; talkative libraries log warnings only."""
    handler = logging.FileHandler(file) if file else logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else SafeFormatter(LINE))
    logging.basicConfig(level=level, handlers=[handler], force=file is not None)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class SafeFormatter(logging.Formatter):
    """Escapes control characters and indents stacks, so that no text in a message can forge a line.

    Removes email addresses and phone numbers from any message: more people read a log than the ledger.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _impersonal(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _on_one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: _Error) -> str:
        return self.formatStack(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return "\n".join(f"    {_on_one_line(line)}" for line in stack_info.splitlines())


class JsonFormatter(logging.Formatter):
    """A JSON object a line, in ASCII, as free of addresses and phone numbers as ``SafeFormatter``.

    ``at``, ``level``, ``logger``, ``message``; of an outside effect ``effect``, ``customer`` and ``about``; within an
    activity or workflow ``workflow``, ``run`` and ``attempt``; ``error`` with its stack.
    """

    def format(self, record: logging.LogRecord) -> str:
        info = getattr(record, "temporal_activity", None) or getattr(record, "temporal_workflow", None) or {}
        error = self.formatException(record.exc_info) if record.exc_info else record.stack_info
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage().removesuffix(f" ({info})"),
            **{name: getattr(record, name, None) for name in _OF_EFFECTS},
            **{name: info.get(key) for name, key in _OF_RUNS.items()},
            "error": error,
        }
        return json.dumps({name: _shown(value) for name, value in fields.items() if value not in (None, "")})


def _shown(value: object) -> object:
    return value if isinstance(value, int) else _impersonal(str(value))


def _impersonal(text: str) -> str:
    text = _WORD.sub(lambda word: "(address)" if _is_address(word[0]) else word[0], text)
    return _PHONE.sub("(phone)", text)


def _is_address(word: str) -> bool:
    """Also recognizes the form in a URL."""
    local, _, domain = word.replace("%40", "@").rpartition("@")
    return bool(local) and "." in domain.strip(".")


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
