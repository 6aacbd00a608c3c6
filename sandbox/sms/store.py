"""State of the stand-in for texts: what it has taken; every change is a line of its journal.

    store = SmsStore(Path("sms.jsonl"))        # rebuilt from the file
    texts(Path("sms.jsonl"))                   # what a customer's phone has received, in order

Journal lines: {"at": real time in UTC, "kind": "text" | "report_url", ...}.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.stand_ins.journal_file import JournalFile, read_entries, temporary_journal

SMS_JOURNAL = "sms.jsonl"
Text = dict[str, Any]


class SmsStore:
    """Texts by number, in the order in which they were taken. Snapshots are replaced, never changed in place."""

    def __init__(self, journal: Path | None = None) -> None:
        self.texts: dict[int, Text] = {}
        self.report_url = ""
        path = journal or temporary_journal(self)
        if path.exists():
            for entry in read_entries(path):
                self._apply(entry)
        self._file = JournalFile(path)

    def take(self, **fields: Any) -> Text:
        """A new text; ``sid`` names it in Twilio's dialect."""
        number = len(self.texts) + 1
        text = {"number": number, "sid": f"SM{number:032x}", "taken_at": datetime.now(UTC).isoformat(), **fields}
        return self.put(text)

    def put(self, text: Text) -> Text:
        self._note("text", text=text)
        return text

    def set_report_url(self, url: str) -> None:
        self._note("report_url", url=url)

    def newest(self, **fields: Any) -> Text | None:
        found = (text for text in self.texts.values() if fields.items() <= text.items())
        return max(found, key=lambda text: text["number"], default=None)

    def _note(self, kind: str, **fields: Any) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
        self._file.append(json.dumps(entry, ensure_ascii=False) + "\n")
        self._apply(entry)

    def _apply(self, entry: Text) -> None:
        if entry["kind"] == "report_url":
            self.report_url = entry["url"]
        else:
            self.texts[entry["text"]["number"]] = entry["text"]


def texts(journal: Path) -> list[Text]:
    """Every text that was taken, also those that came twice."""
    taken: dict[int, Text] = {}
    for entry in read_entries(journal) if journal.exists() else ():
        if entry["kind"] == "text":
            taken[entry["text"]["number"]] = entry["text"]
    return list(taken.values())
