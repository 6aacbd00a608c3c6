"""The ledger's users, sessions and sign-ins, on SQLite and on PostgreSQL alike."""

import asyncio
from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import BillingError, NotFound
from billing.reviewers.users import (
    SEEN_EVERY,
    SESSION_IDLE,
    SESSION_LIFETIME,
    SIGN_INS_KEPT,
    FailureThrottle,
    Role,
    User,
    UserCredentials,
)
from tests.contract.ledger_fixtures import AT, LATER, read, succeed
from tests.forks import Fork

ANN = User(username="ann", name="Ann Lee 茶", role=Role.REVIEWER)
CAROL = User(username="carol", name="Carol", role=Role.ADMINISTRATOR)
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
MOMENT = timedelta(milliseconds=1)
FREE = FailureThrottle.of_username().free


async def added(ledger: SqlLedger, user: User = ANN, password_hash: str = "hash") -> UserCredentials:
    await ledger.add_user(user, password_hash, AT)
    account = await ledger.user(user.username)
    assert account is not None
    return account


async def opened(ledger: SqlLedger, token: str = "t", user: User = ANN) -> UserCredentials:
    account = await added(ledger, user)
    assert await ledger.open_session(token, account, AT)
    return account


# -- users


async def test_a_user_is_kept_as_added_and_a_repeat_changes_nothing(ledger: SqlLedger) -> None:
    assert await ledger.add_user(ANN, "hash", AT)
    assert not await ledger.add_user(ANN.evolve(role=Role.ADMINISTRATOR), "other", LATER)
    assert await ledger.user("ann") == UserCredentials(**dict(ANN), password_hash="hash")
    await added(ledger, CAROL)
    assert await ledger.users() == [ANN, CAROL]
    assert await ledger.user("Ann") is None, "names are folded before they come here"


@pytest.mark.parametrize("change", ["disable", "password", "role"])
async def test_a_change_of_a_user_ends_their_sessions_and_nobody_elses(ledger: SqlLedger, change: str) -> None:
    await opened(ledger)
    await opened(ledger, "another", CAROL)
    if change == "disable":
        assert await ledger.disable_user("ann", LATER)
    elif change == "password":
        await ledger.set_password("ann", "new")
    else:
        assert await ledger.set_role("ann", Role.VIEWER)
    assert await ledger.session("t", LATER) is None
    assert await ledger.session("another", LATER) is not None


async def test_what_changes_nothing_ends_no_session(ledger: SqlLedger) -> None:
    await opened(ledger)
    assert not await ledger.set_role("ann", Role.REVIEWER)
    assert not await ledger.enable_user("ann")
    await ledger.renew_hash("ann", "hash", "the same, hashed anew")
    assert await ledger.session("t", LATER) is not None


async def test_a_disabled_user_is_enabled_again_as_they_were(ledger: SqlLedger) -> None:
    account = await opened(ledger)
    assert await ledger.disable_user("ann", AT)
    assert not await ledger.disable_user("ann", LATER)
    assert (await ledger.users())[0].disabled_at == AT
    assert await ledger.enable_user("ann")
    assert await ledger.user("ann") == account
    assert await ledger.session("t", LATER) is None, "the old session does not come back"


async def test_the_last_administrator_stays(ledger: SqlLedger) -> None:
    await added(ledger, CAROL)
    await added(ledger)
    for leaving in (ledger.disable_user("carol", AT), ledger.set_role("carol", Role.APPROVER)):
        with pytest.raises(BillingError, match="carol is the last administrator"):
            await leaving
    assert not await ledger.set_role("carol", Role.ADMINISTRATOR)
    await ledger.set_role("ann", Role.ADMINISTRATOR)
    assert await ledger.disable_user("carol", AT)
    with pytest.raises(BillingError, match="ann is the last administrator"):
        await ledger.disable_user("ann", AT)


async def test_two_administrators_who_leave_at_once_do_not_both_go(ledger: SqlLedger) -> None:
    await added(ledger, CAROL)
    await added(ledger, ANN.evolve(role=Role.ADMINISTRATOR))
    leaving = (ledger.disable_user("carol", AT), ledger.set_role("ann", Role.VIEWER))
    ends = await asyncio.gather(*leaving, return_exceptions=True)
    assert [type(end) for end in ends if end is not True] == [BillingError], ends
    enabled = [user for user in await ledger.users() if user.disabled_at is None and user.role is Role.ADMINISTRATOR]
    assert len(enabled) == 1


