"""The systemd service in docs/deploy.md runs what there is, and ends it in order."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from process.shutdown import BY_FORCE, GRACE

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()


@pytest.fixture
def service() -> ConfigParser:
    block = re.search(r"```ini\n(.*?)```", GUIDE, re.DOTALL)
    assert block
    parser = ConfigParser(interpolation=None)
    parser.read_string(block[1])
    return parser


def test_it_starts_a_program_of_ours_in_its_folder(service: ConfigParser) -> None:
    python, program = service["Service"]["ExecStart"].split()
    assert python == f"{service['Service']['WorkingDirectory']}/.venv/bin/python"
    assert (ROOT / program).exists()
    assert (ROOT / "console" / "__main__.py").exists()


def test_a_worker_has_time_to_end_in_order_and_is_started_again_however_it_ended(service: ConfigParser) -> None:
    assert float(service["Service"]["TimeoutStopSec"]) > (GRACE + BY_FORCE).total_seconds()
    assert service["Service"]["Restart"] == "always"
    assert service["Unit"]["StartLimitIntervalSec"] == "0", "it does not give up while Temporal is down"


def test_the_guide_begins_with_what_to_do() -> None:
    assert "not run yet" not in GUIDE.lower()
    assert GUIDE.index("starter.py doctor") < GUIDE.index("no image was")
