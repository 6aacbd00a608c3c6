"""``starter.py user``: who may use the console."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.sql.core.database import upgrade
from cli.app import app

ROOT = Path(__file__).parents[2]
WORD = "correct horse battery staple"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``starter.py user`` on a ledger of its own; ``typed`` is what is piped into it."""
    for name in list(os.environ):
        if name.startswith(("BILLING_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    upgrade(f"sqlite:///{tmp_path}/data/ledger.db")

    def invoke(*words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, ["user", *words], input=typed, prog_name="starter.py")

    return invoke


def add(run: Run, name: str = "ann", role: str = "reviewer", word: str = WORD, *more: str) -> Result:
    return run("add", name, "--role", role, "--password-stdin", *more, typed=f"{word}\n")


def users(run: Run) -> dict[str, tuple[str, str, bool]]:
    """Name, role and whether enabled, by user name."""
    listed = json.loads(run("list", "--json").stdout)["users"]
    return {user["username"]: (user["name"], user["role"], user["disabled_at"] is None) for user in listed}


def test_a_user_is_added_once_and_listed(run: Run) -> None:
    assert "no users yet" in run("list").stdout
    assert add(run, "Ann", "reviewer", WORD, "--name", "Ann Lee").stdout == "ann: added as reviewer\n"
    again = add(run, "ann", "reviewer", WORD, "--name", "Ann Lee")
    assert (again.exit_code, again.stdout) == (0, "ann: exists already, as reviewer\n")
    assert users(run) == {"ann": ("Ann Lee", "reviewer", True)}
    assert "ann   Ann Lee  reviewer" in run("list").stdout
    assert "argon2" not in run("list", "--json").stdout


@pytest.mark.parametrize(("role", "word", "name"), [("approver", WORD, "ann"), ("reviewer", WORD + "!", "ann")])
def test_a_user_who_is_there_and_different_is_left_alone(run: Run, role: str, word: str, name: str) -> None:
    add(run)
    refused = add(run, name, role, word)
    assert refused.exit_code == 1
    assert "ann exists already, as ann, reviewer; nothing was changed" in refused.stderr
    assert users(run) == {"ann": ("ann", "reviewer", True)}


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (["add", "ann", "--role", "reviewer", "--password-stdin"], "eleven char\n", "has 11 characters; take 12"),
        (["add", "ann", "--role", "reviewer", "--password-stdin"], "", "has 0 characters"),
        (["add", "ann", "--role", "chief", "--password-stdin"], WORD, "'chief' is not one of"),
        (["add", "an n", "--role", "viewer", "--password-stdin"], WORD, "'an n' is no user name"),
        (["add", "ann", "--role", "viewer"], WORD, "there is no terminal to ask for the password"),
        (["add", "ann", "--password-stdin"], WORD, "Missing option '--role'"),
        (["add", "ann", "--role", "viewer", "--password-stdin", "--no-password"], WORD, "exclude each other"),
        (["password", "ann", "--password-stdin"], "short\n", "has 5 characters"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run: Run, words: list[str], typed: str, said: str) -> None:
    result = run(*words, typed=typed)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert users(run) == {}


@pytest.mark.parametrize("words", [["disable"], ["enable"], ["role"], ["password", "--password-stdin"]])
def test_nobody_of_that_name_is_one_line_and_exit_code_1(run: Run, words: list[str]) -> None:
    command, *options = words
    role = ["viewer"] if command == "role" else []
    result = run(command, "bob", *role, *options, typed=WORD)
    assert result.exit_code == 1
    assert result.stderr == "starter: there is no user bob; see: python starter.py user list\n"


def test_changes_are_made_once_and_a_repeat_says_so(run: Run) -> None:
    add(run)
    for words, first, again in (
        (["role", "ann", "approver"], "approver from now on; the sessions have ended", "is approver already"),
        (["disable", "ann"], "disabled; the sessions have ended", "is disabled already"),
        (["enable", "ANN"], "enabled", "is enabled already"),
    ):
        assert run(*words).stdout == f"ann: {first}\n"
        repeat = run(*words)
        assert (repeat.exit_code, repeat.stdout) == (0, f"ann: {again}\n")
    assert users(run) == {"ann": ("ann", "approver", True)}


def test_the_last_administrator_stays(run: Run) -> None:
    add(run, "carol", "administrator")
    for words in (["disable", "carol"], ["role", "carol", "viewer"]):
        result = run(*words)
        assert result.exit_code == 1
        assert "carol is the last administrator; first: python starter.py user role SOMEBODY" in result.stderr
    assert users(run) == {"carol": ("carol", "administrator", True)}


def test_a_new_password_replaces_the_old_one(run: Run) -> None:
    add(run)
    assert run("password", "ann", "--password-stdin", typed="another long password").exit_code == 0
    assert add(run).exit_code == 1
    assert add(run, word="another long password").exit_code == 0


def test_a_user_for_single_sign_on_has_no_password(run: Run) -> None:
    words = ("add", "ann@acme.example", "--role", "viewer", "--no-password")
    assert run(*words).stdout == "ann@acme.example: added as viewer\n"
    assert run(*words).exit_code == 0


@pytest.mark.parametrize(("second", "said"), [(WORD, "ann: added as reviewer"), ("other", "the two passwords differ")])
def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    run: Run, tmp_path: Path, second: str, said: str
) -> None:
    command = [sys.executable, str(ROOT / "starter.py"), "user", "add", "ann", "--role", "reviewer"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True):
        os.close(theirs)
        shown = _until(ours, "or more): ")
        os.write(ours, f"{WORD}\n".encode())
        shown += _until(ours, "Once more: ")
        os.write(ours, f"{second}\n".encode())
        shown += _until(ours, said)
    os.close(ours)
    assert WORD not in shown


def _until(terminal: int, words: str) -> str:
    shown = ""
    while words not in shown:
        shown += os.read(terminal, 1000).decode()
    return shown