async def test_nobody_of_that_name_is_said_in_words(ledger: SqlLedger) -> None:
    for change in (
        ledger.set_password("bob", "hash"),
        ledger.set_role("bob", Role.VIEWER),
        ledger.disable_user("bob", AT),
        ledger.enable_user("bob"),
    ):
        with pytest.raises(NotFound, match="there is no user bob"):
            await change


async def test_a_hash_is_renewed_only_if_the_password_is_still_the_same(ledger: SqlLedger) -> None:
    await added(ledger)
    await ledger.set_password("ann", "new")
    await ledger.renew_hash("ann", "hash", "old password, hashed anew")
    account = await ledger.user("ann")
    assert account is not None
    assert account.password_hash == "new"


# -- sessions


async def test_a_session_tells_who_has_signed_in(ledger: SqlLedger) -> None:
    await opened(ledger)
    session = await ledger.session("t", AT)
    assert session is not None
    assert (session.username, session.name, session.role) == ("ann", "Ann Lee 茶", Role.REVIEWER)
    assert await ledger.session("", AT) is await ledger.session("T", AT) is None
    await ledger.end_session("t")
    await ledger.end_session("t")
    assert await ledger.session("t", AT) is None


async def test_an_idle_session_ends_on_both_sides_of_the_instant(ledger: SqlLedger) -> None:
    await opened(ledger)
    assert await ledger.session("t", AT + SESSION_IDLE - MOMENT) is not None
    assert await ledger.session("t", AT + SESSION_IDLE) is None


async def test_a_session_in_use_ends_after_its_lifetime(ledger: SqlLedger) -> None:
    await opened(ledger)
    now, end = AT, AT + SESSION_LIFETIME
    while now < end:
        session = await ledger.session("t", now)
        assert session is not None, now
        await ledger.session_is_used("t", session, now)
        now += SESSION_IDLE - MOMENT
    assert await ledger.session("t", end - MOMENT) is not None
    assert await ledger.session("t", end) is None


async def test_use_is_written_once_a_minute(ledger: SqlLedger, url: str) -> None:
    await opened(ledger)
    before = read(url, "SELECT seen_at FROM sessions")
    session = await ledger.session("t", AT)
    assert session is not None
    await ledger.session_is_used("t", session, AT + SEEN_EVERY - MOMENT)
    assert read(url, "SELECT seen_at FROM sessions") == before
    await ledger.session_is_used("t", session, AT + SEEN_EVERY)
    await ledger.session_is_used("t", session, AT + SEEN_EVERY / 2)
    used = await ledger.session("t", AT + SEEN_EVERY)
    assert used is not None
    assert used.seen_at == AT + SEEN_EVERY


async def test_a_password_that_was_changed_meanwhile_opens_no_session(ledger: SqlLedger) -> None:
    before = await added(ledger)
    await ledger.set_password("ann", "new")
    assert not await ledger.open_session("t", before, AT)
    account = await ledger.user("ann")
    assert account is not None
    await ledger.disable_user("ann", AT)
    assert not await ledger.open_session("t", account, AT)
    assert await ledger.session("t", AT) is None


async def test_sessions_that_ended_are_deleted_when_somebody_signs_in(ledger: SqlLedger, url: str) -> None:
    account = await opened(ledger)
    assert await ledger.open_session("later", account, AT + SESSION_IDLE)
    assert read(url, "SELECT token_hash FROM sessions") == [("later",)]


# -- sign-ins


async def failed(ledger: SqlLedger, times: int, username: str = "ann", address: str = HOME) -> None:
    """Failures at one instant, each of which was allowed."""
    for _ in range(times):
        attempt = await ledger.begin_sign_in(username, address, AT)
        assert attempt.number
        assert not attempt.wait


@pytest.mark.parametrize("name", ["ann", "nobody", "\0' or 1=1 --"])
async def test_failures_of_a_name_slow_down_whether_it_exists_or_not(ledger: SqlLedger, name: str) -> None:
    await added(ledger)
    await failed(ledger, FREE, name)
    waits, now = [], AT
    for _ in range(12):
        waits.append((await ledger.begin_sign_in(name, ELSEWHERE, now)).wait)
        assert (await ledger.begin_sign_in(name, ELSEWHERE, now + waits[-1] - MOMENT)).wait == MOMENT
        now += waits[-1]
        assert (await ledger.begin_sign_in(name, ELSEWHERE, now)).number, "one that waited is allowed"
    assert [wait.total_seconds() for wait in waits] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert not (await ledger.begin_sign_in("somebody else", "192.0.2.1", now)).wait


