"""Who signs in to the sandbox's console."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.passwords import Argon2Passwords
from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import PASSWORD_MIN
from sandbox.stack.people import PASSWORD_FILE, PEOPLE, prepare_people


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def fits(ledger: SqlLedger, username: str, password: str) -> bool:
    account = await ledger.user(username)
    assert account is not None
    return await Argon2Passwords().fits(password, account.password_hash)


async def test_the_password_that_is_printed_is_everybodys_again_and_again(ledger: SqlLedger, tmp_path: Path) -> None:
    password = await prepare_people(tmp_path, ledger)
    before = await ledger.user("ann")
    assert len(password) >= PASSWORD_MIN
    assert await prepare_people(tmp_path, ledger) == password
    assert await ledger.users() == list(PEOPLE)
    assert await ledger.user("ann") == before
    await ledger.set_password("bob", await Argon2Passwords().hashed("another long password"))
    assert await prepare_people(tmp_path, ledger) == password
    for person in PEOPLE:
        assert await fits(ledger, person.username, password)


async def test_each_sandbox_has_a_password_of_its_own_that_only_its_owner_reads(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    first = await prepare_people(tmp_path, ledger)
    assert (tmp_path / PASSWORD_FILE).stat().st_mode & 0o777 == 0o600
    assert await prepare_people(tmp_path / "other", ledger) != first
