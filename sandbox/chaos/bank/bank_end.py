"""The end of a run for the bank: it gets its last answers, and sends its registers and statements.

In each register a payment is missing that we have, and one is there that we never heard of. The statements come when
all is over: they repeat what the app has told, some of it net of commission in one sum.
"""

from collections import Counter
from typing import Any

from sandbox.stand_ins.control import control
from sandbox.timeline import until
from settings import Settings

_SECONDS = 120.0


class BankEnd:
    """``wrong`` is what does not come to an end, or was not told."""

    def __init__(self, settings: Settings) -> None:
        self.wrong: list[str] = []
        self.done: Counter[str] = Counter()
        self._port = settings.sandbox_bank_port

    async def come(self) -> None:
        """Nothing breaks any more."""
        try:
            await until(self._is_answered, _SECONDS)
        except TimeoutError:
            self.wrong.append("the bank still waits for final answers")

    async def _is_answered(self) -> bool:
        return not (await self._book())["busy"]

    async def _book(self) -> dict[str, Any]:
        book: dict[str, Any] = await control(self._port, "payments", method="GET")
        return book
