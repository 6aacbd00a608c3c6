"""The code of docs/orders.md signs what we take; each language is skipped where it is not installed."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.errors import InvalidInput
from billing.events.event import Event
from billing.events.signature import require_genuine
from inbound.orders import OrderStatus
from orders.events import ReleaseData
from orders.order import OrderRequest, OrderStage

DOCUMENT = (Path(__file__).parents[2] / "docs" / "orders.md").read_text()
LANGUAGES = {
    "python": ([sys.executable], "{code}\nimport sys\nprint(signature(open(sys.argv[1], 'rb').read(), sys.argv[2]))"),
    "javascript": (
        ["node"],
        "{code}\nconst [path, secret] = process.argv.slice(2);\n"
        'console.log(signature(require("node:fs").readFileSync(path), secret));',
    ),
    "php": (["php"], "<?php\n{code}\necho signature(file_get_contents($argv[1]), $argv[2]);"),
}
BODY = '{"number": "1042", "name": "Müller & 茶"}\n'.encode()
SECRET = "the new secret, which has 32 characters"


@pytest.fixture(params=LANGUAGES)
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that runs the document's code."""
    command, frame = LANGUAGES[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (code,) = re.findall(rf"```{request.param}\n(.*?)```", DOCUMENT, re.DOTALL)
    program = tmp_path / ("sign.cjs" if request.param == "javascript" else "sign")
    program.write_text(frame.replace("{code}", code))
    return [*command, str(program)]


def test_what_the_documents_code_signs_is_genuine(signer: list[str], tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    command = [*signer, str(tmp_path / "body"), SECRET]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    now, header = datetime.now(UTC), run.stdout.strip()
    require_genuine(BODY, header, [SECRET], now)
    for body, secret in ((BODY + b" ", SECRET), (BODY, "another secret")):
        with pytest.raises(InvalidInput):
            require_genuine(body, header, [secret], now)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_the_documents_shell_signs_is_genuine() -> None:
    (shell,) = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    sign = next(line for line in shell.splitlines() if line.startswith("sign()"))
    script = f"{sign}\nSECRET='{SECRET}'\nsign /orders/1042"
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    require_genuine(b"/orders/1042", run.stdout.strip(), [SECRET], datetime.now(UTC))


def test_the_documents_examples_are_what_is_taken_and_sent() -> None:
    order, status, release = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
    OrderRequest.model_validate_json(json.dumps(order), strict=True, extra="forbid")
    assert OrderStatus.model_validate(status).model_dump(mode="json") == status
    event = Event.model_validate(release | {"data": ReleaseData.model_validate(release["data"])})
    assert event.model_dump(mode="json") == release


def test_the_documents_stages_are_all_there_are() -> None:
    table = DOCUMENT.partition("## The life of an order")[2].partition("\n## ")[0]
    named = re.findall(r"`([A-Z]\w+)`", "".join(line for line in table.splitlines() if line.startswith("| `")))
    assert set(named) == set(OrderStage)
