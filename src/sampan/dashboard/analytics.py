"""Analytics: one page for each dataset, by what its address asks for, and the same table as CSV."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sampan.codecs.safe_csv import csv_file
from sampan.dashboard import analytics_query
from sampan.dashboard.analytics_datasets import view
from sampan.dashboard.analytics_query import GRANULARITIES, PATH, PERIODS, ZONES, Asked
from sampan.dashboard.analytics_views import View, Writing, csv_rows
from sampan.dashboard.analytics_words import NAMES
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.analytics import Answer, Cell, Dataset, Question, answer, day_text
from sampan.domain.analytics_spec import DRAWINGS, Measure, Spec, fetched
from sampan.domain.codes import Code
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.money import DECIMALS
from sampan.storage import projects, rollups
from sampan.storage.engine import Tx
from sampan.web.i18n import mark
from sampan.web.render import language_of

LEADS: Final[Mapping[Dataset, str]] = {
    Dataset.PAYMENTS: mark("All payments by the time they were made, and what has become of them."),
    Dataset.CONVERSION: mark("Of the payments that were paid or declined, how many were paid."),
    Dataset.TURNOVER: mark("What was really paid, by the time the payment ended."),
    Dataset.OPERATIONS: mark("Sales, links, refunds and decisions by the time they ended."),
    Dataset.DECLINES: mark("Why sales failed. A payment that was tried twice counts twice."),
    Dataset.TIME_TO_PAY: mark("From the moment the QR code is asked for to the bank's notice."),
    Dataset.CALLBACKS: mark("Every attempt to tell your shop's server, and how it was answered."),
}


class Seen(NamedTuple):
    """What a page shows."""

    answer: Answer
    projects: Mapping[int, str]


async def dataset(visit: Visit) -> Response:
    """Show a dataset as the address asks for it, which is brought into one spelling."""
    asked = _asked(visit)
    if asked.faults:
        names = await visit.desk.store.read(projects.names)
        context = {**form(asked.spec, names), "asked": asked, "errors": asked.faults}
        return visit.page("analytics.html", {**context, "view": None}, status=400)
    pairs = visit.request.query_params.multi_items()
    if any(not value.strip() for _, value in pairs):
        return visit.go(analytics_query.path(asked.spec))
    question = asked.spec.question(today(visit, asked.spec))

    def read(tx: Tx) -> Seen:
        return Seen(answers(tx, [question])[question], projects.names(tx))

    seen = await visit.desk.store.read(read)
    context = {
        **form(asked.spec, seen.projects),
        "asked": asked,
        "errors": {},
        **shown(visit, asked.spec, found=seen.answer),
    }
    return visit.page("analytics.html", context)


async def as_csv(visit: Visit) -> Response:
    """Send the table of a dataset's page."""
    asked = _asked(visit)
    if asked.faults:
        return visit.go(f"{PATH}/{asked.spec.dataset}?{visit.request.url.query}")
    question = asked.spec.question(today(visit, asked.spec))
    found = await visit.desk.store.read(lambda tx: answers(tx, [question])[question])
    writing = Writing(asked.spec, found, language_of(visit.request))
    name = "-".join([asked.spec.dataset, *writing.times.text().split(" – ")])
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    body = csv_file(csv_rows(view(writing).table))
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def today(visit: Visit, spec: Spec) -> str:
    """Return the day that it is where the spec's days begin."""
    return day_text(visit.now_us, spec.zone)


def answers(tx: Tx, questions: Iterable[Question]) -> dict[Question, Answer]:
    """Answer all questions; the same cells are fetched once."""
    cells: dict[Question, list[Cell]] = {}
    found: dict[Question, Answer] = {}
    for question in questions:
        wanted = fetched(question)
        if wanted not in cells:
            cells[wanted] = rollups.cells(tx, wanted)
        if question not in found:
            found[question] = answer(question, cells[wanted])
    return found


def shown(visit: Visit, spec: Spec, *, found: Answer) -> dict[str, Any]:
    """Return what a template says of an answer."""
    writing = Writing(spec, found, language_of(visit.request))
    made: View = view(writing)
    return {
        "view": made,
        "is_empty": not found.every.count,
        "days": writing.times.text(),
        "by": GRANULARITIES[found.question.granularity],
        "is_other_step": spec.by is not None and spec.by is not found.question.granularity,
    }


def form(spec: Spec, names: Mapping[int, str]) -> dict[str, Any]:
    """Return what the filters of a page offer."""
    return {
        "spec": spec,
        "dataset": spec.dataset,
        "lead": LEADS[spec.dataset],
        "datasets": tabs(),
        "periods": [
            (
                name,
                analytics_query.path(spec, period=one, days=None),
                not spec.days and spec.period is one,
            )
            for one, name in PERIODS.items()
        ],
        "granularities": GRANULARITIES,
        "zones": ZONES,
        "currencies": list(DECIMALS),
        "projects": names,
        "has_currency": spec.dataset is not Dataset.CALLBACKS,
        "is_sum": spec.dataset is Dataset.OPERATIONS and spec.measure is Measure.AMOUNT,
        "page_path": f"/dashboard{PATH}/{spec.dataset}",
        "query_text": analytics_query.query(spec),
    }


def tabs() -> Sequence[tuple[str, str, str]]:
    """Return the pages of analytics: value, address, name."""
    return [(one.value, f"/dashboard{PATH}/{one}", NAMES[one]) for one in DRAWINGS]


def known(text: str) -> Dataset:
    """Return the dataset of a name. Raises `Refusal` with 404 for any other."""
    try:
        return Dataset(text)
    except ValueError:
        raise Refusal(Code.NOT_FOUND, "", http_status=404) from None


def _asked(visit: Visit) -> Asked:
    name = known(visit.request.path_params["dataset"])
    return analytics_query.read(name, visit.request.query_params.multi_items())


WAYS: Final = (
    Way("GET", f"{PATH}/{{dataset}}.csv", as_csv, Right.ANALYTICS),
    Way("GET", f"{PATH}/{{dataset}}", dataset, Right.ANALYTICS),
)
