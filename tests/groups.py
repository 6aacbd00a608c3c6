"""How ``--dist loadgroup`` hands out tests: those of a file that pyproject.toml names ``together`` to one worker.

They share what takes up to a minute to make, and come first. All others go one by one to whoever is free. xdist's own
schedulers do not see the groups of this pytest, run a test that ends its worker on the next one, too, and leave the one
that comes instead without work.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

_AHEAD = 3
"""How many tests a worker has at least: it begins one once it knows the next."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("together", "files each of whose tests run on one worker", type="linelist")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "Groups | None":
    return Groups(config, log) if config.getvalue("dist") == "loadgroup" else None


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in self.config.getini("together") else nodeid

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        self._forget(node, self.registered_collections[node][item_index])

    def remove_node(self, node: WorkerController) -> str | None:
        """Answers the test that the worker has not survived, which is not tried again."""
        waiting = (test for unit in self.assigned_work[node].values() for test, done in unit.items() if not done)
        ended = next(waiting, None)
        if ended:
            self.assigned_work[node][self._split_scope(ended)][ended] = True
            self._forget(node, ended)
        super().remove_node(node)
        return ended

    def _forget(self, node: WorkerController, test: str) -> None:
        """Its group, once that is done: what is done would be handed out again with what is not."""
        scope = self._split_scope(test)
        if all(self.assigned_work[node][scope].values()):
            del self.assigned_work[node][scope]

    def _reschedule(self, node: WorkerController) -> None:
        if node not in self.registered_collections:
            return  # it has yet to collect
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < _AHEAD:
            self._assign_work_unit(node)
        if not self.workqueue:
            super()._reschedule(node)  # it ends, once it has done what it has
