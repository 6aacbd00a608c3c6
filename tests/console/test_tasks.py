"""The desk's pages of tasks: what departments see there, and what they do; nothing takes effect twice."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from billing.reviewers.users import Role
from billing.tasks.documents import DOCUMENT_MAX_BYTES
from billing.tasks.listing import TaskFilter
from billing.tasks.task import Task
from console.web.security import TASK_FORM_BYTES
from tests.console.paying import Person, ann, desk
from tests.console.people import ALL_DEPARTMENTS, Office, make_user, signed_in_at
from tests.console.reviewing import fields, readable
from tests.contract.task_fixtures import JPEG, PDF, SIGNED, opened

__all__ = ["ann", "desk"]  # fixtures
TASKS = "/desk/tasks"


@asynccontextmanager
async def somebody(
    desk: Office, name: str = "karl", *departments: str, role: Role = Role.STAFF
) -> AsyncIterator[Person]:
    async with signed_in_at(desk.url, desk.ledger, name, role, departments or ("crew",)) as browser:
        yield Person(browser)


async def form(person: Person, path: str, action: str) -> dict[str, Any]:
    found = fields((await person.browser.get(path)).text, f"{path}/{action}")
    assert "csrf" in found, action
    return found


async def send(person: Person, path: str, action: str, status: int = 303, **typed: Any) -> str:
    return await person.post(f"{path}/{action}", await form(person, path, action) | typed, status)


async def kept(desk: Office, task: Task) -> Task:
    found = await desk.ledger.task(task.number)
    assert found is not None
    return found


async def test_staff_see_their_tasks_and_nothing_of_money(desk: Office) -> None:
    task = await opened(desk.ledger)
    other = await opened(desk.ledger, "other", department="warehouse", values={"title": "Pack a router"})
    async with somebody(desk) as karl:
        assert (await karl.browser.get("/")).headers["location"] == "/desk"
        assert (await karl.browser.get("/desk")).headers["location"] == TASKS
        page = await karl.page(TASKS)
        assert "Install the equipment" in page
        assert "Pack a router" not in page
        assert "Pack a router" not in await karl.page(TASKS, view="all", department="warehouse")
        for word in ("Invoices", "Money", "Audit", "Brake"):
            assert word not in page
        assert "Acme" in await karl.page(f"{TASKS}/{task.number}")
        assert "another department's" in await karl.page(f"{TASKS}/{other.number}", 403)
        for path in ("/desk/money", "/desk/2026-11", "/desk/orders", "/desk/subscribers", "/desk/audit", "/desk/brake"):
            assert (await karl.browser.get(path)).status_code == 403, path
        assert (await karl.browser.post("/logout", data={})).status_code == 303


async def test_a_task_is_claimed_completed_with_its_form_and_gone_from_the_list(desk: Office) -> None:
    task = await opened(desk.ledger)
    path = f"{TASKS}/{task.number}"
    async with somebody(desk) as karl, somebody(desk, "kate") as kate:
        claim = await form(karl, path, "claim")
        for _ in range(2):
            assert "yours" in await karl.post(f"{path}/claim", claim)
        assert "karl has it" in await kate.post(f"{path}/claim", {}, 409)
        assert "Mine 1" in await karl.page(TASKS)
        typed = {"field-serials": "<b>A1</b>\nA2", "field-fee": "x"}
        refused = await karl.post(f"{path}/complete", await form(karl, path, "complete") | typed, 409)
        assert "The form is not whole yet" in refused
        assert "'x' is not" in refused or "not an amount" in refused
        again = (await karl.browser.post(f"{path}/complete", data=await form(karl, path, "complete") | typed)).text
        assert "&lt;b&gt;A1&lt;/b&gt;\nA2</textarea>" in again, "what was typed is kept"
        assert 'value="x"' in again
        whole = await form(karl, path, "complete") | typed | {"field-fee": "12.50", "reason": "done"}
        for _ in range(2):
            assert f"Task {task.number} has ended" in await karl.post(f"{path}/complete", whole)
        shown = await karl.page(path)
        assert "<b>A1</b>, A2" in shown
        assert "12.50 EUR" in shown
        assert "was ended by karl as done" in await karl.post(f"{path}/complete", whole | {"field-fee": "13"}, 409)
    end = (await kept(desk, task)).end
    assert end is not None
    assert end.answers == {"serials": ("<b>A1</b>", "A2"), "fee": 1250}


async def test_files_are_kept_when_a_form_is_refused_and_are_downloaded_safely(desk: Office) -> None:
    task = await opened(desk.ledger, form=(SIGNED.evolve(required=True),))
    path = f"{TASKS}/{task.number}"
    async with somebody(desk) as karl:
        typed = await form(karl, path, "complete")
        bad = {"file-signed": ("a.exe", b"MZ\x90", "application/pdf")}
        answer = await karl.browser.post(f"{path}/complete", data=typed, files=bad)
        assert answer.status_code == 409
        assert "A.exe is no PDF" in readable(answer.text)
        for _ in range(2):
            good = {"file-signed": ("../Ann's <contract>.pdf", PDF, "text/html")}
            answer = await karl.browser.post(f"{path}/files", data=typed | {"reason": "soon"}, files=good)
            assert answer.status_code == 200
            assert 'value="soon"' in answer.text
        (found,) = set(re.findall(rf"{path}/files/[0-9a-f]{{64}}", answer.text))
        file = await karl.browser.get(found)
        assert file.content == PDF
        assert file.headers["content-type"] == "application/pdf"
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''Ann%27s%20contract.pdf"
        assert "sandbox" in file.headers["content-security-policy"]
        assert (await karl.browser.get(f"{path}/files/{'0' * 64}")).status_code == 404
        async with somebody(desk, "wes", "warehouse") as wes:
            assert (await wes.browser.get(found)).status_code == 403
        await karl.post(f"{found}/remove", typed)
        assert "Upload the document" in await karl.post(f"{path}/complete", typed, 409)
        for _ in range(2):
            answer = await karl.browser.post(f"{path}/complete", data=typed, files={"file-signed": ("c.pdf", PDF)})
            assert answer.status_code == 303
    assert (await kept(desk, task)).end is not None


async def test_a_document_that_is_too_large_is_refused_while_it_is_read(desk: Office) -> None:
    task = await opened(desk.ledger)
    path = f"{TASKS}/{task.number}/files"
    most = DOCUMENT_MAX_BYTES + TASK_FORM_BYTES

    async def endless() -> AsyncIterator[bytes]:
        """Does not say how long it is."""
        yield b'--x\r\nContent-Disposition: form-data; name="file-photo"; filename="a.jpg"\r\n\r\n' + JPEG
        for _ in range(2 * most // 1_000_000):
            yield b"0" * 1_000_000

    async with somebody(desk) as karl:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await karl.browser.post(path, content=endless(), headers=headers)
        assert answer.status_code == 413
        answer = await karl.browser.post(path, content=b"0" * (most + 1), headers=headers)
        assert answer.status_code == 413
        assert "a smaller file" in readable(answer.text)
        large = JPEG + b"0" * DOCUMENT_MAX_BYTES
        answer = await karl.browser.post(path, files={"file-photo": ("a.jpg", large)})
        assert answer.status_code == 409
        assert "A.jpg: the file has 10.0 MB; at most 10 MB are taken: send a smaller one" in readable(answer.text)
    assert await desk.ledger.documents(task.number) == []


async def test_a_task_is_returned_with_a_reason_and_handed_over_once(desk: Office) -> None:
    first, second = await opened(desk.ledger), await opened(desk.ledger, "second")
    path = f"{TASKS}/{first.number}"
    await make_user(desk.ledger, "kate", Role.STAFF, departments=("crew",))
    async with somebody(desk) as karl:
        await send(karl, path, "claim")
        handing = await form(karl, path, "hand-over") | {"to": "kate", "reason": "on leave"}
        assert "say why" in (await karl.post(f"{path}/hand-over", handing | {"reason": " "}, 409)).lower()
        for _ in range(2):
            assert "kate has it" in await karl.post(f"{path}/hand-over", handing)
        assert "Handed over to kate by karl on leave" in await karl.page(path)
        await send(karl, path, "hand-over", to="karl", reason="back")
        await karl.post(f"{path}/hand-over", handing)  # the old form once more
        assert (await kept(desk, first)).owner == "karl"
        other = f"{TASKS}/{second.number}"
        returning = await form(karl, other, "return") | {"to_step": "equipment", "reason": "no port"}
        for _ in range(2):
            await karl.post(f"{other}/return", returning)
        assert "Returned to Equipment" in await karl.page(other)


async def test_many_are_assigned_at_once_and_those_that_cannot_be_are_named(desk: Office, ann: Person) -> None:
    tasks = [await opened(desk.ledger, str(place)) for place in range(3)]
    await make_user(desk.ledger, "karl", Role.STAFF, departments=("crew",))
    ticked = {"row": [str(task.number) for task in tasks[:2]], "owner": "karl"}
    given = fields((await ann.browser.get(TASKS)).text, f"{TASKS}/-/assign")
    assert "tick the tasks" in await ann.post(f"{TASKS}/-/assign", given | {"owner": "karl"}, 409)
    for _ in range(2):
        assert "Assigned to karl" in await ann.post(f"{TASKS}/-/assign", given | ticked)
    assert len(await desk.ledger.tasks(TaskFilter(owner="karl"))) == 2
    await make_user(desk.ledger, "kate", Role.STAFF, departments=("crew",))
    given = fields((await ann.browser.get(TASKS)).text, f"{TASKS}/-/assign")
    refused = await ann.post(f"{TASKS}/-/assign", given | {"row": [str(t.number) for t in tasks], "owner": "kate"}, 409)
    assert "1 assigned, 2 not" in refused
    assert "karl's; hand it over" in refused


async def test_who_belongs_to_no_department_sees_and_does_nothing_but_an_administrator_does_all(desk: Office) -> None:
    task = await opened(desk.ledger)
    path = f"{TASKS}/{task.number}"
    async with signed_in_at(desk.url, desk.ledger, "vic", Role.VIEWER, ()) as browser:
        vic = Person(browser)
        assert "Install the equipment" in await vic.page(TASKS)
        assert "they do it" in await vic.page(path)
        assert "is for crew, and vic belongs to no department" in await vic.post(f"{path}/claim", {}, 409)
    async with signed_in_at(desk.url, desk.ledger, "carol", Role.ADMINISTRATOR, ()) as browser:
        carol = Person(browser)
        assert "All departments 1" in await carol.page(TASKS)
        await carol.post(f"{path}/complete", await form(carol, path, "complete") | {"field-serials": "A1"})
    assert (await kept(desk, task)).end is not None


async def test_pages_go_on_after_the_last_task(desk: Office, ann: Person) -> None:
    for place in range(101):
        await opened(desk.ledger, str(place))
    page = (await ann.browser.get(TASKS)).text
    (following,) = re.findall(r'rel="next" href="([^"]*)"', page)
    assert page.count('<th scope="row">') == 100
    rest = (await ann.browser.get(following.replace("&amp;", "&"))).text
    assert rest.count('<th scope="row">') == 1
    assert "There is no such task" in await ann.page(TASKS, 404, after="open_x")


@pytest.mark.parametrize("department", ALL_DEPARTMENTS)
async def test_each_department_has_its_list(desk: Office, ann: Person, department: str) -> None:
    await opened(desk.ledger, department=department)
    assert "Install the equipment" in await ann.page(TASKS, view="departments", department=department)