async def test_failures_from_an_address_slow_down_whatever_the_names(ledger: SqlLedger) -> None:
    free = FailureThrottle.of_address().free
    for number in range(free):
        await failed(ledger, 1, f"name-{number}")
    assert (await ledger.begin_sign_in("another", HOME, AT)).wait == timedelta(seconds=2)
    assert not (await ledger.begin_sign_in("another", ELSEWHERE, AT)).wait


async def test_a_success_forgets_the_failures_of_a_name_and_not_those_of_an_address(ledger: SqlLedger) -> None:
    await added(ledger)
    for _ in range(5):
        await failed(ledger, FREE - 1)
        await ledger.accept_sign_in((await ledger.begin_sign_in("ann", HOME, AT)).number)
    assert (await ledger.begin_sign_in("ann", HOME, AT)).wait > timedelta()
    assert not (await ledger.begin_sign_in("ann", ELSEWHERE, AT)).wait


async def test_nobody_locks_a_user_out_where_they_have_signed_in_before(ledger: SqlLedger) -> None:
    await added(ledger)
    await ledger.accept_sign_in((await ledger.begin_sign_in("ann", HOME, AT)).number)
    await failed(ledger, FREE, address=ELSEWHERE)
    assert (await ledger.begin_sign_in("ann", "192.0.2.1", AT)).wait > timedelta()
    assert not (await ledger.begin_sign_in("ann", HOME, AT)).wait
    await failed(ledger, FREE - 1)
    assert (await ledger.begin_sign_in("ann", HOME, AT)).wait > timedelta(), "but there nobody guesses for ever either"


async def test_strangers_at_the_same_address_lock_nobody_out_of_a_browser_that_is_known(ledger: SqlLedger) -> None:
    await added(ledger)
    await ledger.accept_sign_in((await ledger.begin_sign_in("ann", HOME, AT)).number)
    for number in range(FailureThrottle.of_address().free):
        await failed(ledger, 1, f"name-{number}")
    for _ in range(2 * FREE):
        await ledger.begin_sign_in("ann", HOME, AT)
    assert (await ledger.begin_sign_in("ann", HOME, AT)).wait > timedelta()
    for _ in range(FREE):
        assert (await ledger.begin_sign_in("ann", HOME, AT, "hers")).number
    assert (await ledger.begin_sign_in("ann", HOME, AT, "hers")).wait > timedelta(), "nor does it help who guesses"
    assert not (await ledger.begin_sign_in("ann", HOME, AT, "another of hers")).wait


async def test_attempts_at_once_do_not_slip_through(ledger: SqlLedger) -> None:
    await added(ledger)
    attempts = await asyncio.gather(*(ledger.begin_sign_in("ann", HOME, AT) for _ in range(4 * FREE)))
    assert len([attempt for attempt in attempts if attempt.number]) == FREE


async def test_a_name_that_nobody_has_is_not_kept_as_it_was_typed(ledger: SqlLedger, url: str) -> None:
    """It may be somebody's password, typed into the wrong field."""
    await added(ledger)
    await failed(ledger, 1, "my secret password")
    await failed(ledger, 1)
    (unknown,), (known,) = read(url, "SELECT username FROM sign_ins ORDER BY number")
    assert known == "ann"
    assert unknown.startswith("?")
    assert len(unknown) == 5


async def test_old_sign_ins_are_deleted(ledger: SqlLedger, url: str) -> None:
    await failed(ledger, 3)
    await ledger.begin_sign_in("bob", HOME, AT + SIGN_INS_KEPT + MOMENT)
    assert read(url, "SELECT count(*) FROM sign_ins") == [(1,)]


_GUESS = """
import asyncio, sys
from datetime import UTC, datetime
from adapters.sql.ledger import SqlLedger
async def main():
    ledger = await SqlLedger.connect(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    at = datetime(2026, 12, 1, tzinfo=UTC)
    attempts = [await ledger.begin_sign_in("ann", "203.0.113.7", at) for _ in range(5)]
    print(len([each for each in attempts if each.number]))
    await ledger.close()
asyncio.run(main())
"""


async def test_several_consoles_count_together(ledger: SqlLedger, url: str) -> None:
    told = await succeed(*(Fork(_GUESS, url) for _ in range(3)))
    assert sum(map(int, told)) == FREE
