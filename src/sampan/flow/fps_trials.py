"""What two bank apps did with a test code is kept with the account, and its settings follow."""

from sampan.domain import fps_trial as domain
from sampan.domain.fps_trial import Advice, App, Opened, Trial
from sampan.flow import fps_accounts as flow
from sampan.flow.fps_accounts import Meanwhile
from sampan.flow.projects import Act
from sampan.storage import fps_accounts as kept
from sampan.storage.engine import Tx
from sampan.storage.fps_accounts import Card


def note(tx: Tx, account_id: int, trial: Trial, *, act: Act) -> None:
    """Keep what the apps did, in place of what was kept before; the journal keeps all of it.

    Nothing of the account is set. Raises `Refusal` 404.
    """
    card = flow.hold(tx, account_id, act=act)
    kept.note_trial(tx, account_id, trial)
    told = "; ".join([trial.step.value, *map(_told, trial.apps)])
    flow.note(tx, card.account, "FPS account tried out", act=act, why=told)


def follow(tx: Tx, account_id: int, *, told_us: int, act: Act) -> Card | Meanwhile:
    """Set the account as the kept trial advises; return it. A repeat changes nothing.

    `told_us` is the `at_us` of the trial that the person saw: another one, or one without advice,
    changes nothing either and is `Meanwhile`. Raises `Refusal` 404.
    """
    card = flow.hold(tx, account_id, act=act)
    advice = None if card.trial is None else domain.follows(card.trial)
    if card.trial is None or card.trial.at_us != told_us or not isinstance(advice, Advice):
        return Meanwhile(card)
    return flow.change(tx, account_id, edit=advice.onto, act=act)


def _told(app: App) -> str:
    if app.opened is Opened.REFUSED:
        return f"{app.name}: refused"
    return (
        f"{app.name}: opened, payee {app.payee}, amount {app.amount}, shown {app.shown},"
        f" booked {app.booked}, after its end {app.ended}"
    )
