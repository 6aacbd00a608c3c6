"""The desk's pages of procedures: a list, and each as a picture and a table."""

from tests.console.paying import Person, ann, desk

__all__ = ["ann", "desk"]  # fixtures
LIST = "/desk/procedures"


async def test_procedures_are_listed_with_their_departments(ann: Person) -> None:
    page = await ann.page(LIST)
    for words in ("connect Connect a subscriber", "operator, warehouse, crew", "request Answer a request"):
        assert words in page
    assert "Procedures" in await ann.page("/desk/orders")


async def test_a_procedure_is_a_picture_and_a_table(ann: Person) -> None:
    page = await ann.page(f"{LIST}/connect")
    for words in (
        "It can be cancelled up to Announce the visit. Later: the crew is on its way",
        "Connection: 5000.00 KZT or 10.00 EUR",
        "Put the reserved equipment back",
        "possible: no: tell_impossible",
    ):
        assert words in page
    source = (await ann.browser.get(f"{LIST}/connect")).text
    assert '<title id="title-connect">Connect a subscriber</title>' in source
    assert "<style" not in source  # the desk takes styles from its own files alone


async def test_a_procedure_that_there_is_not_is_a_page_that_leads_on(ann: Person) -> None:
    page = await ann.page(f"{LIST}/<b>x", 404)
    assert "There is no such procedure “<b>x” is no procedure. Choose one of the list." in page
