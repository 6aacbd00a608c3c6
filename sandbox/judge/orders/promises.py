"""OrdersEvidence, held against what was promised. Each promise is a function that yields what breaks it.

A release is judged at its position of the journal: by the sum of the entries until there, and by what was agreed then.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from billing.receivables.journal import Cause
from billing.remedies import Remedy
from billing.reviewers.alerts import AlertKind
from orders.changes import Amend, Cancel
from orders.order import Agreement, Answered, EndKind, Release, ReleaseKind
from sandbox.judge.evidence import Evidence
from sandbox.judge.orders.order_evidence import OrderEvidence, OrdersEvidence

_MOMENT = timedelta(seconds=30)
"""How long a transaction that had begun before a pull of the brake may still take."""
_BACK = (Cause.REFUND, Cause.CHARGEBACK, Cause.ALLOCATION)
"""The last: credit that had paid the order has gone back."""
_CHANGES = {
    "amended": "Amend",
    "cancelled": "Cancel",
    "halted": "Halt",
    "resumed": "Resume",
    "sent_again": "SendAgain",
}


def wrongly_released(evidence: Evidence) -> Iterator[str]:
    """Whether each release was due at its position, and allowed then."""
    for order in evidence.orders.orders:
        counts = Counter(release.kind for release in order.releases)
        yield from (f"{order.name}: released {n} times for {kind}" for kind, n in counts.items() if n > 1)
        for release in order.releases:
            yield from (f"{order.name}, {release.kind}: {wrong}" for wrong in _release(evidence.orders, order, release))
        yield from (f"{order.name}: {wrong}" for wrong in _by_the_log(order))


def _release(orders: OrdersEvidence, order: OrderEvidence, release: Release) -> Iterator[str]:
    if release.position not in {row.number for row in order.unpaid}:
        yield f"nothing of the order is at position {release.position} of the journal"
    version = order.version_at(release.position)
    if release.version != version:
        yield f"version {release.version} was released, agreed was {version}"
    owed_minor = order.owed_at(release.position)
    if release.owed_minor != owed_minor:
        yield f"{release.owed_minor} were owed by the release, {owed_minor} by the journal"
    agreed = order.versions[version - 1].agreed if 0 < version <= len(order.versions) else order.standing.order.agreed
    if owed_minor > (allowed_minor := _allowed(order, agreed, release.kind)):
        yield f"{owed_minor} were owed at position {release.position}, at most {allowed_minor} are allowed"
    if order.ended_at is not None and release.position >= order.ended_at:
        yield "after its end"
    for brake in orders.brakes:
        if brake.pulled_at + _MOMENT < release.at and (brake.released_at is None or release.at < brake.released_at):
            yield f"at {release.at}, while the brake was on since {brake.pulled_at}"


def _by_the_log(order: OrderEvidence) -> Iterator[str]:
    halted, ended, released = False, "", Counter[str]()
    for entry in order.log:
        match entry.what:
            case "halted" | "resumed":
                halted = entry.what == "halted"
            case "cancelled" | "expired":
                ended = entry.what
            case "released":
                released[entry.what] += 1
                if halted:
                    yield f"released at {entry.at}, while it was halted"
                if ended:
                    yield f"released at {entry.at}, after it was {ended}"
    if released["released"] != len(order.releases):
        yield f"{released['released']} releases by the log, {len(order.releases)} on record"


def _allowed(order: OrderEvidence, agreed: Agreement, kind: ReleaseKind) -> int:
    """What may be owed for this release."""
    price_minor, tolerance_minor = sum(line.amount_minor for line in agreed.lines), order.standing.order.tolerance_minor
    if kind is ReleaseKind.SHIPMENT or agreed.deposit_percent is None:
        return tolerance_minor
    hundredths = price_minor * agreed.deposit_percent
    deposit_minor = hundredths // 100 + (hundredths % 100 > 0)
    return price_minor - deposit_minor + tolerance_minor


def unreleased(evidence: Evidence) -> Iterator[str]:
    """What is paid enough, and neither halted, braked nor ended."""
    yield from (f"order {number} was placed, and the ledger does not know it" for number in evidence.orders.unknown)
    for order in evidence.orders.orders:
        known = order.standing.order
        if evidence.orders.is_braked or known.halt or known.end:
            continue
        agreed, kinds = known.agreed, [ReleaseKind.PRODUCTION]
        kinds += [ReleaseKind.SHIPMENT] if agreed.deposit_percent is not None else []
        done = {release.kind for release in order.releases}
        for kind in kinds:
            if kind not in done and order.owed_minor <= _allowed(order, agreed, kind):
                yield f"{order.name}: {order.owed_minor} are owed, and it is not released for {kind}"


def untold_production(evidence: Evidence) -> Iterator[str]:
    """Production's own journal against the releases."""
    begun: dict[tuple[str, str], list[dict[str, object]]] = {}
    for job in evidence.orders.jobs:
        data = job["event"]["data"]
        begun.setdefault((data["number"], data["kind"]), []).append(data)
    for order in evidence.orders.orders:
        for release in order.releases:
            jobs = begun.pop((order.number, release.kind), [])
            if len(jobs) > 1:
                yield f"{order.name}: production has begun {release.kind} {len(jobs)} times"
            if not jobs and isinstance(release.answer, Answered):
                yield f"{order.name}: production knows nothing of its release for {release.kind}"
            if not jobs and release.answer is None and evidence.is_over:
                yield f"{order.name}: production was never told of its release for {release.kind}"
            expected = _told(order, release)
            for job in jobs:
                yield from (
                    f"{order.name}: {field} is {job.get(field)} for production, should be {value}"
                    for field, value in expected.items()
                    if job.get(field) != value
                )
    yield from (f"production has begun {kind} of order {number}, which was not released" for number, kind in begun)


