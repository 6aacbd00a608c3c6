"""The sandbox's journal on a disk that is full, and after kills that tear what is being written."""

import logging
from pathlib import Path

import pytest

from sandbox.judge.rails.stripe_journal import StripeJournal
from sandbox.stand_ins.journal_file import read_entries
from sandbox.stripe.store import Store
from tests.full_disk import full_disk


def customer(store: Store, customer_id: str, email: str = "") -> None:
    store.put({"id": customer_id, "object": "customer", "email": email})
    store.commit()


def customers(path: Path) -> set[str]:
    return {name for name, kept in Store(path).objects.items() if kept["object"] == "customer"}


@pytest.mark.parametrize("room", [0, 1, 200])
def test_on_a_full_disk_nothing_is_half_written_and_nothing_is_lost_that_is_said_later(
    tmp_path: Path, room: int
) -> None:
    path = tmp_path / "stripe.jsonl"
    store = Store(path)
    customer(store, "cus_1")
    before = path.read_bytes()
    with full_disk(path, room), pytest.raises(OSError, match="too large"):
        customer(store, "cus_2", "long" * 100)
    assert path.read_bytes() == before
    customer(store, "cus_3")
    assert customers(path) == {"cus_1", "cus_2", "cus_3"}


@pytest.mark.parametrize("torn", [b"{", b'{"at": "2026-11-28", "kind": "obj', '{"at": "2026", "x": "é'.encode()[:-1]])
def test_a_torn_end_is_named_and_stops_neither_the_next_start_nor_the_judge(
    tmp_path: Path, torn: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "stripe.jsonl"
    customer(Store(path), "cus_1")
    lines = path.read_bytes().count(b"\n")
    with path.open("ab") as file:
        file.write(torn)
    customer(Store(path), "cus_2")
    caplog.clear()
    assert customers(path) == {"cus_1", "cus_2"}
    assert f"stripe.jsonl, line {lines + 1}: left out, because it is torn" in caplog.text
    assert set(StripeJournal.read(path).emails) == {"cus_1", "cus_2"}


def test_of_a_line_that_was_torn_in_the_middle_the_entry_that_follows_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "stripe.jsonl"
    for name in ("cus_1", "cus_2", "cus_3"):
        customer(Store(path), name)
    whole = path.read_bytes()
    second = whole.index(b'"cus_2"')
    path.write_bytes(whole[:second] + whole[whole.index(b"\n", second) + 1 :])  # its beginning, then the next line
    with caplog.at_level(logging.WARNING):
        assert customers(path) == {"cus_1", "cus_3"}
    assert "torn" in caplog.text


def test_an_entry_is_one_line_whatever_is_written_in_it(tmp_path: Path) -> None:
    path = tmp_path / "stripe.jsonl"
    odd = 'a\u2028b\u0085c\nd\r{"at": "'
    customer(Store(path), "cus_1", odd)
    assert StripeJournal.read(path).emails == {"cus_1": odd}
    assert [entry["object"]["email"] for entry in read_entries(path) if entry["object"]["object"] == "customer"] == [
        odd
    ]
