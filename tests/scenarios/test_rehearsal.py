"""A rehearsal as people run it, with everything configured as if it were real; whoever tries to leave is stopped."""

import csv
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.customers.roster import REQUIRED
from billing.period import Period
from sandbox.stand_ins.mailbox import read_mail

ROOT = Path(__file__).resolve().parents[2]
PERIOD = Period.at(datetime.now(UTC), "Europe/Paris")  # where customers are

# Loaded by every Python process of the rehearsal before anything else: an observer that is not the product's own.
OBSERVER = """
import ipaddress, os, sys, threading, time

def observe(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        found = next((each for each in arguments if isinstance(each, tuple)), (arguments[0],))[0]
        host = found.decode() if isinstance(found, bytes) else str(found or "localhost")
        try:
            here = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            here = False
        with open(os.environ["OBSERVED"], "a") as file:
            file.write(f"{'here' if here else host}\\n")

def leave():
    import socket
    while not getattr(sys.modules.get("sandbox.privacy"), "_guards", None):
        time.sleep(0.05)
    try:
        socket.create_connection(("192.0.2.1", 443), timeout=1)
    except OSError:
        pass

sys.addaudithook(observe)
if os.environ.get("PLANTED"):
    threading.Thread(target=leave, daemon=True).start()
"""

SCRIPT = """
otherwise: {approval: wait}
cards: {denver: "decline:insufficient_funds"}
say:
  - {customer: acme, period: PERIOD, do: halt, by: ann, reason: ask them, when: draft + 6h}
  - {customer: acme, period: PERIOD, do: resume, by: ann, reason: they confirm, when: draft + 8h}
  - {customer: acme, period: PERIOD, do: edit, by: ann, reason: typo, when: draft + 9h, change: {row-2: "90.00"}}
"""


@contextmanager
def _trap() -> Iterator[tuple[int, list[str]]]:
    """A port that nobody has any business at, and who came all the same."""
    visitors: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                visitors.append(repr(connection.recv(100)))
                connection.close()

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1], visitors


def _company(folder: Path) -> None:
    (folder / "sales").mkdir()
    (folder / "observer").mkdir()
    (folder / "observer" / "sitecustomize.py").write_text(OBSERVER)
    (folder / "reviewers.yaml").write_text(SCRIPT.replace("PERIOD", PERIOD))
    rows = [("acme", "100.00"), ("quito", "12,50"), ("denver", "95"), ("zurich", "999.95")]
    with (folder / "customers.csv").open("w") as file:
        csv.writer(file).writerow((*REQUIRED, "review_mode"))
        for name, _ in rows:
            where = f"{name}@{name}.example", name.title(), "eur", "Europe/Paris"
            mode = "approve" if name == "zurich" else "monitor"
            csv.writer(file).writerow((name, *where, f"cus_Real{name}", f"pm_Real{name}", mode))
    with (folder / "sales" / f"{PERIOD}.csv").open("w") as file:
        csv.writer(file).writerow(("email", "amount", "description"))
        csv.writer(file).writerows((f"{name}@{name}.example", amount, "Sale") for name, amount in rows)


def _rehearse(folder: Path, port: int, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """With settings that would reach the real world, or the trap."""
    secret = "0123456789abcdef" * 2
    settings = {
        "BILLING_STRIPE_API_KEY": f"sk_live_{secret}",
        "BILLING_STRIPE_WEBHOOK_SECRET": f"whsec_{secret}",
        "BILLING_SALES_FOLDER": str(folder / "sales"),
        "BILLING_SMTP_HOST": "127.0.0.1",
        "BILLING_SMTP_PORT": str(port),
        "BILLING_SMTP_PASSWORD": secret,
        "BILLING_MAIL_FROM": "billing@company.example",
        "BILLING_REVIEWERS_EMAIL": "reviewers@company.example",
        "BILLING_ALERT_URLS": f"json://127.0.0.1:{port}/ ntfys://ntfy.example/billing",
        "BILLING_CONSOLE_URL": "https://billing.company.example",
        "BILLING_LINK_SECRET": secret,
        "BILLING_DATA_DIR": str(folder / "data"),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
        "TEMPORAL_API_KEY": secret,
        "HTTP_PROXY": f"http://127.0.0.1:{port}",
        "https_proxy": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(folder / "observer"),
        "OBSERVED": str(folder / "observed"),
    }
    (folder / ".env").write_text(f"TEMPORAL_API_KEY={secret}\nTEMPORAL_NAMESPACE=production\n")
    command = [sys.executable, str(ROOT / "starter.py"), "rehearse", "--months", "2", *options]
    command += ["--from", "customers.csv", "--keep", str(folder / "kept"), "--json"]
    environment = {**os.environ, **settings, **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    folder = tmp_path_factory.mktemp("rehearsal")
    _company(folder)
    with _trap() as (port, visitors):
        done = _rehearse(folder, port, "--reviewers", "reviewers.yaml", "--csv", "rows.csv")
    assert done.returncode == 1, done.stdout + done.stderr  # people are needed
    return folder, json.loads(done.stdout), visitors


Rehearsed = tuple[Path, dict[str, Any], list[str]]


def test_the_months_to_come_are_billed_by_the_production_code(rehearsed: Rehearsed) -> None:
    folder, found, _ = rehearsed
    assert [(month["period"], month["sheets"]) for month in found["months"]] == [
        (PERIOD, [PERIOD]),
        (PERIOD.next(), [PERIOD]),
    ]
    stages = {(row["customer_id"], row["period"]): row["stage"] for row in found["customers"]}
    waits = {("zurich", PERIOD): "Waiting", ("zurich", PERIOD.next()): "NotReached"}
    assert stages == waits | {
        (name, period): stage
        for period in (PERIOD, PERIOD.next())
        for name, stage in (("acme", "Paid"), ("denver", "PastDue"), ("quito", "Skipped"))
    }
    assert [month["charged_minor"] for month in found["months"]] == [{"eur": 9000}, {"eur": 10000}]
    with (folder / "rows.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == 8


def test_people_are_named_who_are_needed_and_reviewers_are_heard(rehearsed: Rehearsed) -> None:
    _, found, _ = rehearsed
    needed = {(row["customer_id"], row["assumed"]) for row in found["customers"] if row["person"]}
    waits = ("zurich", "left waiting; later months are not rehearsed")
    assert needed == {("quito", "skipped"), waits}  # acme was resumed before anybody had to be told
    assert [(each["do"], each["accepted"]) for each in found["reviewers"]] == [
        ("halt", True),
        ("resume", True),
        ("edit", True),
    ]
    owed = {row["collection"] for row in found["customers"] if row["customer_id"] == "denver"}
    assert owed == {"Exhausted"}
    mails = read_mail(Path(found["mail_folder"]))
    assert len(mails) == found["mails"] > 8
    assert any("€90.00" in mail.text and "billing@company.example" in mail.path.read_text() for mail in mails)


def test_nothing_leaves_this_machine_whatever_is_configured(rehearsed: Rehearsed) -> None:
    folder, _, visitors = rehearsed
    assert visitors == []
    observed = (folder / "observed").read_text().split()
    assert set(observed) == {"here"}
    assert len(observed) > 8  # the observer does look; mails share connections
    assert not (folder / "data").exists()


def test_a_connection_to_elsewhere_ends_the_rehearsal(tmp_path: Path) -> None:
    _company(tmp_path)
    with _trap() as (port, _):
        done = _rehearse(tmp_path, port, PLANTED="1")
    assert done.returncode == 1
    assert "tried to reach 192.0.2.1" in done.stderr
    assert "192.0.2.1" in (tmp_path / "observed").read_text().split()
