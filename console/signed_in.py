"""Who is signed in: a dependency for every page and action of the desk. (A stub: branch identity has the real one.)"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from fastapi import Depends, HTTPException, Request

from billing.users import Role


class Session(NamedTuple):
    username: str
    name: str
    role: Role
    csrf: str


async def session_of(request: Request) -> Session | None:
    """Who makes the request, if they are signed in this moment: for streams, which go on for hours."""
    username, _, role = request.cookies.get("stub", "ann:approver").partition(":")
    return None if role == "nobody" else Session(username, username.title(), Role(role), "stub")


def signed_in(role: Role = Role.VIEWER) -> Callable[..., object]:
    """A dependency that gives the session of somebody who may do what ``role`` may."""

    async def dependency(request: Request) -> Session:
        session = await session_of(request)
        if session is None or not session.role.may(role):
            raise HTTPException(403)
        if request.method == "POST":
            given = request.headers.get("X-CSRF-Token") or (await request.form()).get("csrf")
            if given != session.csrf:
                raise HTTPException(403)
        return session

    return dependency


SignedIn = Annotated[Session, Depends(signed_in())]
