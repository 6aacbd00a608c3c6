"""Who is signed in (a stub until identity is merged): a cookie names the user, their role and their csrf token."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

from fastapi import Depends, HTTPException, Request

from billing.users import Role


class Session(NamedTuple):
    username: str
    name: str
    role: Role
    csrf: str


def signed_in(needed: Role = Role.VIEWER) -> Callable[[Request], Awaitable[Session]]:
    async def session(request: Request) -> Session:
        if "stub" not in request.cookies:
            raise HTTPException(303, headers={"Location": f"/login?next={request.url.path}"})
        username, name, role, csrf = json.loads(request.cookies["stub"])
        found = Session(username, name, Role(role), csrf)
        if not found.role.may(needed):
            raise HTTPException(403)
        if request.method == "POST" and (await request.form()).get("csrf") != csrf:
            raise HTTPException(403)
        return found

    return session


SignedIn = Annotated[Session, Depends(signed_in())]
