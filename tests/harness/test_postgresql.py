"""PostgreSQL is a daemon, nobody's child: it has to end with the tests all the same."""

import subprocess
import sys
import time
from pathlib import Path

from tests.harness.processes import runs

ROOT = Path(__file__).parents[2]
ENDS_HARD = """
import os
from tests.postgresql import postgresql_server

with postgresql_server() as server:
    print(server.get_pid(), server.pgdata, flush=True)
    os._exit(0)
"""


def test_the_server_ends_with_a_process_that_ends_hard() -> None:
    command = [sys.executable, "-c", ENDS_HARD]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    pid, folder = printed.split()
    while runs(int(pid)) or Path(folder).exists():
        time.sleep(0.02)
