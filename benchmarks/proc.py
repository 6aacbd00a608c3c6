"""Memory and processor time of a process on this machine, by /proc (Linux)."""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """Its memory that is in RAM now."""
    return _memory(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """The most of its memory that was ever in RAM."""
    return _memory(pid, "VmHWM")


def _memory(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory")


def cpu_seconds(pid: int) -> float:
    """Its CPU time so far, user and system, of all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def quiet(pids: Iterable[int], share: float = 0.15, seconds: float = 3, timeout: float = 1800) -> None:
    """Returns once these processes together use less than ``share`` of a core for ``seconds``."""
    pids = list(pids)
    async with asyncio.timeout(timeout):
        while True:
            began, before = time.perf_counter(), sum(map(cpu_seconds, pids))
            await asyncio.sleep(seconds)
            used = sum(map(cpu_seconds, pids)) - before
            if used < share * (time.perf_counter() - began):
                return
