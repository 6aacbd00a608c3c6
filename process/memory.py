"""How much memory this process may use, and how many waiting months of that a worker keeps at hand."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_RUN_BYTES = 128 * 1024  # of 10,000 that wait a worker keeps 76 KB each (docs/performance.md): others have more lines
_LEAST, _MOST = 500, 20_000


def cached_workflows(memory_bytes: int) -> int:
    """As many as fit into a quarter of the memory. One that is not at hand is replayed when it goes on, no more."""
    return min(max(memory_bytes // 4 // _RUN_BYTES, _LEAST), _MOST)


def memory_bytes(root: Path = Path("/")) -> int:
    """The machine's memory, or what the container (cgroup, version 1 or 2) is limited to if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """Those of our own groups and of all that they are in; a container may not see the ones it is in outside."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return  # not Linux
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base, name = (
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes") if controllers else ("sys/fs/cgroup", "memory.max")
        )
        inner = PurePosixPath(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            try:
                yield int((root / base / folder / name).read_text())
            except (OSError, ValueError):  # not ours to see, or "max"
                continue
