"""Planned works: told once to everybody who is concerned by the company's contracts, and to nobody else."""

from collections import Counter
from collections.abc import Iterator

from billing.announcements.announcement import Announcement, AnnouncementKind, RecipientState
from sandbox.judge.evidence import Evidence
from sandbox.judge.service_orders.service_evidence import AnnouncementEvidence
from sandbox.stand_ins.office import Works


def wrongly_announced(evidence: Evidence) -> Iterator[str]:
    if not evidence.services.is_on_paper:
        return
    by_key = {each.announcement.key: each for each in evidence.services.announcements}
    sent = Counter((_phone(text["to"]), text["body"]) for text in evidence.subscribers.texts)
    for key, works in evidence.services.papers.works.items():
        if (known := by_key.get(key)) is None:
            if evidence.is_over:
                yield f"works {key} were announced, and the ledger does not know them"
            continue
        knew = _told(sent, by_key[works.changes].announcement) if works.changes in by_key else set[str]()
        yield from (f"works {key}: {wrong}" for wrong in _works(sent, known, works, knew, evidence.is_over))
    unknown = by_key.keys() - evidence.services.papers.works.keys()
    yield from (f"works {key} are announced, and nobody has written them" for key in sorted(unknown))


def _works(
    sent: Counter[tuple[str, str]], known: AnnouncementEvidence, works: Works, knew: set[str], is_over: bool
) -> Iterator[str]:
    """``knew``: who was told of what it changes. They get the news, and of a cancellation nobody else does."""
    announcement = known.announcement
    is_cancelled = announcement.kind is AnnouncementKind.CANCELLATION
    told = _told(sent, announcement)
    concerned = knew if is_cancelled else works.phones
    for phone in sorted(told - concerned):
        yield f"{phone} was told, and is not concerned"
    for (phone, body), times in sent.items():
        if body in _bodies(announcement) and times > 1:
            yield f"{phone} was told {times} times"
        if announcement.news is not None and phone in knew and body == announcement.text:
            yield f"{phone} was told as if they knew nothing"
    if not is_cancelled and not all(works.reason in body for body in _bodies(announcement)):
        yield f"it tells {_bodies(announcement)}, and is about {works.reason}"
    if announcement.approved_at is None or not is_over:
        return
    excused = {_phone(each.recipient) for each in known.recipients if each.recipient and _is_excused(each.state)}
    for phone in sorted(concerned - told - excused):
        yield f"{phone} is concerned, and was not told"


def _is_excused(state: RecipientState) -> bool:
    """Refused by the vendor, gone or replaced since, or still waiting for the hours of contact."""
    return state is not RecipientState.TOLD


def _told(sent: Counter[tuple[str, str]], announcement: Announcement) -> set[str]:
    return {phone for phone, body in sent if body in _bodies(announcement)}


def _bodies(announcement: Announcement) -> list[str]:
    return [body for body in (announcement.text, announcement.news) if body is not None]


def _phone(number: str) -> str:
    return f"+{number.lstrip('+')}"
