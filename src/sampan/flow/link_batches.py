"""Payment links from a file: look at its lines, start it, and make its links a few at a time."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sampan.codecs.link_csv import Line
from sampan.domain import link_form
from sampan.domain.link_form import Flaw, LinkForm, Wrong
from sampan.domain.project import Project
from sampan.domain.texts import TEXT_CHARS_MAX
from sampan.flow import staff_links
from sampan.flow.links import Link, Office
from sampan.flow.settle import Step
from sampan.storage import journal, link_batches, outbox
from sampan.storage.engine import Tx
from sampan.storage.journal import Entry
from sampan.storage.link_batches import Batch, BatchLine

TASK: Final = "link_batch"
LINES_AT_ONCE: Final = 25
"""Links of one transaction: few enough that nobody waits for it, and that its ids suffice."""
FILE_NAME_CHARS_MAX: Final = 120


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A file as somebody sent it, looked at: `by` as the journal writes people."""

    file_name: str
    by: str
    lines: tuple[BatchLine, ...]


def looked_at(
    project: Project, lines: Iterable[Line], *, seed: str, mail_on: bool, now_us: int
) -> tuple[BatchLine, ...]:
    """Return the lines of a file with everything that is wrong with them by themselves.

    Payment ids are made up under `seed`, which nobody else may have used. Takes some 50 µs a line.
    """
    read = [_looked_at(project, line, mail_on=mail_on, now_us=now_us) for line in lines]
    twice = link_form.doubled([(line.line, line.payment_id) for line in read])
    found = []
    for line in read:
        flaws = (*line.flaws, *([twice[line.line]] if line.line in twice else []))
        payment_id = line.payment_id or link_form.drawn_id(f"{seed}/{line.line}")
        found.append(_judged(line, flaws, payment_id=payment_id))
    return tuple(found)


def take(tx: Tx, project: Project, sent: Sent, *, now_us: int) -> Batch:
    """Keep a file of at least one line; ids that the project has used are noted. Makes no link."""
    ids = [line.payment_id for line in sent.lines if line.status == "ready"]
    used = link_batches.used_ids(tx, project.id, ids)
    batch = Batch(
        id=tx.new_id(),
        project_id=project.id,
        file_name=sent.file_name[:FILE_NAME_CHARS_MAX],
        status="checked",
        by=sent.by,
        lines_count=len(sent.lines),
        created_us=now_us,
    )
    lines = (msgspec.structs.replace(_with_used(line, used), batch=batch.id) for line in sent.lines)
    link_batches.add(tx, batch, lines)
    _note(tx, batch, "links checked", step=Step(now_us, sent.by, batch.file_name))
    return batch


def start(tx: Tx, batch: Batch, *, step: Step) -> bool:
    """Let the links of the lines that are right be made; False when that was said before."""
    if not link_batches.start(tx, batch.id, now_us=step.now_us):
        return False
    outbox.put(tx, TASK, lane=str(batch.project_id), subject=batch.id, due_us=step.now_us)
    _note(tx, batch, "links started", step=step)
    return True


def work(
    tx: Tx,
    project: Project,
    batch: Batch,
    *,
    office: Office,
    steps: Sequence[Step],
) -> int:
    """Make the next links, at most one for each step, and return how many lines were worked on.

    What becomes of a line is written with its link, so nothing is lost or made twice, whoever is
    stopped and whoever works at the same time. Fewer than there are steps: the file is done.
    """
    lines = link_batches.ready(tx, batch.id, most=len(steps))
    for line, step in zip(lines, steps, strict=False):
        made = _make(tx, project, line, office=office, step=step)
        if isinstance(made, Link):
            link_batches.settle(tx, line, payment=made.payment.key)
        else:
            link_batches.settle(tx, line, payment=None, flaws=made)
    is_last = len(lines) < len(steps)
    if is_last and link_batches.finish(tx, batch.id, now_us=steps[0].now_us):
        outbox.drop(tx, TASK, lane=str(batch.project_id), subject=batch.id)
    return len(lines)


def give_up(tx: Tx, batch: Batch) -> int | None:
    """Leave the next line without a link, so that the others go on; return its number."""
    lines = link_batches.ready(tx, batch.id, most=1)
    for line in lines:
        link_batches.settle(tx, line, payment=None, flaws=(Flaw("", Wrong.FAILED),))
    return lines[0].line if lines else None


def _make(
    tx: Tx, project: Project, line: BatchLine, *, office: Office, step: Step
) -> Link | tuple[Flaw, ...]:
    # Whether mail could be sent was asked when the file was looked at.
    form = link_form.read(line.given, now_us=step.now_us, mail_on=True)
    if not isinstance(form, LinkForm):
        return form
    flaws = staff_links.flaws_of_project(project, form)
    if flaws:
        return flaws
    digest = link_form.digest_of(line.given, f"line {line.batch}/{line.line}")
    request = staff_links.request_of(form, drawn_id=line.payment_id, digest=digest)
    made = staff_links.make(tx, project, request, office=office, step=step)
    return made if isinstance(made, Link) else (made,)


def _looked_at(project: Project, line: Line, *, mail_on: bool, now_us: int) -> BatchLine:
    given = dict(line.cells or {})
    flaws: tuple[Flaw, ...] = (Flaw("", Wrong.CELLS),)
    if line.cells is not None:
        form = link_form.read(given, now_us=now_us, mail_on=mail_on)
        flaws = _flaws(project, form)
    payment_id = given.get("payment_id", "").strip()
    kept = {name: _kept(text) for name, text in given.items()}
    bare = BatchLine(batch=0, line=line.number, status="", payment_id=payment_id, given=kept)
    return _judged(bare, flaws, payment_id=payment_id)


def _flaws(project: Project, form: LinkForm | tuple[Flaw, ...]) -> tuple[Flaw, ...]:
    if isinstance(form, LinkForm):
        return staff_links.flaws_of_project(project, form)
    return form


def _judged(line: BatchLine, flaws: tuple[Flaw, ...], *, payment_id: str) -> BatchLine:
    return msgspec.structs.replace(
        line, flaws=flaws, status="faulty" if flaws else "ready", payment_id=_kept(payment_id)
    )


def _with_used(line: BatchLine, used: frozenset[str]) -> BatchLine:
    if line.payment_id not in used or line.status != "ready":
        return line
    return _judged(line, (Flaw("payment_id", Wrong.USED),), payment_id=line.payment_id)


def _kept(text: str) -> str:
    """Return a text as databases take it; one that fits its column stays as it is."""
    return text.replace("\0", "\ufffd")[: TEXT_CHARS_MAX + 1]


def _note(tx: Tx, batch: Batch, what: str, *, step: Step) -> None:
    tx_entry = Entry(
        at_us=step.now_us, project_id=batch.project_id, what=what, by=step.by, why=step.why
    )
    journal.write(tx, tx_entry)
