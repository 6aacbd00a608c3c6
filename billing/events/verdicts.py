"""What a system of the company's own answers to a signed call: that it has taken it, or that it refuses."""

from billing.model import Model, Words

ANSWER_MAX = 1000


class Verdict(Model):
    """``text`` is the answer."""

    accepted: bool
    text: Words


def answer_text(text: str) -> str:
    """An answer as it is kept: up to ``ANSWER_MAX`` characters, without control and other invisible ones."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * ANSWER_MAX]).split())
    return line if len(line) <= ANSWER_MAX else f"{line[: ANSWER_MAX - 1]}…"