def _told(order: OrderEvidence, release: Release) -> dict[str, object]:
    """What production has to be told, by the agreement that was placed with us."""
    version = order.version_at(release.position)
    agreed = _placed(order)[version - 1] if 0 < version <= len(_placed(order)) else order.standing.order.agreed
    shown = agreed.model_dump(mode="json")
    return {
        "version": version,
        "customer_id": order.customer_id,
        "lines": shown["lines"],
        "file_digest": shown["file_digest"],
        "currency": order.standing.order.currency,
        "price_minor": sum(line.amount_minor for line in agreed.lines),
        "owed_minor": order.owed_at(release.position),
    }


def _placed(order: OrderEvidence) -> list[Agreement]:
    """What was agreed, version by version, by the seller; an amendment that was refused is not among the versions."""
    found = [order.request.agreed] if order.request else []
    for version in order.versions[1:]:
        asked = [
            change for change in order.asked if isinstance(change, Amend) and change.version == version.version - 1
        ]
        found += [change.agreed for change in asked if change.agreed == version.agreed][:1]
    return found


def unasked(evidence: Evidence) -> Iterator[str]:
    """Changes that nobody has asked for, or that took effect twice; ends that neither people nor its expiry made."""
    for order in evidence.orders.orders:
        if order.request is None:
            yield f"{order.name} was never placed"
        elif [version.agreed for version in order.versions] != _placed(order):
            yield f"{order.name}: its versions are not what was agreed"
        asked, done = Counter(type(change).__name__ for change in order.asked), Counter[str]()
        for entry in order.log:
            if entry.what in _CHANGES:
                done[_CHANGES[entry.what]] += 1
                names = {change.by for change in order.asked if type(change).__name__ == _CHANGES[entry.what]}
                if entry.by not in names:
                    yield f"{order.name}: {entry.what} by {entry.by or 'nobody'}, who has not asked for it"
        yield from (f"{order.name}: {n} times {what}" for what, n in done.items() if n > asked[what])
        yield from _ends(order)


