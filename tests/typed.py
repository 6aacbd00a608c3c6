"""The real command line, in a process of its own, as somebody would type it."""

import asyncio
import sys

from sandbox.stack import ROOT
from tests.bed import Bed


async def typed(bed: Bed, *words: str, **environment: str) -> tuple[int, str]:
    """Exit code and output, both streams together, of ``starter.py`` working on the bed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "starter.py"),
        *words,
        cwd=bed.folder,
        env={**bed.environment, "COLUMNS": "300", "NO_COLOR": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()
