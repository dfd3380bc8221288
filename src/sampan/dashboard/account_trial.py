"""Trying an FPS account out: a test code, what two bank apps do with it, what follows."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from sampan.dashboard.account_forms import MODES
from sampan.dashboard.account_pages import ONE, TRIAL, card_of, part_page, path_of
from sampan.dashboard.project_forms import OFF, ON, UNKNOWN_CHOICE, Filled, translated
from sampan.dashboard.project_pages import act_of, language, seen_of
from sampan.dashboard.trial_words import (
    BAD_APP,
    HEADS,
    MISSING,
    QUESTIONS,
    REASONS,
    SAME_APP,
    STEPS,
    TRIED_MEANWHILE,
    Question,
    options_of,
)
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain import fps_trial as domain
from sampan.domain.fps_trial import Advice, Again, App, Opened, Step, Stop, Trial
from sampan.domain.project import ReferenceMode
from sampan.domain.rights import Right
from sampan.flow import fps_accounts, fps_codes
from sampan.flow import fps_trials as flow
from sampan.storage.fps_accounts import Card
from sampan.web.i18n import translate

NAME_CHARS_MAX: Final = 40
_NUMBERS: Final = tuple(str(number) for number in range(1, domain.APPS + 1))


async def trial(visit: Visit) -> Response:
    """Show a test code and the questions about it."""
    return _asking(visit, await card_of(visit), step=_step(visit.asked("step")))


async def tell(visit: Visit) -> Response:
    """Keep what the apps did, and lead on to the next code or to what follows."""
    card, step = await card_of(visit), _step(visit.text("step"))
    filled = _read(visit, step)
    if filled.errors:
        return _asking(visit, card, step=step, filled=filled)
    act, key = act_of(visit), card.account.id
    told = Trial(step=step, apps=_apps(filled, step), at_us=act.now_us, by=visit.by)
    await visit.desk.store.transact(lambda tx: flow.note(tx, key, told, act=act))
    follows, path = domain.follows(told), path_of(card.account, TRIAL)
    if isinstance(follows, Again):
        return visit.go(f"{path}?step={follows.step.value}")
    return visit.go(f"{path}/result")


async def result(visit: Visit) -> Response:
    """Show what follows from what the apps did last."""
    return _result(visit, await card_of(visit))


async def follow(visit: Visit) -> Response:
    """Set the account as the trial advises."""
    card = await card_of(visit)
    key, told_us, act = card.account.id, seen_of(visit, "told_us"), act_of(visit)
    after = await visit.desk.store.transact(
        lambda tx: flow.follow(tx, key, told_us=told_us, act=act)
    )
    if isinstance(after, fps_accounts.Meanwhile):
        return _result(visit, after.card, fault=TRIED_MEANWHILE)
    return visit.go(path_of(card.account), said="trial-followed")


def _step(text: str) -> Step:
    return Step(text) if text in set(Step) else Step.BOTH


def _asked(step: Step) -> list[Question]:
    """Return the questions that a step's code can answer."""
    return [
        one
        for one in QUESTIONS
        if (one.of_reference <= bool(domain.FIELDS[step]))
        and (one.of_end <= domain.has_timeout(step))
    ]


def _read(visit: Visit, step: Step) -> Filled:
    filled = Filled()
    for number in _NUMBERS:
        name = visit.text(f"name-{number}")
        filled.typed[f"name-{number}"] = name[: 2 * NAME_CHARS_MAX]
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            filled.errors[f"name-{number}"] = BAD_APP
        opened = visit.text(f"opened-{number}")
        for one in _asked(step):
            field = f"{one.name}-{number}"
            chosen = visit.text(field)
            filled.typed[field] = chosen if chosen in dict(one.options) else ""
            # Whoever's app refused the code has nothing to tell of what it showed.
            if chosen not in dict(one.options):
                if one.name == "opened" or (opened == Opened.YES and chosen):
                    filled.errors[field] = UNKNOWN_CHOICE
                elif opened == Opened.YES and not one.may_be_unknown:
                    filled.errors[field] = MISSING
    first, second = (filled.typed[f"name-{number}"].casefold() for number in _NUMBERS)
    if first == second and not filled.errors:
        filled.errors["name-2"] = SAME_APP
    return filled


def _apps(filled: Filled, step: Step) -> tuple[App, ...]:
    made = []
    for number in _NUMBERS:
        answers = {one.name: filled.typed[f"{one.name}-{number}"] for one in _asked(step)}
        if answers["opened"] != Opened.YES:
            answers = {"opened": answers["opened"]}
        told = {name: text for name, text in answers.items() if text}
        made.append(msgspec.convert({"name": filled.typed[f"name-{number}"], **told}, App))
    return tuple(made)


