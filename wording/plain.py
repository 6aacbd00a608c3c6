"""Words that need no locale: stages, distances in time, and typed text as one clean line."""

import re
from datetime import datetime, timedelta
from functools import cache

_WORD_BEGINS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@cache
def stage_words(stage: str) -> str:
    """The stage of a month or collection in words: ``Awaiting approval`` for ``AwaitingApproval``."""
    return _WORD_BEGINS.sub(" ", stage).capitalize()


def relative(instant: datetime, now: datetime, whole_from_days: int | None = None) -> str:
    """``in 3 d 4 h``, ``12 min ago``, ``now``: the two largest units; from ``whole_from_days`` on, days only."""
    minutes = abs(instant - now) // timedelta(minutes=1)
    hours, days = minutes // 60, minutes // (24 * 60)
    if days:
        is_whole = hours % 24 == 0 or (whole_from_days is not None and days >= whole_from_days)
        words = f"{days} d" if is_whole else f"{days} d {hours % 24} h"
    elif hours:
        words = f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    elif minutes:
        words = f"{minutes} min"
    else:
        return "now"
    return f"in {words}" if instant > now else f"{words} ago"


def one_line(text: str) -> str:
    """Typed text as one line, without control, bidirectional and other invisible characters: it cannot pose as ours.

    The replacement character, which stands for one that could not be stored, goes too.
    """
    return " ".join("".join(char if char.isprintable() and char != "\ufffd" else " " for char in text).split())
