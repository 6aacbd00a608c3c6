"""An answer that a text repeats is sent in many segments only if somebody has read how many they are."""

import pytest

from tests.console.paying import Person
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, databases, desk, ledger, url
from tests.contract.procedure_fixtures import without_limit
from tests.service_ordering import LATER, connected, request, task_of

__all__ = ["ann", "databases", "desk", "ledger", "url"]  # fixtures
TASKS = "/desk/tasks"
LONG = "Мы заменили кабель, и всё снова работает. " * 2


@pytest.fixture
async def page(desk: Office) -> str:
    """Of the task that asks for the answer."""
    account = await connected(desk.ledger)
    values = {"category": "No connection", "text": "The lamp is red"}
    wanted = request("80", procedure="request", account=account, buyer=None, subscriber=None, values=values)
    await desk.ledger.open_service_order(wanted, without_limit(), LATER)
    return f"{TASKS}/{(await task_of(desk.ledger, '80')).number}"


async def answer(ann: Person, page: str, text: str, status: int = 409, **typed: str) -> str:
    form = fields((await ann.browser.get(page)).text, f"{page}/complete")
    return await ann.post(f"{page}/complete", form | {"field-answer": text, "outcome": "done"} | typed, status)


async def test_what_fits_into_one_segment_is_sent_without_a_question(ann: Person, page: str) -> None:
    assert "The customer is told this by text." in await ann.page(page)
    await answer(ann, page, "A cable was cut; it works again", 303)
    assert "A cable was cut; it works again" in await ann.page(page)


async def test_of_more_segments_the_form_says_how_many_and_done_once_more_sends_it(ann: Person, page: str) -> None:
    said = await answer(ann, page, LONG)
    assert "texted the answer in 2 segments, and each costs money: shorten it, or press Done again" in said
    assert "The customer is told this by text, in 2 segments." in said
    assert "in 4 segments" in await answer(ann, page, LONG * 2, segments="2"), "that many nobody has read of"
    await answer(ann, page, LONG * 2, 303, segments="4")


async def test_an_answer_of_more_than_ten_segments_is_refused(desk: Office, ann: Person, page: str) -> None:
    said = await answer(ann, page, "😀" * 500, segments="16")
    assert "segments; shorten it to 10 at most" in said
    assert "write at most 500" in await answer(ann, page, "a" * 501)
    assert (await task_of(desk.ledger, "80")).end is None
