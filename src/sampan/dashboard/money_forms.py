"""What forms about money have in common: a reason, a decision, and what is said where it fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sampan.dashboard.payments import is_line
from sampan.dashboard.visit import Visit
from sampan.domain.codes import Code
from sampan.domain.money_decisions import Wish
from sampan.errors import Refusal
from sampan.flow import credit_decisions
from sampan.flow.settle import Step
from sampan.storage.decisions import Decision
from sampan.storage.engine import Tx
from sampan.web.i18n import mark

Result = TypeVar("Result")
WHY_CHARS_MAX: Final = 500
PROPOSED: Final = "decision-proposed"

NO_REASON: Final = mark("Give a reason, in one line of at most 500 characters.")
DECIDED: Final = mark(
    "Somebody decided about this just before you. You changed nothing; below is how it stands now."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a page says about a form that was not carried out. `at` names the form."""

    text: str
    status: int
    at: str = ""
    typed: str = ""


class ToldError(Exception):
    """A decision is not made, for a reason that is told to the person: a marked sentence."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


async def decide(visit: Visit, form: str, *, wish: Callable[[Tx], Wish]) -> Decision | Notice:
    """Make the decision that `wish` returns, with the form's reason; else say what is amiss.

    `wish` may raise `ToldError`. Raises `Refusal` 404 for what does not exist.
    """

    def change(tx: Tx) -> Decision:
        return credit_decisions.decide(
            tx, wish(tx), find_project=visit.desk.find_project, step=step_of(visit)
        )

    return await carried_out(visit, form, change=change)


async def carried_out(
    visit: Visit, form: str, *, change: Callable[[Tx], Result]
) -> Result | Notice:
    """Run a change that has a reason; else say what is amiss."""
    why = visit.text("why")
    if not 1 <= len(why) <= WHY_CHARS_MAX or not is_line(why):
        return Notice(text=NO_REASON, status=400, at=form, typed=typed_why(visit))
    try:
        return await visit.desk.store.transact(change)
    except ToldError as told:
        return Notice(text=told.text, status=409)
    except Refusal as refusal:
        if refusal.code != Code.STATUS_FORBIDS:
            raise
        # What the use cases say is for programs.
        return Notice(text=DECIDED, status=409)


def typed_why(visit: Visit) -> str:
    """Return the reason that was typed, as a form shows it again."""
    why = visit.text("why")
    return why[:WHY_CHARS_MAX] if is_line(why) else ""


def step_of(visit: Visit) -> Step:
    """Return who decides now, and why."""
    return Step(visit.now_us, visit.by, visit.text("why"))


def said_of(decision: Decision, said: str) -> str:
    """Return what is told after a decision: that it waits where it is only proposed."""
    return PROPOSED if decision.status == "proposed" else said
