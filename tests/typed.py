"""The real command line, in a process of its own, as somebody would type it."""

import asyncio
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

from sandbox.stack.stack import ROOT
from tests.bed import Bed

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["bootstrap", "tests.built_models"])  # half of a command's time


async def typed(bed: Bed, *words: str, **environment: str) -> tuple[int, str]:
    """Exit code and output, both streams together, of ``starter.py`` working on the bed."""
    variables = {**bed.environment, "COLUMNS": "300", "NO_COLOR": "1", **environment}
    return await asyncio.to_thread(run, bed.folder, words, variables)


def run(folder: Path, words: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """The same in any folder."""
    reading, writing = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_starter, args=(writing, folder, words, environment))
    with reading, open(reading.fileno(), "rb", closefd=False) as output:
        with writing:
            process.start()
        text = output.read().decode()
        process.join()
    assert process.exitcode is not None
    return process.exitcode, text


def _starter(output, folder: Path, words: Sequence[str], environment: Mapping[str, str]) -> None:
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    # Python's own streams know whether their first file could be rewound.
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", closefd=False) for stream in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [str(ROOT / "starter.py"), *words]
    runpy.run_path(sys.argv[0], run_name="__main__")
