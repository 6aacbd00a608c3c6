"""The worker's cache follows the memory it may use."""

import os
from pathlib import Path

import pytest

from process.memory import cached_workflows, memory_bytes

MB = 2**20
MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("memory", "workflows"), [(64 * MB, 500), (512 * MB, 1024), (1024 * MB, 2048), (4096 * MB, 8192), (2**40, 20_000)]
)
def test_a_quarter_of_the_memory_is_for_waiting_months(memory: int, workflows: int) -> None:
    assert cached_workflows(memory) == workflows


@pytest.mark.parametrize(
    ("groups", "limits", "memory"),
    [
        ("0::/\n", {"memory.max": "67108864"}, 64 * MB),
        ("0::/\n", {"memory.max": "max"}, MACHINE),
        ("0::/a.slice/b.scope\n", {"memory.max": "max", "a.slice/memory.max": "1048576"}, MB),
        ("0::/a/b\n", {"a/memory.max": "2097152", "a/b/memory.max": "1048576"}, MB),
        ("5:cpu,cpuacct:/\n4:memory:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": "1048576"}, MB),
        ("4:memory:/docker/unseen\n", {"memory/memory.limit_in_bytes": "1048576"}, MB),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
        ("4:cpu:/\n", {"memory.max": "1048576"}, MACHINE),
    ],
)
def test_a_container_is_limited_to_less_than_the_machine(
    tmp_path: Path, groups: str, limits: dict[str, str], memory: int
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, limit in limits.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit}\n")
    assert memory_bytes(tmp_path) == memory


def test_without_groups_there_is_the_machine(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path) == MACHINE
