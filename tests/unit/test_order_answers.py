"""Production's answer keeps its kind in a payload."""

from datetime import UTC, datetime

import pytest

from orders.order import Answered, Rejected, Release, ReleaseKind

AT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("answer", [None, Answered(at=AT, text="job 7"), Rejected(at=AT, text="410 gone")])
def test_an_answer_that_travels_is_still_of_its_kind(answer: Answered | Rejected | None) -> None:
    release = Release(kind=ReleaseKind.PRODUCTION, version=1, at=AT, position=1, owed_minor=0, answer=answer)
    assert Release.model_validate_json(release.model_dump_json()) == release
