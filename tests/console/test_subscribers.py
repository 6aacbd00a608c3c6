"""The desk's pages of service accounts and tasks: what people see there, and what they do."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from billing.collections.promise import Promise
from billing.reviewers.users import Role
from billing.subscribers.service import ServiceState
from tests.console.paying import LATE, Person, ann, desk, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.service_fixtures import NUMBER, OTHER, WHY, payment, subscribe
from tests.contract.test_ledger_collections import OWED
from tests.unit.test_account_numbers import PERSONAL

__all__ = ["ann", "desk"]  # fixtures
LIST, REGISTER = "/desk/subscribers", "/desk/subscribers/-/register"
ACCOUNT, TASKS = f"/desk/subscribers/{NUMBER}", "/desk/tasks"
TYPED = {"customer": "acme", "number": OTHER, "phone": "+7 701 123 45 67", "address": "<b>Abay</b> 1", "reason": "17"}


async def form(ann: Person, path: str, action: str) -> dict[str, str]:
    found = fields((await ann.browser.get(path)).text, action)
    assert "csrf" in found, action
    return found


async def suspended(desk: Office) -> None:
    await subscribe(desk.ledger)
    await desk.ledger.restrict("acme", ServiceState.SUSPENDED, "rung 14", LATE, *WHY)


async def test_an_account_is_registered_by_a_form_once_and_what_is_wrong_is_kept(desk: Office, ann: Person) -> None:
    assert "There is no service account yet" in await ann.page(LIST)
    given = await form(ann, LIST, REGISTER) | TYPED
    wrong = await ann.post(REGISTER, given | {"number": "2000007"}, 409)
    assert "2000007 is mistyped" in wrong
    assert "say why" in (await ann.post(REGISTER, given | {"reason": " "}, 409)).lower()
    for _ in range(2):
        page = await ann.post(REGISTER, given)
        assert f"{OTHER} Ordered" in page
        assert "+77011234567 · <b>Abay</b> 1" in page
    assert len(await desk.ledger.services_of("acme")) == 1
    assert f"{OTHER} " in await ann.page(LIST, search="701123")
    assert "No account matches" in await ann.page(LIST, state="limited")
    assert f"{OTHER} " in await ann.page(LIST, state="nonsense", page="0")


async def test_a_personal_number_is_kept_by_its_last_digits_and_not_shown_again(desk: Office, ann: Person) -> None:
    given = await form(ann, LIST, REGISTER) | TYPED
    for typed in ({"personal_number": "900101300008"}, {"personal_number": PERSONAL, "number": "2000007"}):
        answer = await ann.browser.post(REGISTER, data=given | typed)
        assert answer.status_code == 409
        assert "9001013" not in answer.text
        assert "Type it again: 12 digits" in answer.text
    assert await desk.ledger.personal_number("acme") is None
    await ann.post(REGISTER, given | {"personal_number": PERSONAL})
    kept = await desk.ledger.personal_number("acme")
    assert kept is not None
    assert (kept.last_four, kept.by) == ("0007", "ann")
    assert PERSONAL not in (await ann.browser.get(f"{LIST}/{OTHER}")).text


async def test_the_page_of_an_account_says_why_and_offers_what_can_be_done(desk: Office, ann: Person) -> None:
    await suspended(desk)
    page = await ann.page(ACCOUNT)
    for words in ("Suspended Not paid, since", "not paid for 14 days", "Provisioning: waiting"):
        assert words in page
    (own,) = re.findall(r"http://127\S+/p/\S+", page)
    assert (await ann.browser.get(urlsplit(own).path)).status_code in (200, 303), "it can be read out"
    restored = await ann.post(f"{ACCOUNT}/restore", await form(ann, ACCOUNT, f"{ACCOUNT}/restore") | {"reason": "ours"})
    assert "Active On request" in restored
    again = await form(ann, ACCOUNT, f"{ACCOUNT}/close") | {"reason": "too late"}
    refused = await ann.post(f"{ACCOUNT}/restore", again, 409)
    assert f"Account {NUMBER} is active: suspend or close it" in refused
    await ann.post(f"{ACCOUNT}/close", again)
    assert "Disconnected" in await ann.page(ACCOUNT)
    await ann.page(f"{LIST}/2000007", 404)


async def test_the_page_of_an_account_says_what_was_promised(desk: Office, ann: Person) -> None:
    await suspended(desk)
    promise = Promise.given("Ann Smith", LATE, LATE.date() + timedelta(days=3), "Europe/Paris", (NOVEMBER,))
    await desk.ledger.record_collection(OWED.evolve(promise=promise), LATE)
    page = await ann.page(ACCOUNT)
    assert f"Ann Smith has promised payment by {promise.until}. What is collected" in page


async def test_a_viewer_sees_and_changes_nothing(desk: Office) -> None:
    await suspended(desk)
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        page = (await vic.browser.get(ACCOUNT)).text
        assert "<form method" not in page.partition("<main")[2]
        assert "/p/" not in page, "whoever has that address may promise and write for the customer"
        csrf = fields(page, "/logout")
        assert (await vic.browser.post(f"{ACCOUNT}/restore", data=csrf | {"reason": "x"})).status_code == 403
        assert (await vic.browser.post(REGISTER, data=csrf | TYPED)).status_code == 403
    assert (await desk.ledger.services_of("acme"))[0].state is ServiceState.SUSPENDED


async def test_a_task_is_completed_once_and_one_that_has_ended_by_itself_is_refused(desk: Office, ann: Person) -> None:
    assert "There is nothing to do" in await ann.page(TASKS)
    await suspended(desk)
    (task,) = await desk.ledger.ask_to_disconnect("acme", "rung 30", LATE, LATE + timedelta(days=3))
    page = await ann.page(TASKS, kind="disconnect")
    assert f"Disconnect account {NUMBER}" in page
    path = f"{TASKS}/{task.number}"
    given = await form(ann, path, f"{path}/complete") | {"reason": "cut at the box", "outcome": "done"}
    assert "say why" in (await ann.post(f"{path}/complete", given | {"reason": ""}, 409)).lower()
    await desk.ledger.book(payment(5000), LATE)
    assert "nothing is overdue any more" in await ann.post(f"{path}/complete", given, 409)
    assert "Needless by the application" in await ann.page(path)
    assert "Needless" in await ann.page(TASKS, ended="1")
    assert "There is no such task" in await ann.post(f"{TASKS}/9x/complete", given, 404)


async def test_whoever_notes_that_an_account_is_disconnected_has_it_disconnected(desk: Office, ann: Person) -> None:
    await suspended(desk)
    (task,) = await desk.ledger.ask_to_disconnect("acme", "rung 30", LATE, LATE)
    path = f"{TASKS}/{task.number}"
    given = await form(ann, path, f"{path}/complete") | {"reason": "cut at the box", "outcome": "done"}
    for _ in range(2):
        assert "There is nothing to do" in await ann.post(f"{path}/complete", given)
    assert "Disconnected Ended" in await ann.page(ACCOUNT)
