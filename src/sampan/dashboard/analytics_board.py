"""A person's board: charts of their choice, added, moved, widened, renamed and removed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.responses import Response

from sampan.dashboard import analytics_query
from sampan.dashboard.analytics import answers, shown, tabs, today
from sampan.dashboard.analytics_query import GRANULARITIES, NO_VALUE, PATH, PERIODS, ZONES
from sampan.dashboard.analytics_words import NAMES, TITLES, name_of
from sampan.dashboard.payments import is_line
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import board
from sampan.domain.analytics import Answer
from sampan.domain.analytics_spec import DRAWINGS, OF_DRAWING, Drawing, Period, Spec
from sampan.domain.board import PANELS_MAX, TITLE_CHARS_MAX, Change, Panel, Panels
from sampan.domain.rights import Right
from sampan.flow import boards
from sampan.money import DECIMALS
from sampan.storage import projects
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

PANELS: Final = f"{PATH}/panels"
QUERY_CHARS_MAX: Final = 4_000

TOO_MANY: Final = mark("A board has at most 24 panels; remove one first.")
NO_TITLE: Final = mark("A title is one line of at most 80 characters.")
NOT_RELATIVE: Final = mark("A panel shows days that move along: choose a named period.")


class Seen(NamedTuple):
    """The board as it is read: panels with their answers, and the projects there are."""

    panels: Panels
    answers: Mapping[int, Answer]
    projects: Mapping[int, str]


async def show(visit: Visit) -> Response:
    """Show the person's board; all panels are of one moment."""
    return await _board(visit)


async def back(visit: Visit) -> Response:
    """Lead to the board from where its forms go, which a link to another language may ask for."""
    query = visit.request.url.query
    return visit.go(f"{PATH}?{query}" if query else PATH)


async def add(visit: Visit) -> Response:
    """Add a chart: as a dataset's page shows it (`of`, its query), or as the board's form says."""
    spec, errors = _wanted(visit)
    title = visit.text("title")
    if not _is_title(title):
        errors["title"] = NO_TITLE
    if errors or spec is None:
        return await _board(visit, errors=errors)
    width = 2 if visit.text("width") == "2" else 1
    panel = Panel(number=0, title=title, width=width, spec=spec)
    user_id, now_us = visit.user.id, visit.now_us
    if not await visit.desk.store.transact(
        lambda tx: boards.add(tx, user_id, panel, now_us=now_us)
    ):
        return await _board(visit, errors={"board": TOO_MANY})
    return visit.go(PATH, said="panel-added")


async def change(visit: Visit) -> Response:
    """Move, widen, rename or remove a panel; one that is gone already is no fault."""
    number, deed = int(visit.request.path_params["number"]), visit.text("do")
    title, width = visit.text("title"), visit.text("width")
    if deed == "rename" and not _is_title(title):
        return await _board(visit, errors={f"title-{number}": NO_TITLE})
    deeds: dict[str, tuple[Change, str]] = {
        "up": (partial(board.moved, number=number, by=-1), "board-changed"),
        "down": (partial(board.moved, number=number, by=1), "board-changed"),
        "widen": (
            partial(board.changed, number=number, width=2 if width == "2" else 1),
            "board-changed",
        ),
        "rename": (partial(board.changed, number=number, title=title), "board-changed"),
        "remove": (partial(board.removed, number=number), "panel-removed"),
    }
    if deed not in deeds:
        return await _board(visit, errors={"board": NO_VALUE})
    how, said = deeds[deed]
    user_id, now_us = visit.user.id, visit.now_us
    await visit.desk.store.transact(lambda tx: boards.change(tx, user_id, how, now_us=now_us))
    return visit.go(PATH, said=said)


async def reset(visit: Visit) -> Response:
    """Give the person the board that everybody begins with."""
    user_id = visit.user.id
    await visit.desk.store.transact(lambda tx: boards.reset(tx, user_id))
    return visit.go(PATH, said="board-reset")


# --- parts ----------------------------------------------------------------------------------


def _wanted(visit: Visit) -> tuple[Spec | None, dict[str, str]]:
    """Return what a new panel shows, and what is wrong with it."""
    drawing = visit.text("drawing")
    if drawing not in set(Drawing):
        return None, {"drawing": NO_VALUE}
    if visit.text("of"):
        pairs = parse_qsl(visit.text("of")[:QUERY_CHARS_MAX])
    else:
        pairs = [(name, str(value)) for name, value in visit.form.multi_items()]
    dataset = OF_DRAWING[Drawing(drawing)]
    asked = analytics_query.read(dataset, [*pairs, ("drawing", drawing)])
    errors = dict(asked.faults)
    if asked.spec.days:
        errors["period"] = NOT_RELATIVE
    return asked.spec, errors


def _is_title(text: str) -> bool:
    return len(text) <= TITLE_CHARS_MAX and is_line(text)


async def _board(visit: Visit, *, errors: Mapping[str, str] | None = None) -> Response:
    user_id = visit.user.id

    def read(tx: Tx) -> Seen:
        panels = boards.of_user(tx, user_id)
        questions = {one.number: one.spec.question(today(visit, one.spec)) for one in panels}
        found = answers(tx, questions.values())
        return Seen(
            panels,
            {number: found[question] for number, question in questions.items()},
            projects.names(tx),
        )

    seen = await visit.desk.store.read(read)
    context = {
        "panels": [_panel(visit, one, seen=seen) for one in seen.panels],
        "datasets": tabs(),
        "is_full": len(seen.panels) >= PANELS_MAX,
        "errors": errors or {},
        "is_adding": any(not name.startswith(("title-", "board")) for name in errors or {}),
        "projects": seen.projects,
        "drawings": _drawings(),
        "periods": PERIODS,
        "granularities": GRANULARITIES,
        "zones": ZONES,
        "currencies": list(DECIMALS),
        "typed": visit.form,
        "panels_path": f"/dashboard{PANELS}",
        "usual": Period.DAYS_7.value,
    }
    return visit.page("analytics_board.html", context, status=400 if errors else 200)


def _panel(visit: Visit, panel: Panel, *, seen: Seen) -> dict[str, Any]:
    spec = panel.spec
    said = shown(visit, spec, found=seen.answers[panel.number])
    return {
        "panel": panel,
        "spec": spec,
        "title": panel.title,
        "name": name_of(spec.drawn),
        "period": PERIODS[spec.period],
        "path": analytics_query.path(spec),
        "csv": analytics_query.path(spec).replace("?", ".csv?", 1),
        "projects": [seen.projects.get(one, str(one)) for one in spec.projects],
        "zone": ZONES[spec.zone] if spec.zone is not type(spec.zone).HONG_KONG else "",
        "drawn": said["view"].of(spec.drawn),
        **said,
    }


def _drawings() -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Return the charts there are, by dataset."""
    return [
        (NAMES[dataset], [(one.value, TITLES[one]) for one in drawn])
        for dataset, drawn in DRAWINGS.items()
    ]


WAYS: Final = (
    Way("GET", PATH, show, Right.ANALYTICS),
    Way("GET", PANELS, back, Right.ANALYTICS),
    Way("POST", f"{PANELS}/add", add, Right.ANALYTICS),
    Way("POST", f"{PANELS}/reset", reset, Right.ANALYTICS),
    Way("POST", f"{PANELS}/{{number:key}}", change, Right.ANALYTICS),
)
