"""Files that ask a bank for refunds: made of what is ticked, kept, handed out as they are."""

from typing import Final

from starlette.responses import Response

from sampan.dashboard import refund_list, refund_words
from sampan.dashboard.credit_card import key_of, missing
from sampan.dashboard.money_forms import ToldError
from sampan.dashboard.payments import number_of
from sampan.dashboard.refund_list import PATH
from sampan.dashboard.visit import Visit
from sampan.dashboard.ways import Way
from sampan.domain.codes import Code
from sampan.domain.fps_account import id_of_key
from sampan.domain.refunds import RefundStatus
from sampan.domain.rights import Right
from sampan.errors import Refusal
from sampan.flow import refund_records
from sampan.flow.refund_records import FILE_PREFIX
from sampan.flow.settle import Step
from sampan.storage import fps_accounts, refunds
from sampan.storage.engine import Tx
from sampan.storage.refunds import Refund, RefundFile
from sampan.web.i18n import mark
from sampan.web.security import page_headers

FILES: Final = f"{PATH}/files"
ONE: Final = f"{FILES}/{{key:key}}"

NONE: Final = mark("Tick the refunds that the file is to have. No file was made.")
NO_FORMAT: Final = mark("Choose a kind of file. No file was made.")
MIXED: Final = mark(
    "A file is for one account and one currency: tick refunds of the same. No file was made."
)
GONE: Final = mark(
    "One of these refunds is in a file or has ended by now. Look at the list again; no file was"
    " made."
)
NO_NUMBER: Final = mark(
    "pain.001 names the number of your account, and this account has none here. Add it under FPS"
    " accounts, or choose CSV. No file was made."
)
_PAIN: Final = "pain.001"


async def make(visit: Visit) -> Response:
    """Write a file of the refunds that are ticked, and lead to it."""
    told = [str(one) for one in visit.form.getlist("refund")]
    keys = list(dict.fromkeys(number_of(one) for one in told))
    wanted = visit.text("format")
    fault = ""
    if not keys:
        fault = NONE
    elif wanted not in refund_words.FORMATS:
        fault = NO_FORMAT
    if fault:
        return await refund_list.show(visit, fault=fault, chosen=keys)
    step = Step(visit.now_us, visit.by, wanted)

    def change(tx: Tx) -> RefundFile:
        _ask_for_one_kind(tx, [refund_records.find(tx, key) for key in keys], wanted)
        return refund_records.make_file(tx, keys, wanted, step=step)

    try:
        made = await visit.desk.store.transact(change)
    except ToldError as error:
        return await refund_list.show(visit, fault=error.text, chosen=keys)
    except Refusal as refusal:
        if refusal.code != Code.STATUS_FORBIDS:
            raise
        return await refund_list.show(visit, fault=GONE)
    return visit.go(f"{PATH}?file={made.id}", said="refund-file-made")


def _ask_for_one_kind(tx: Tx, found: list[Refund], wanted: str) -> None:
    """Raise `ToldError` for what does not fit into one file."""
    if any(one.status is not RefundStatus.APPROVED for one in found):
        raise ToldError(GONE)
    if len({(one.account, one.currency) for one in found}) > 1:
        raise ToldError(MIXED)
    account_id = id_of_key(found[0].account)
    card = None if account_id is None else fps_accounts.card(tx, account_id, now_us=0)
    if wanted == _PAIN and (card is None or not card.account.bank_account):
        raise ToldError(NO_NUMBER)


async def download(visit: Visit) -> Response:
    """Hand a file out, each time the same bytes."""
    key = key_of(visit)
    made = await visit.desk.store.read(lambda tx: refunds.find_file(tx, key))
    if made is None:
        raise missing()
    suffix, media_type = refund_words.SUFFIXES[made.format]
    name = f"{FILE_PREFIX}{made.id}.{suffix}"
    headers = page_headers() | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made.data, headers=headers, media_type=media_type)


WAYS: Final = (
    Way("POST", FILES, make, Right.DECIDE_MONEY),
    Way("GET", ONE, download, Right.CREDITS),
)
