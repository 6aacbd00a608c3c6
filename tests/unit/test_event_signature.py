"""The code of docs/events.md verifies what we sign; each language is skipped where it is not installed."""

import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.errors import InvalidInput
from billing.events.signature import require_genuine, signed

DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
LANGUAGES = {
    "python": (
        [sys.executable],
        "{code}\nimport sys\nprint(is_genuine(open(sys.argv[1], 'rb').read(), *sys.argv[2:]))",
    ),
    "javascript": (
        ["node"],
        "{code}\nconst [path, ...others] = process.argv.slice(2);\n"
        'console.log(isGenuine(require("node:fs").readFileSync(path), ...others));',
    ),
    "php": (
        ["php"],
        "<?php\n{code}\necho is_genuine(file_get_contents($argv[1]), $argv[2], $argv[3]) ? 'true' : 'false';",
    ),
}
BODY = '{"id": "1", "customer_id": "Müller & 茶"}\n'.encode()
SECRETS = ["the new secret, which has 32 characters", "the old secret, which has 32 characters"]


@pytest.fixture(params=LANGUAGES)
def verifier(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that runs the document's code."""
    command, frame = LANGUAGES[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (code,) = re.findall(rf"```{request.param}\n(.*?)```", DOCUMENT, re.DOTALL)
    program = tmp_path / ("verify.cjs" if request.param == "javascript" else "verify")
    program.write_text(frame.replace("{code}", code))
    return [*command, str(program)]


def verified(verifier: list[str], tmp_path: Path, header: str, secret: str = SECRETS[0], body: bytes = BODY) -> bool:
    (tmp_path / "body").write_bytes(body)
    run = subprocess.run(
        [*verifier, str(tmp_path / "body"), header, secret], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return {"true": True, "false": False}[run.stdout.strip().lower()]


def test_the_documents_code_takes_what_we_sign_and_nothing_else(verifier: list[str], tmp_path: Path) -> None:
    now = datetime.now(UTC)
    header = signed(BODY, SECRETS, now)
    assert verified(verifier, tmp_path, header)
    assert verified(verifier, tmp_path, header, SECRETS[1])
    assert not verified(verifier, tmp_path, header, "another secret")
    assert not verified(verifier, tmp_path, header, body=BODY + b" ")
    assert not verified(verifier, tmp_path, header.replace("v1=", "v1=0"))
    for minutes in (-6, 6):
        assert not verified(verifier, tmp_path, signed(BODY, SECRETS, now + timedelta(minutes=minutes)))


@pytest.mark.parametrize("header", ["", "t", "t=,v1=", "v1=é", "t=1", "t=x,v1=00", "=,=,="])
def test_the_documents_code_refuses_headers_that_are_none(verifier: list[str], tmp_path: Path, header: str) -> None:
    assert not verified(verifier, tmp_path, header)
    assert not verified(verifier, tmp_path, f"t={int(time.time())},{header}")


# -- what others sign


def test_what_others_sign_with_any_of_our_secrets_is_genuine_for_five_minutes() -> None:
    now = datetime.now(UTC)
    for secret in SECRETS:
        require_genuine(BODY, signed(BODY, ["somebody else's", secret], now), SECRETS, now)
    require_genuine(BODY, signed(BODY, SECRETS[:1], now - timedelta(seconds=300)), SECRETS, now)
    require_genuine(BODY, signed(BODY, SECRETS[:1], now).replace(",", ", "), SECRETS, now)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "is missing or is none"),
        ("v1=00", "is missing or is none"),
        ("t=x,v1=00", "is missing or is none"),
        ("t=\u0661,v1=00", "is missing or is none"),
        (f"t={'9' * 5000},v1=00", "is missing or is none"),
        ("t=1,t=2,v1=00", "is missing or is none"),
        ("t=1,v1=00", "signed more than 5 minutes ago, or ahead"),
        ("t=NOW", "not signed with our secret"),
        ("t=NOW,v1=", "not signed with our secret"),
        ("t=NOW,v1=é", "not signed with our secret"),
        ("t=NOW,v0=GOOD", "not signed with our secret"),
    ],
)
def test_a_header_that_signs_nothing_is_refused(header: str, words: str) -> None:
    now = datetime.now(UTC)
    good = signed(BODY, SECRETS, now).partition("v1=")[2].partition(",")[0]
    with pytest.raises(InvalidInput, match=words):
        require_genuine(BODY, header.replace("NOW", str(int(now.timestamp()))).replace("GOOD", good), SECRETS, now)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_is_genuine(secrets: list[str]) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidInput, match="not signed with our secret"):
        require_genuine(BODY, signed(BODY, [""], now), secrets, now)


def test_a_signature_covers_every_byte() -> None:
    now = datetime.now(UTC)
    for body in (BODY + b" ", BODY[:-1], b""):
        with pytest.raises(InvalidInput):
            require_genuine(body, signed(BODY, SECRETS, now), SECRETS, now)
