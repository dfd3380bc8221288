"""What happened to a refund: decided, asked of the bank, paid, come back. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sampan.dashboard import refund_words
from sampan.dashboard.story import ACTORS, Fact, Moment, cut
from sampan.flow.refund_records import ALARM_BEGINS, FILE_PREFIX, reference_of
from sampan.storage.decisions import Decision
from sampan.storage.journal import Entry
from sampan.storage.refunds import Refund, RefundFile
from sampan.web.i18n import mark

WHY_CHARS_MAX: Final = 600
VALUE_CHARS_MAX: Final = 160
_STAFF: Final = "staff:"

_EVENTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "refund exported": (mark("It was put into a file for the bank"), "busy", "exported"),
    "refund confirmed": (mark("The bank paid it"), "good", "confirmed"),
    "refund failed": (mark("The bank did not pay it"), "bad", "failed"),
    "refund withdrawn": (mark("It was withdrawn"), "idle", "withdrawn"),
}
"""What stands in the journal → its sentence, its tone, and what the refund became by it."""
CAME_BACK: Final = mark("Its money came back to the account")


def line(
    refund: Refund,
    entries: Sequence[Entry],
    *,
    decision: Decision | None,
    file: RefundFile | None,
    people: Mapping[str, str],
) -> list[Moment]:
    """Return what happened, the oldest first. `people`: as the journal → name."""
    told = [
        *_decided(refund, decision, people=people),
        *_after(refund, entries, file=file, people=people),
    ]
    return sorted(told, key=lambda moment: moment.at_us)


def _decided(
    refund: Refund, decision: Decision | None, *, people: Mapping[str, str]
) -> Iterator[Moment]:
    by, why, text = refund.by, refund.why, mark("It was decided")
    if decision is not None and decision.by != decision.ended_by:
        yield Moment(
            at_us=decision.created_us,
            text=mark("It was proposed"),
            tone="busy",
            person=_person(decision.by, people),
            why=cut(decision.why, WHY_CHARS_MAX),
        )
        by, why, text = decision.ended_by, decision.ended_why, mark("A second person approved it")
    yield Moment(
        at_us=refund.created_us,
        text=text,
        tone="busy",
        person=_person(by, people),
        why=cut(why, WHY_CHARS_MAX),
        status="approved",
    )


def _after(
    refund: Refund,
    entries: Sequence[Entry],
    *,
    file: RefundFile | None,
    people: Mapping[str, str],
) -> Iterator[Moment]:
    reference, before = reference_of(refund), ""
    last = max((entry.at_us for entry in entries if entry.what == "refund confirmed"), default=0)
    for entry in entries:
        if entry.what == "alarm":
            yield _alarm(entry, reference)
            continue
        if entry.what not in _EVENTS:
            continue
        text, tone, status = _EVENTS[entry.what]
        facts = []
        if entry.what == "refund exported" and file is not None:
            facts = [Fact(mark("File"), f"{FILE_PREFIX}{file.id}")]
        elif entry.what == "refund confirmed" and entry.at_us == last and refund.bank_txn_id:
            facts = [Fact(mark("The bank's id"), cut(refund.bank_txn_id, VALUE_CHARS_MAX))]
        elif entry.what == "refund failed" and before == "refund confirmed":
            text = CAME_BACK
        before = entry.what
        is_staff = entry.by.startswith(_STAFF)
        why = entry.why.removeprefix(f"{reference}: ") if entry.what != "refund exported" else ""
        yield Moment(
            at_us=entry.at_us,
            text=text,
            tone=tone,
            actor=ACTORS.get(entry.by, ""),
            person="" if entry.by in ACTORS else _person(entry.by, people),
            why=cut(why, WHY_CHARS_MAX) if is_staff else "",
            status=status,
            facts=facts,
        )


def _alarm(entry: Entry, reference: str) -> Moment:
    what, _, identity = entry.why.removeprefix(f"{ALARM_BEGINS}{reference}: ").rpartition(": ")
    text = refund_words.ALARMS.get(what, refund_words.OTHER_ALARM)
    return Moment(
        at_us=entry.at_us,
        text=text,
        values={"id": cut(identity, VALUE_CHARS_MAX)},
        tone="bad",
        actor=ACTORS.get(entry.by, ""),
    )


def _person(by: str, people: Mapping[str, str]) -> str:
    return people.get(by, by.removeprefix(_STAFF))
