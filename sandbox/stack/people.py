"""Users of the sandbox's console, of every role but viewer and of every department, with one shared password."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from billing.reviewers.ports import UserStore
from billing.reviewers.users import Role, User
from bootstrap import connect_passwords
from sandbox.stand_ins.whole_file import write_whole

PEOPLE: Final = (
    User(username="ann", name="Ann Lee", role=Role.REVIEWER, departments=("operator",)),
    User(username="bob", name="Bob Moreau", role=Role.APPROVER, departments=("accounting",)),
    User(username="carol", name="Carol Okafor", role=Role.ADMINISTRATOR),
    User(username="karl", name="Karl Nowak", role=Role.STAFF, departments=("crew",)),
    User(username="wes", name="Wes Adeyemi", role=Role.STAFF, departments=("warehouse",)),
)
PASSWORD_FILE: Final = "console-password"


async def prepare_people(folder: Path, ledger: UserStore) -> str:
    """Adds them if they are missing; returns their password, which is drawn once for a folder. A repeat is harmless.

    It is never a fixed one: the ledger of a sandbox may become a real one some day.
    """
    password, passwords = _password(folder / PASSWORD_FILE), connect_passwords()
    hashed = await passwords.hashed(password)
    for person in PEOPLE:
        if not await ledger.add_user(person, hashed, datetime.now(UTC)):
            user = await ledger.user(person.username)
            if user is not None and not await passwords.fits(password, user.password_hash):
                await ledger.set_password(person.username, hashed)
    return password


def _password(file: Path) -> str:
    if not file.exists():
        write_whole(file, secrets.token_hex(6), 0o600)
    return file.read_text()
