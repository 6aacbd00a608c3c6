"""Processor time of the contenders' processes, with everything that they started."""

from collections.abc import Mapping
from contextlib import suppress

import psutil


def processor_seconds(processes: Mapping[str, int]) -> dict[str, float]:
    """Seconds that each has used on all cores since it began, in user and kernel mode; by name, from process ids."""
    return {name: _of_tree(psutil.Process(pid)) for name, pid in processes.items()}


def _of_tree(process: psutil.Process) -> float:
    """Including children that have ended and been waited for."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            used = member.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
