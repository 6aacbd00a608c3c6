"""What stops a month or a collection, in words."""

from billing.progress import Stop


def text_of(stop: Stop | None) -> str:
    """The words; empty if nothing does."""
    return stop.text if stop else ""
