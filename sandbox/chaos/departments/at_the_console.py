"""What staff do in the console, which may be killed meanwhile: they send the same form again until it answers."""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import httpx

from billing.reviewers.users import Role, User
from billing.tasks.documents import NewDocument
from bootstrap import Adapters, connect_passwords
from console.departments.typed import FIELD, FILE, TASKS
from console.reviewers.signed_in import csrf_of
from sandbox.chaos.departments.service_plan import STAFF
from sandbox.chaos.payers import patiently
from sandbox.stand_ins.control import local_http
from sandbox.timeline import pause
from settings import Settings

_DONE, _REFUSED = 303, (403, 409)
_COOKIE = "billing"


class AtTheConsole:
    """Staff with a password, each signed in once."""

    def __init__(self, settings: Settings, adapters: Adapters) -> None:
        self._url = settings.links.base_url
        self._ledger = adapters.ledger
        self._password = secrets.token_hex(8)
        self._tokens: dict[str, str] = {}

    async def sign_in(self) -> None:
        hashed, now = await connect_passwords().hashed(self._password), datetime.now(UTC)
        for name, department in STAFF.items():
            user = User(username=name, name=name.title(), role=Role.STAFF, departments=(department,))
            await patiently(lambda: self._ledger.add_user(user, hashed, now))  # noqa: B023
            answer = await self._post("/login", {}, {"username": name, "password": self._password})
            self._tokens[name] = answer.cookies[_COOKIE]

    async def completes(self, name: str, number: int, typed: Mapping[str, str], files: Iterable[NewDocument]) -> bool:
        """Whether it was taken; else it was refused."""
        form = {f"{FIELD}{field}": text for field, text in typed.items()}
        uploads = {f"{FILE}{file.field}": (file.name, file.content) for file in files}
        answer = await self._post(f"{TASKS}/{number}/complete", self._signed_in(name), form, uploads)
        return answer.status_code == _DONE

    def _signed_in(self, name: str) -> dict[str, str]:
        token = self._tokens[name]
        return {"Cookie": f"{_COOKIE}={token}", "X-CSRF-Token": csrf_of(token)}

    async def _post(
        self,
        path: str,
        headers: dict[str, str],
        form: dict[str, str],
        files: dict[str, tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        """The answer, once there is one."""
        while True:
            with suppress(httpx.HTTPError):
                async with local_http() as http:
                    answer = await http.post(f"{self._url}{path}", headers=headers, data=form, files=files or None)
                if answer.status_code in (_DONE, *_REFUSED):
                    return answer
                assert answer.status_code >= 500, f"{path}: {answer.status_code} {answer.text[:500]}"
            await pause()
