"""PostgreSQL is a daemon, nobody's child: it has to end with the tests all the same."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

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
    assert folder
    psutil.wait_procs([psutil.Process(int(pid))] if psutil.pid_exists(int(pid)) else [], timeout=30)
    while Path(folder).exists():
        time.sleep(0.02)
    assert not psutil.pid_exists(int(pid))
