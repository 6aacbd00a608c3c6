"""The production worker, which stalls in a workflow's thread where ``put_stall`` says so."""

import argparse
import re
from datetime import timedelta
from pathlib import Path
from unittest import mock

import worker
from process import shutdown as ending
from sandbox.chaos import stalls


def freeze(seconds: float) -> None:
    """Holds the interpreter's lock for ever: no Python code runs any more."""
    re.match("(a+)+$", "a" * 80 + "b")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--grace", type=float, default=30)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--freezes", action="store_true")
    options = parser.parse_args()
    ending._KEPT = ending._FROZEN = timedelta(seconds=options.patience)
    ending._LOOK = timedelta(seconds=0.5)
    ending.GRACE = timedelta(seconds=options.grace)
    if options.freezes:
        mock.patch.object(stalls, "sleep", freeze).start()
    with mock.patch.object(worker, "GRACE", ending.GRACE), stalls.stalls_from(options.folder):
        worker.run()


if __name__ == "__main__":
    main()
