"""Notices of money on an FPS account: where they go, their key, and a new key shown once."""

from typing import Any, Final

from starlette.responses import Response

from sampan.dashboard.account_pages import (
    NOTICES,
    ONE,
    TRIAL,
    card_of,
    notices_url,
    part_page,
    path_of,
)
from sampan.dashboard.project_forms import translated
from sampan.dashboard.project_keys import BAD_OVERLAP, KEY_CHANGED, OVERLAPS, USUAL_OVERLAP
from sampan.dashboard.project_pages import act_of, language, seen_of
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.fps_account import FpsAccount
from sampan.domain.rights import Right
from sampan.flow import fps_accounts as flow
from sampan.flow.projects import SECRET_BYTES, Rotation
from sampan.storage.fps_accounts import Card
from sampan.web.i18n import moment


async def notices(visit: Visit) -> Response:
    """Show where notices go and since when their key is in use."""
    return _notices(visit, await card_of(visit))


async def rotate(visit: Visit) -> Response:
    """Make a new key and show it this once."""
    card, overlap = await card_of(visit), visit.text("overlap_s")
    if overlap not in dict(OVERLAPS):
        return _notices(visit, card, more={"overlap_error": BAD_OVERLAP, "status": 400})
    key, act = card.account.id, act_of(visit)
    rotation = Rotation(
        secret=visit.desk.clock.token(SECRET_BYTES),
        overlap_s=int(overlap),
        seen_us=seen_of(visit, "key_set_us"),
    )
    after = await visit.desk.store.transact(
        lambda tx: flow.rotate(tx, key, rotation=rotation, act=act)
    )
    if isinstance(after, flow.Meanwhile):
        return _notices(visit, after.card, more={"fault": KEY_CHANGED, "status": 409})
    until_us = after.previous_until_us
    return shown_once(
        visit, after.account, key=rotation.secret, previous_until_us=until_us, is_new=False
    )


def _notices(visit: Visit, card: Card, *, more: dict[str, Any] | None = None) -> Response:
    account = card.account
    context = {
        "overlaps": translated(OVERLAPS, language(visit)),
        "usual": USUAL_OVERLAP,
        "overlap_error": "",
        "url": notices_url(visit, account),
        "command": example(visit, account, key="…"),
    }
    return part_page(
        visit, NOTICES, card=card, template="notices.html", more=context | (more or {})
    )


def shown_once(
    visit: Visit, account: FpsAccount, *, key: str, previous_until_us: int | None, is_new: bool
) -> Response:
    """Return the page with a new key, which no other page ever shows, and what to do next."""
    context = {
        "account": account,
        "key": key,
        "is_new": is_new,
        "previous_until_us": previous_until_us,
        "url": notices_url(visit, account),
        "command": example(visit, account, key=key),
        "path": path_of(account),
        "notices_path": path_of(account, NOTICES),
        "trial_path": path_of(account, TRIAL),
    }
    return visit.page("accounts/key.html", context)


def example(visit: Visit, account: FpsAccount, *, key: str) -> str:
    """Return shell commands that post a notice of HK$388.00 that names no payment."""
    booked = moment(visit.now_us).isoformat(timespec="seconds")
    currency = account.currencies[:3]
    return f"""\
KEY='{key}'
URL='{notices_url(visit, account)}'
body='{{"notices": [{{"type": "credit", "bank_txn_id": "TRY-{visit.now_us // 1_000_000}",
  "amount_minor": 38800, "currency": "{currency}", "booked_at": "{booked}",
  "reference": "", "payer_name": "CHAN TAI MAN"}}]}}'
timestamp=$(date +%s)
signature=$(printf '%s.%s' "$timestamp" "$body" |
  openssl dgst -sha256 -hmac "$KEY" -r | cut -d ' ' -f 1)
curl -sS "$URL" --data-binary "$body" -H 'content-type: application/json' \\
  -H "x-bank-timestamp: $timestamp" -H "x-bank-signature: $signature"
"""


_PATH: Final = f"{ONE}/{NOTICES.path}"
WAYS: Final = (
    Way("GET", _PATH, notices, Right.VIEW_PROJECTS),
    Way("POST", _PATH, rotate, Right.PROJECT_SETTINGS),
)
