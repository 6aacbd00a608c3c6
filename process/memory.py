"""The memory limit of this process, and the number of workflows that a worker caches."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_RUN_BYTES = 128 * 1024  # 76 KB measured for 10,000 waiting months (docs/performance.md); others have more lines
_LEAST, _MOST = 500, 20_000


def cached_workflows(memory_bytes: int) -> int:
    """The workflows that fit into a quarter of the memory. One that is not cached is replayed when it continues."""
    return min(max(memory_bytes // 4 // _RUN_BYTES, _LEAST), _MOST)


def memory_bytes(root: Path = Path("/")) -> int:
    """The machine's memory, or the container's limit (cgroup, version 1 or 2) if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """The limits of our own groups and of their parents; a container may not see its outer ones."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return  # not Linux
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        version_1 = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        base, name = version_1 if controllers else ("sys/fs/cgroup", "memory.max")
        inner = PurePosixPath(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            try:
                yield int((root / base / folder / name).read_text())
            except (OSError, ValueError):  # not visible, or "max"
                continue
