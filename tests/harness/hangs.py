"""Not run by itself: test_limits.py runs each of these tests in a pytest of its own. All but the first hang."""

import asyncio
import re
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio


async def answers_never() -> None:
    await asyncio.sleep(3600)


@asynccontextmanager
async def never_opens() -> AsyncIterator[None]:
    await answers_never()
    yield


@pytest.fixture
async def opens_never() -> AsyncIterator[None]:
    async with never_opens():
        yield


@pytest.fixture
async def closes_never() -> AsyncIterator[None]:
    yield
    await answers_never()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served_for_ever() -> AsyncIterator[None]:
    yield
    await answers_never()


@pytest.fixture
def a_child() -> Iterator[None]:
    with subprocess.Popen(["sleep", "3600"]) as child:
        print(f"child {child.pid}")
        yield


def test_passes() -> None:
    pass


async def test_in_a_task() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(answers_never(), name="asks for ever")


def test_in_a_system_call() -> None:
    time.sleep(3600)


def test_holding_the_interpreter() -> None:
    re.match("(a+)+$", "a" * 64 + "b")


async def test_whatever_is_raised() -> None:
    while True:
        with suppress(BaseException):
            await answers_never()


async def test_in_the_setup(opens_never: None) -> None:
    pass


async def test_in_the_teardown_after_a_failure(closes_never: None) -> None:
    raise AssertionError("failed before it hung")


async def test_at_the_end_of_the_session(served_for_ever: None) -> None:
    pass


def test_with_a_child(a_child: None) -> None:
    pass


def test_as_a_thread_that_outlives_all_tests() -> None:
    threading.Thread(target=time.sleep, args=[3600], name="outlives").start()
