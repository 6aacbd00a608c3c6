"""Documents of tasks: known by their first bytes, kept once, read back whole, erased with the person."""

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import FormRefused, InvalidInput
from billing.invoices.stages import Stage
from billing.tasks.documents import MediaType, NewDocument
from billing.tasks.listing import TaskFilter
from billing.tasks.task import Completion
from tests.contract.erase_fixtures import closed_month, dump
from tests.contract.ledger_fixtures import AT, LATER, read
from tests.contract.task_fixtures import DONE, JPEG, KARL, KATE, PDF, PHOTO, PNG, SERIALS, SIGNED, WEBP, WES, opened


async def test_a_document_is_kept_once_and_read_back_as_it_was(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    for _ in range(2):
        kept = await ledger.add_document(task.number, KARL, NewDocument("signed", "C:\\papers\\contract.pdf", PDF), AT)
        assert (kept.name, kept.media_type, kept.size) == ("contract.pdf", MediaType.PDF, len(PDF))
    assert await ledger.documents(task.number) == [kept]
    stored = await ledger.document(task.number, kept.digest)
    assert stored is not None
    assert stored == (kept, PDF)
    assert await ledger.document(task.number, "f" * 64) is None
    assert await ledger.document(task.number + 1, kept.digest) is None
    for _ in range(2):
        await ledger.remove_document(task.number, KARL, kept.digest)
    assert await ledger.documents(task.number) == []


@pytest.mark.parametrize(
    ("field", "content", "why"),
    [
        ("signed", b"MZ\x90\x00", "is no PDF, JPEG, PNG or WebP file"),
        ("signed", b"", "is no PDF"),
        ("signed", b"<html>%PDF-1.7", "is no PDF"),
        ("signed", b"RIFF\x10\x00\x00\x00WAVEfmt ", "is no PDF"),
        ("photo", PDF, "is no photo"),
        ("serials", PDF, "'serials' is no field for files; task [0-9]+ takes signed, photo"),
        ("colour", PDF, "'colour' is no field for files"),
    ],
)
async def test_a_false_file_is_refused_by_a_line(ledger: SqlLedger, field: str, content: bytes, why: str) -> None:
    task = await opened(ledger)
    with pytest.raises(InvalidInput, match=why):
        await ledger.add_document(task.number, KARL, NewDocument(field, "contract.pdf", content), AT)
    assert await ledger.documents(task.number) == []


async def test_files_are_for_the_department_while_the_task_is_open_and_no_more_than_fit(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    with pytest.raises(InvalidInput, match="is for crew"):
        await ledger.add_document(task.number, WES, NewDocument("photo", "a", PNG), AT)
    for content in (JPEG, PNG, PNG):
        await ledger.add_document(task.number, KATE, NewDocument("photo", "a", content), AT)
    with pytest.raises(InvalidInput, match="photo has 2 files, the most that fit"):
        await ledger.add_document(task.number, KARL, NewDocument("photo", "a", WEBP), AT)
    await ledger.complete_task(task.number, KARL, DONE, AT)
    again = await ledger.add_document(task.number, KARL, NewDocument("photo", "a", PNG), LATER)
    assert again in await ledger.documents(task.number), "a form is sent again whose answer was lost"
    with pytest.raises(InvalidInput, match="has ended; its files stay"):
        await ledger.add_document(task.number, KARL, NewDocument("signed", "a", PDF), LATER)
    with pytest.raises(InvalidInput, match="has ended; its files stay"):
        await ledger.remove_document(task.number, KARL, NewDocument("photo", "a", PNG).digest)


async def test_a_document_that_is_required_is_waited_for_and_is_part_of_the_answers(ledger: SqlLedger) -> None:
    task = await opened(ledger, form=(SERIALS, SIGNED.evolve(required=True), PHOTO))
    with pytest.raises(FormRefused, match=r"^signed: upload the document$"):
        await ledger.complete_task(task.number, KARL, DONE, AT)
    kept = await ledger.add_document(task.number, KARL, NewDocument("signed", "a.pdf", PDF), AT)
    done = await ledger.complete_task(task.number, KARL, DONE, AT)
    assert done.end is not None
    assert done.end.answers == {"serials": ("A1", "A2"), "signed": (kept.digest,)}
    with pytest.raises(FormRefused, match="its name is not enough"):
        await ledger.complete_task(task.number, KARL, Completion(typed={"signed": "a.pdf"}), AT)


async def test_documents_answers_and_reasons_are_erased_with_the_person(ledger: SqlLedger, url: str) -> None:
    await ledger.record(closed_month(Stage.PAID), AT)
    task = await opened(ledger, customer_id="c77")
    await ledger.add_document(task.number, KARL, NewDocument("signed", "rosa-diaz.pdf", PDF), AT)
    await ledger.claim_task(task.number, KARL, AT)
    await ledger.hand_over_task(task.number, KARL, None, "rosa's dog bites", AT)
    typed = {"serials": "A1 rosas-aunt"}
    await ledger.complete_task(task.number, KARL, Completion(typed=typed, reason="rosa was there"), AT)
    await ledger.settle("c77", "ann", "paid in cash", LATER)
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows
    assert read(url, "SELECT count(*) FROM documents") == [(0,)]
    written = dump(url)
    for words in ("rosa-diaz.pdf", "rosas-aunt", "dog", "was there"):
        assert words not in written
    (kept,) = await ledger.tasks(TaskFilter(open_only=False, customer_id="c77"))
    assert kept.end is not None
    assert kept.end.answers == {}
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows == 0
