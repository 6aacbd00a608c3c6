"""``orders import``, as an operator types it: previewed, opened once, refused whole."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.unit.command_line import Run, ledger, one_line, run
from tests.unit.order_shop import shop, shown

__all__ = ["ledger", "run", "shop"]  # fixtures
HEADER = "number,customer,name,email,currency,description,quantity,amount,file,deposit,tolerance,expires\n"


def test_a_file_is_previewed_then_opened_and_a_repeat_changes_nothing(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "sign.pdf").write_bytes(b"%PDF")
    (tmp_path / "orders.csv").write_text(
        HEADER
        + "1042,nowak,A. Nowak,,eur,Sign,2,90.00,sign.pdf,30,,2999-12-24\n1043,kim,Kim,,usd,Poster,,1x,,,,\n"
        + "1042,,,,,Post,,5.00,,,,\n1044,lee,Lee,,jpy,Cup,3,1500,,,,\n1045,lee,Lee,,jpy,Cup,3,1500,none.pdf,,,\n"
    )
    arguments = ("orders", "import", "orders.csv", "--by", "ann")
    preview = shop(*arguments, "--dry-run")
    assert preview.exit_code == 1
    assert "2 opened, 0 known, 2 refused" in preview.stdout
    assert "nothing was opened" in preview.stdout
    assert shop("orders", "list").stdout.startswith("no such order")
    done = json.loads(shop(*arguments, "--json").stdout)
    assert done["counts"] == {"opened": 2, "known": 0, "refused": 2}
    refused = {row["number"]: (row["line"], row["reason"]) for row in done["orders"] if row["status"] == "refused"}
    assert refused["1043"][0] == 3
    assert "'1x' is not an amount in USD" in refused["1043"][1]
    assert refused["1045"][0] == 6
    assert "none.pdf cannot be read" in refused["1045"][1]
    order = shown(shop)
    assert (order["due_minor"], order["agreed"]["deposit_percent"], order["opened_by"]) == (9500, 30, "ann")
    assert order["agreed"]["file_digest"] == hashlib.sha256(b"%PDF").hexdigest()
    assert json.loads(shop(*arguments, "--json").stdout)["counts"] == {"opened": 0, "known": 2, "refused": 2}
    assert [entry["what"] for entry in shown(shop)["log"]] == ["opened"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"number,customer\n", "the first row lacks name"),
        (b"", "the first row is empty"),
        (HEADER.encode().replace(b",", b";"), "its cells are separated by semicolons; save it with commas"),
        (HEADER.encode("utf-16"), "is not UTF-8"),
        (HEADER.replace("email", "colour").encode(), "not a column: colour"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(shop: Run, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "orders.csv").write_bytes(content)
    result = shop("orders", "import", "orders.csv", "--by", "ann")
    assert (result.exit_code, said in one_line(result)) == (2, True), result.stderr


def test_without_tables_that_is_said_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(HEADER + "1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,\n" * 3)
    result = run("orders", "import", "orders.csv", "--by", "ann")
    assert (result.exit_code, "python starter.py setup" in one_line(result)) == (1, True)
