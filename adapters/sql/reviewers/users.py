"""The ledger's users, their sessions, and attempts to sign in."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select, update

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.statements import insert_new, lock
from adapters.sql.schema.reviewers import sessions, sign_ins, users
from billing.errors import BillingError, NotFound
from billing.reviewers.users import (
    SEEN_EVERY,
    SESSION_IDLE,
    SESSION_LIFETIME,
    SIGN_INS_KEPT,
    FailureThrottle,
    OpenSession,
    Role,
    SignInAttempt,
    User,
    UserCredentials,
)


class SqlUsers(SqlDatabase):
    """``UserStore``, ``SignInStore`` and ``SessionStore`` of ``billing.reviewers.ports`` in SQL."""

    # -- users

    @in_thread
    def add_user(self, user: User, password_hash: str, at: datetime) -> bool:
        values = user.model_dump() | {"password_hash": password_hash, "created_at": at}
        with self._writing(f"add the user {user.username}") as connection:
            return insert_new(connection, users, [values])

    @in_thread
    def user(self, username: str) -> UserCredentials | None:
        return self._read_one(UserCredentials, users, users.c.username == username)

    @in_thread
    def users(self) -> list[User]:
        return self._read(User, users, by=("username",))

    @in_thread
    def set_password(self, username: str, password_hash: str) -> None:
        with self._writing(f"change the password of {username}") as connection:
            _locked(connection, username)
            _change(connection, username, password_hash=password_hash)

    @in_thread
    def renew_hash(self, username: str, before: str, after: str) -> None:
        unchanged = users.c.username == username, users.c.password_hash == before
        with self._writing(f"renew the hash of {username}") as connection:
            connection.execute(update(users).where(*unchanged).values(password_hash=after))

    @in_thread
    def set_role(self, username: str, role: Role) -> bool:
        with self._writing(f"change the role of {username}") as connection:
            user = _locked(connection, username, leaves=role is not Role.ADMINISTRATOR)
            if user.role is role:
                return False
            _change(connection, username, role=role)
            return True

    @in_thread
    def set_departments(self, username: str, departments: tuple[str, ...]) -> bool:
        with self._writing(f"change the departments of {username}") as connection:
            if _locked(connection, username).departments == departments:
                return False
            of_user = update(users).where(users.c.username == username)
            connection.execute(of_user.values(departments=list(departments)))
            return True

    @in_thread
    def disable_user(self, username: str, at: datetime) -> bool:
        with self._writing(f"disable the user {username}") as connection:
            user = _locked(connection, username, leaves=True)
            if user.disabled_at is not None:
                return False
            _change(connection, username, disabled_at=at)
            return True

    @in_thread
    def enable_user(self, username: str) -> bool:
        with self._writing(f"enable the user {username}") as connection:
            user = _locked(connection, username)
            if user.disabled_at is None:
                return False
            _change(connection, username, disabled_at=None)
            return True

    # -- sessions

    @in_thread
    def open_session(self, token_hash: str, account: UserCredentials, at: datetime) -> bool:
        values = {"token_hash": token_hash, "username": account.username, "created_at": at, "seen_at": at}
        with self._writing(f"sign {account.username} in") as connection:
            now = _locked(connection, account.username)
            if now.disabled_at is not None or now.password_hash != account.password_hash:
                return False
            connection.execute(delete(sessions).where(~_in_force(at)))
            return insert_new(connection, sessions, [values | {"expires_at": at + SESSION_LIFETIME}])

    @in_thread
    def session(self, token_hash: str, at: datetime) -> OpenSession | None:
        columns = (*(users.c[name] for name in ("username", "name", "role", "departments")), sessions.c.seen_at)
        enabled = and_(users.c.username == sessions.c.username, users.c.disabled_at.is_(None))
        query = select(*columns).join(users, enabled).where(sessions.c.token_hash == token_hash, _in_force(at))
        with self._reading("look up a session") as connection:
            return next(iter(as_models(OpenSession, connection.execute(query).mappings())), None)

    @in_thread
    def session_is_used(self, token_hash: str, session: OpenSession, at: datetime) -> None:
        if at - session.seen_at < SEEN_EVERY:
            return
        older = sessions.c.token_hash == token_hash, sessions.c.seen_at < at
        with self._writing("note the use of a session") as connection:
            connection.execute(update(sessions).where(*older).values(seen_at=at))

    @in_thread
    def end_session(self, token_hash: str) -> None:
        with self._writing("end a session") as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    # -- sign-ins

    @in_thread
    def begin_sign_in(self, username: str, address: str, at: datetime, browser: str = "") -> SignInAttempt:
        with self._writing("note a sign-in") as connection:
            is_user = connection.scalar(select(exists().where(users.c.username == username)))
            username = username if is_user else _unknown(username)
            for key in (f"sign-in by {username}", f"sign-in from {address}"):
                lock(connection, key)
            connection.execute(delete(sign_ins).where(sign_ins.c.at < at - SIGN_INS_KEPT))
            if (wait := _wait(connection, username, address, at, browser)) > timedelta():
                return SignInAttempt(0, wait)
            values = {"username": username, "address": address, "browser": browser, "accepted": False, "at": at}
            number = connection.scalar(insert(sign_ins).values(values).returning(sign_ins.c.number))
            assert number is not None
            return SignInAttempt(number)

    @in_thread
    def accept_sign_in(self, number: int) -> None:
        with self._writing("note a sign-in") as connection:
            connection.execute(update(sign_ins).where(sign_ins.c.number == number).values(accepted=True))


def _locked(connection: Connection, username: str, leaves: bool = False) -> UserCredentials:
    """The user, locked until the transaction ends.

    Raises ``NotFound``, and ``BillingError`` if the last administrator ``leaves`` the administrators.
    """
    if leaves:
        lock(connection, "administrators")
    columns = [users.c[name] for name in UserCredentials.model_fields]
    row = connection.execute(select(*columns).where(users.c.username == username).with_for_update()).mappings().first()
    if row is None:
        raise NotFound(f"there is no user {username}; see: python starter.py user list")
    user = UserCredentials.model_validate(dict(row))
    is_one = user.role is Role.ADMINISTRATOR and user.disabled_at is None
    if leaves and is_one and not connection.scalar(select(_other_administrators(username))):
        raise BillingError(
            f"{username} is the last administrator; first: python starter.py user role SOMEBODY administrator"
        )
    return user


def _other_administrators(username: str) -> ColumnElement[bool]:
    enabled = and_(users.c.role == Role.ADMINISTRATOR, users.c.disabled_at.is_(None))
    return exists().where(enabled, users.c.username != username)


def _change(connection: Connection, username: str, **values: object) -> None:
    """Changes the user and ends the user's sessions."""
    connection.execute(update(users).where(users.c.username == username).values(**values))
    connection.execute(delete(sessions).where(sessions.c.username == username))