def _ends(order: OrderEvidence) -> Iterator[str]:
    ended, request = order.standing.order.end, order.request
    if (ended is None) != (order.ended_at is None):
        yield f"{order.name}: its end is {ended and ended.kind}, and its bill says something else"
    if ended is None:
        return
    if ended.kind is EndKind.CANCELLED and not any(isinstance(change, Cancel) for change in order.asked):
        yield f"{order.name} was cancelled, and nobody has asked for it"
    if ended.kind is EndKind.EXPIRED:
        before = order.owed_at((order.ended_at or 1) - 1)
        if request is None or request.expires_at is None or ended.at < request.expires_at:
            yield f"{order.name} expired at {ended.at}, too early"
        elif before <= _allowed(order, order.versions[-1].agreed, ReleaseKind.PRODUCTION):
            yield f"{order.name} expired, although it was paid enough"


def untold_people(evidence: Evidence) -> Iterator[str]:
    """Money of an ended order, money that went back after a release, and what production has rejected."""
    for order in evidence.orders.orders:
        own = [alert for alert in evidence.alerts if alert.order_number == order.number]
        of_money = (alert for alert in own if alert.kind is AlertKind.MONEY)
        told = Counter(alert.amount_minor for alert in of_money if not any(map(_is_of_payment, alert.remedies)))
        if order.releases and told != (expected := Counter(_owed_again(order))):
            yield f"{order.name}: people were told of {dict(told)} owed again, should be {dict(expected)}"
        rejected = sum(entry.what == "rejected" for entry in order.log)
        if rejected > sum(alert.kind is AlertKind.PERSON for alert in own):
            yield f"{order.name} was rejected {rejected} times by production, and nobody was told"
    yield from _late_money(evidence)


def _is_of_payment(remedy: Remedy) -> bool:
    """Such as of money that came twice: it is told of the payment."""
    return bool(remedy.reference)


def _owed_again(order: OrderEvidence) -> Iterator[int]:
    """What was owed each time after money had gone back, if that was more than the releases allow."""
    by_number: dict[int, Cause] = {row.number: row.cause for row in order.unpaid}
    for before, (position, cause) in pairwise([(0, None), *by_number.items()]):
        earlier = [release for release in order.releases if release.position < position]
        owed_minor = order.owed_at(position)
        agreed = order.versions[max(0, order.version_at(position) - 1)].agreed
        is_missing = any(owed_minor > _allowed(order, agreed, release.kind) for release in earlier)
        if cause in _BACK and is_missing and owed_minor > order.owed_at(before[0]):
            yield owed_minor


def _late_money(evidence: Evidence) -> Iterator[str]:
    """Arrivals for an ended order, each of which is told to people with its amount."""
    told = Counter((a.customer_id, a.amount_minor, a.currency) for a in evidence.alerts if a.kind is AlertKind.MONEY)
    orders = {order.name: order for order in evidence.orders.orders}
    late: Counter[tuple[str, int | None, str]] = Counter()
    for name, arrival in evidence.registers.arrivals.items():
        position, order = evidence.positions.get(name, 0), orders.get(arrival.subject)
        if order is None or order.ended_at is None or not arrival.is_named:
            continue
        if position > order.ended_at and order.owed_at(position - 1) <= 0:
            late[arrival.customer_id, arrival.amount_minor, arrival.currency] += 1
    for matter, times in late.items():
        if told[matter] < times:
            whose, amount_minor, currency = matter
            yield f"{whose} has paid {amount_minor} {currency} for an ended order, {times} times, and nobody was told"


def open_links(evidence: Evidence) -> Iterator[str]:
    """Links that were opened before an amendment or an end, and can still be paid."""
    orders = {order.number: order for order in evidence.orders.orders}
    for link in evidence.orders.open_links:
        order = orders.get(link.checkout.subject.name)
        if order is None or not evidence.is_over:
            continue
        changed = [entry.at for entry in order.log if entry.what in ("amended", "cancelled", "expired")]
        if any(at > link.checkout.created_at for at in changed) and link.amount_minor != order.owed_minor:
            name = link.checkout.checkout_id
            yield f"{order.name} can be paid by {name}: {link.amount_minor}, not {order.owed_minor}"