def _asking(visit: Visit, card: Card, *, step: Step, filled: Filled | None = None) -> Response:
    account, lang = card.account, language(visit)
    currency = account.currencies[:3]
    payload = fps_codes.step_payload(account, step, currency=currency, now_us=visit.now_us)
    typed = filled.typed if filled else _names(card)
    follows = None if card.trial is None else domain.follows(card.trial)
    more = {
        "step": step,
        "steps": [(one, STEPS[one]) for one in Step],
        "carries": STEPS[step],
        "picture": b64encode(fps_codes.picture(payload)).decode(),
        "amount_minor": fps_codes.TEST_AMOUNT_MINOR,
        "currency": currency,
        "minutes": fps_codes.TEST_LIFETIME_US // 60_000_000,
        "has_timeout": domain.has_timeout(step),
        "numbers": _NUMBERS,
        "questions": [(one, options_of(one, step, language=lang)) for one in _asked(step)],
        "typed": typed,
        "errors": filled.errors if filled else {},
        "is_next": isinstance(follows, Again) and follows.step is step,
        "tried_us": card.trial.at_us if card.trial else None,
        "name_chars_max": NAME_CHARS_MAX,
        "status": 400 if filled else 200,
    }
    return part_page(visit, TRIAL, card=card, template="trial.html", more=more)


def _names(card: Card) -> Mapping[str, str]:
    """Return the names of the apps that were asked about last: it will be these again."""
    apps = card.trial.apps if card.trial else ()
    return {f"name-{number}": app.name for number, app in zip(_NUMBERS, apps, strict=False)}


def _result(visit: Visit, card: Card, *, fault: str = "") -> Response:
    if card.trial is None:
        return visit.go(path_of(card.account, TRIAL))
    lang, follows = language(visit), domain.follows(card.trial)
    more: dict[str, Any] = {
        "trial": card.trial,
        "carried": STEPS[card.trial.step],
        "answers": _answers(card.trial, lang),
        "advice": _changes(card, follows, lang=lang) if isinstance(follows, Advice) else [],
        "is_set": isinstance(follows, Advice) and follows.onto(card.account) == card.account,
        "stop": REASONS[follows.why] if isinstance(follows, Stop) else "",
        "next_step": follows.step if isinstance(follows, Again) else None,
        "is_bare": isinstance(follows, Advice) and follows.reference_mode is ReferenceMode.NONE,
        "fault": fault,
        "status": 409 if fault else 200,
    }
    return part_page(visit, TRIAL, card=card, template="trial_result.html", more=more)


def _answers(told: Trial, lang: str) -> list[tuple[str, list[str]]]:
    """Return each question with what was told of each app, in words."""
    rows = []
    for one in _asked(told.step):
        words = dict(translated(one.options, lang))
        said = [
            words.get(getattr(app, one.name).value, "–")
            if one.name == "opened" or app.opened is Opened.YES
            else "–"
            for app in told.apps
        ]
        rows.append((translate(lang, one.label), said))
    return rows


def _changes(card: Card, advice: Advice, *, lang: str) -> list[dict[str, Any]]:
    """Return what is set: its name, as it is now, as it will be, and why."""
    now, then = card.account, advice.onto(card.account)
    reasons = (advice.reference_why, advice.amount_why, advice.timeout_why)
    return [
        {
            "name": translate(lang, HEADS[name]),
            "now": _said(getattr(now, name), lang),
            "then": _said(getattr(then, name), lang),
            "differs": getattr(now, name) != getattr(then, name),
            "why": translate(lang, REASONS[why]),
        }
        for name, why in zip(HEADS, reasons, strict=True)
    ]


def _said(value: Any, lang: str) -> str:  # noqa: ANN401 - settings of two types
    if isinstance(value, bool):
        return translate(lang, ON if value else OFF)
    return translate(lang, MODES[value])


_PATH: Final = f"{ONE}/{TRIAL.path}"
WAYS: Final = (
    Way("GET", _PATH, trial, Right.PROJECT_SETTINGS),
    Way("POST", _PATH, tell, Right.PROJECT_SETTINGS),
    Way("GET", f"{_PATH}/result", result, Right.PROJECT_SETTINGS),
    Way("POST", f"{_PATH}/result", follow, Right.PROJECT_SETTINGS),
)