def _in_force(at: datetime) -> ColumnElement[bool]:
    return and_(sessions.c.expires_at > at, sessions.c.seen_at > at - SESSION_IDLE)


def _wait(connection: Connection, username: str, address: str, at: datetime, browser: str) -> timedelta:
    """How long no attempt with this name, or from this address, is allowed.

    A user who has signed in from an address or in a browser before is throttled there by failures from there only:
    otherwise anybody could lock the user out. Strangers may share the address (of a proxy), but not the browser.
    """
    of_user, from_address = sign_ins.c.username == username, sign_ins.c.address == address
    accepted = select(func.max(sign_ins.c.number)).where(of_user, sign_ins.c.accepted)
    since = sign_ins.c.number > (connection.scalar(accepted) or 0)
    if browser:
        return _wait_for(connection, FailureThrottle.of_username(), at, of_user, since, sign_ins.c.browser == browser)
    is_known_address = connection.scalar(select(exists().where(of_user, from_address, sign_ins.c.accepted)))
    by_name = (of_user, since, from_address) if is_known_address else (of_user, since)
    return max(
        _wait_for(connection, FailureThrottle.of_username(), at, *by_name),
        _wait_for(connection, FailureThrottle.of_address(), at, from_address),
    )


def _wait_for(
    connection: Connection, throttle: FailureThrottle, at: datetime, *which: ColumnElement[bool]
) -> timedelta:
    failed = (~sign_ins.c.accepted, sign_ins.c.at > at - throttle.window, *which)
    count, last_at = connection.execute(select(func.count(), func.max(sign_ins.c.at)).where(*failed)).one()
    return last_at + throttle.pause(count) - at if count else timedelta()


def _unknown(username: str) -> str:
    """A short digest: enough to throttle guesses, too little to reveal a password typed into the wrong field."""
    return f"?{hashlib.sha256(username.encode()).hexdigest()[:4]}"
