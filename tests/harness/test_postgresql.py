"""PostgreSQL is a daemon, nobody's child: it has to end with the tests all the same."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg

from tests.harness.processes import runs
from tests.postgresql import Databases, postgresql_server

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


def test_a_database_that_was_given_back_is_as_new() -> None:
    with postgresql_server() as server:
        databases = Databases(server)
        url = databases.take()
        for _ in range(2):
            with closing(psycopg.connect(url)) as connection:
                columns, values = "username, address, browser, accepted, at", "'ann', '', '', true, now()"
                connection.execute(f"INSERT INTO sign_ins ({columns}) VALUES ({values})")
                assert connection.execute("SELECT number FROM sign_ins").fetchall() == [(1,)]
                connection.commit()
                connection.execute("LOCK TABLE sign_ins")
                databases.give_back(url)
                assert databases.take() == url
