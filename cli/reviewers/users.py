"""``user``: the users of the console and their roles, kept in the ledger."""

import asyncio
import getpass
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from billing.errors import BillingError, InvalidInput
from billing.reviewers.users import PASSWORD_MIN, Role, User, required_password, username_of
from billing.tasks.member import known_departments
from bootstrap import connect_ledger, connect_passwords
from cli.terminal.options import AsJson
from cli.terminal.output import print_json, print_table, say, whole
from settings import load_settings


def _username(text: str) -> str:
    try:
        return username_of(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


Username = Annotated[
    str, typer.Argument(metavar="NAME", parser=_username, help="The name to sign in with; kept in lower case.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


def add(
    username: Username,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="staff does tasks only; viewer sees; reviewer halts and edits; approver approves and skips too.",
        ),
    ],
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="The name shown on pages; by default the name to sign in with."),
    ] = "",
    department: Annotated[
        list[str] | None, typer.Option("--department", metavar="NAME", help="Whose tasks they do; repeat it.")
    ] = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For single sign-on only: nobody signs in as this user by a password.")
    ] = False,
) -> None:
    """Add a user of the console; asks twice for the password, of 12 characters or more.

    A repeat changes nothing. If another user has that name, nothing changes and the exit code is 1.

    [bold]Examples[/bold]
    $ python starter.py user add ann --role reviewer --name "Ann Lee"
    $ pass show billing/bob | python starter.py user add bob --role approver --password-stdin
    $ python starter.py user add karl --role staff --department crew
    $ python starter.py user add carol@acme.example --role administrator --no-password
    """
    if no_password and password_stdin:
        raise typer.BadParameter("--password-stdin and --no-password exclude each other")
    departments = known_departments(department or (), load_settings().departments)
    word = "" if no_password else _password(username, password_stdin)
    user = User(username=username, name=name.strip() or username, role=role, departments=departments)
    asyncio.run(_add(user, word))


async def _add(user: User, word: str) -> None:
    passwords = connect_passwords()
    async with connect_ledger(load_settings()) as ledger:
        if await ledger.add_user(user, await passwords.hashed(word) if word else "", datetime.now(UTC)):
            say(f"{user.username}: added as {user.role}")
            return
        existing = await ledger.user(user.username)
    assert existing is not None
    same_password = await passwords.fits(word, existing.password_hash) if word else not existing.password_hash
    if User.model_validate(dict(existing)) != user or not same_password:
        disabled = ", disabled" if existing.disabled_at else ""
        raise BillingError(
            f"{user.username} exists already, as {existing.name}, {existing.role}{disabled}; "
            "nothing was changed; see: python starter.py user --help"
        )
    say(f"{user.username}: exists already, as {user.role}")


async def list_(as_json: AsJson = False) -> None:
    """List the users of the console, disabled ones too.

    [bold]Examples[/bold]
    $ python starter.py user list
    $ python starter.py user list --json
    """
    async with connect_ledger(load_settings()) as ledger:
        users = await ledger.users()
    if as_json:
        return print_json({"users": users})
    print_table(
        (whole("User"), "Name", whole("Role"), "Departments", ""),
        users,
        lambda user: (
            user.username,
            user.name,
            user.role,
            ", ".join(user.departments),
            "disabled" if user.disabled_at else "",
        ),
        empty="no users yet; add one with: python starter.py user add NAME --role administrator",
    )


async def disable(username: Username) -> None:
    """Disable a user: the sessions end at once, and nobody signs in by that name. The last administrator stays.

    [bold]Example[/bold]
    $ python starter.py user disable ann
    """
    async with connect_ledger(load_settings()) as ledger:
        changed = await ledger.disable_user(username, datetime.now(UTC))
    say(f"{username}: {'disabled; the sessions have ended' if changed else 'is disabled already'}")


async def enable(username: Username) -> None:
    """Let a disabled user sign in again, with the same password and role.

    [bold]Example[/bold]
    $ python starter.py user enable ann
    """
    async with connect_ledger(load_settings()) as ledger:
        changed = await ledger.enable_user(username)
    say(f"{username}: {'enabled' if changed else 'is enabled already'}")


def password(username: Username, password_stdin: FromStdin = False) -> None:
    """Give a user a new password, of 12 characters or more; the sessions end at once.

    [bold]Examples[/bold]
    $ python starter.py user password ann
    $ pass show billing/ann | python starter.py user password ann --password-stdin
    """
    asyncio.run(_set_password(username, _password(username, password_stdin)))


async def _set_password(username: str, word: str) -> None:
    hashed = await connect_passwords().hashed(word)
    async with connect_ledger(load_settings()) as ledger:
        await ledger.set_password(username, hashed)
    say(f"{username}: new password; the sessions have ended")


async def role(username: Username, role: Annotated[Role, typer.Argument(metavar="ROLE", help=", ".join(Role))]) -> None:
    """Give a user another role; the sessions end at once. The last administrator keeps theirs.

    [bold]Example[/bold]
    $ python starter.py user role ann approver
    """
    async with connect_ledger(load_settings()) as ledger:
        changed = await ledger.set_role(username, role)
    say(f"{username}: {f'{role} from now on; the sessions have ended' if changed else f'is {role} already'}")


async def departments(
    username: Username,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[DEPARTMENT]...", help="All of them; none: no tasks.")
    ] = None,
) -> None:
    """Say to which departments a user belongs: whose tasks they see first, and do. Sessions go on.

    [bold]Examples[/bold]
    $ python starter.py user departments karl crew warehouse
    $ python starter.py user departments karl
    """
    settings = load_settings()
    wanted = known_departments(names or (), settings.departments)
    async with connect_ledger(settings) as ledger:
        changed = await ledger.set_departments(username, wanted)
    say(f"{username}: {', '.join(wanted) or 'no department'}{'' if changed else ', as before'}")


def _password(username: str, from_stdin: bool) -> str:
    """The first line of standard input, or typed twice at the terminal, unseen."""
    if from_stdin:
        return required_password(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask for the password; pipe it in, with --password-stdin")
    word = required_password(getpass.getpass(f"Password for {username} ({PASSWORD_MIN} characters or more): "))
    if getpass.getpass("Once more: ") != word:
        raise InvalidInput("the two passwords differ; nothing was changed")
    return word
