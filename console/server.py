"""uvicorn's server without its signal handling: whoever runs it decides when it stops."""

import contextlib
from collections.abc import Iterator

import uvicorn


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Answers what has been asked, then ends."""
        self.should_exit = True
