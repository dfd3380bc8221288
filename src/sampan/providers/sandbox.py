"""The sandbox provider: speaks to the built-in bank the way a real adapter speaks to a real bank.

Over HTTP only, with a mark on everything said in either direction: `x-bank-timestamp` is seconds
UTC since the epoch, `x-bank-signature` the lower-case hexadecimal HMAC-SHA-256, under the shared
secret, of the timestamp, a dot and the body (for a GET: the path). docs/providers.md has it all.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta

from sampan.clock import Clock
from sampan.domain.codes import Code
from sampan.errors import SetupError
from sampan.money import AMOUNT_MINOR_MAX
from sampan.outbound import Answer, Outbound
from sampan.providers.base import (
    Credit,
    Issued,
    Notice,
    Outcome,
    Provider,
    ProviderConfig,
    ProviderOrder,
    RawRequest,
    Refusal,
    Refused,
    Unknown,
    Untrusted,
)
from sampan.providers.marks import mark, mark_fault

NOTICES_MAX: Final = 100
"""Notices in one notification."""

OPTIONS: Final = (
    "payee_fps_id",
    "payee_name",
    "payee_name_zh",
    "reference_mode",
    "scenario",
    "autopay_ms",
)
"""The options of an order that the bank understands; others are not sent."""

_HTTP_CLIENT_FAULTS: Final = range(400, 500)
_HTTP_NOT_FOUND: Final = 404
_HTTP_PROVES_NOTHING: Final = frozenset({401, 403, 408, 425, 429})
"""Not let in (a clock astray, a wrong secret), time-out, too early, too many: the order itself was
not looked at, so it is to be repeated."""

# No control characters: PostgreSQL keeps no NUL, and nobody is called by a line feed.
_Text = Annotated[str, Meta(max_length=140, pattern=r"^[^\x00-\x1f]*$")]
_Name = Annotated[str, Meta(pattern=r"^[!-~]{1,64}$")]


class _CreditNotice(msgspec.Struct, frozen=True, tag_field="type", tag="credit"):
    account: _Name
    bank_txn_id: _Name
    amount_minor: Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]
    currency: Literal["HKD", "CNY"]
    reference: _Text
    booked_us: Annotated[int, Meta(ge=0, lt=2**53)]
    payer_name: _Text = ""


class _RefusalNotice(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    account: _Name
    notice_id: _Name
    reference: _Text
    code: Annotated[str, Meta(pattern="^[0-9]{1,5}$")]


class _Notification(msgspec.Struct, frozen=True):
    notices: Annotated[list[_CreditNotice | _RefusalNotice], Meta(max_length=NOTICES_MAX)]


class _OrderAnswer(msgspec.Struct, frozen=True):
    status: str
    payload: Annotated[str, Meta(min_length=1, max_length=512)]
    expires_us: Annotated[int, Meta(ge=0, lt=2**53)]


_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NOTIFICATION: Final = msgspec.json.Decoder(_Notification)
_ORDER_ANSWER: Final = msgspec.json.Decoder(_OrderAnswer)


class SandboxProvider:
    """The adapter to the sandbox bank; made by `create`."""

    id: int = 1
    name: Final = "sandbox"

    def __init__(self, config: ProviderConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._orders_url = config.base_url.rstrip("/") + "/v1/orders"

    async def start(self, order: ProviderOrder, http: Outbound) -> Outcome:
        """See `Provider.start`. The bank makes one order of however many repeats."""
        body = msgspec.json.encode(
            {
                "reference": order.reference,
                "amount_minor": order.amount_minor,
                "currency": order.currency,
                "expires_us": order.expires_us,
                "closes_us": order.closes_us,
            }
            | {name: order.options[name] for name in OPTIONS if name in order.options}
        )
        headers = mark(self._config.secret, body, now_us=self._clock.now_us())
        return await _outcome(
            lambda: http.post(
                self._orders_url, body, headers=headers, timeout_s=self._config.timeout_s
            ),
            not_found=Refused(Code.DECLINED_BY_PROVIDER),
        )

    async def status(self, reference: str, http: Outbound) -> Outcome:
        """See `Provider.status`. Asking changes nothing at the bank."""
        url = f"{self._orders_url}/{quote(reference, safe='')}"
        headers = mark(
            self._config.secret, urlsplit(url).path.encode(), now_us=self._clock.now_us()
        )
        return await _outcome(
            lambda: http.get(url, headers=headers, timeout_s=self._config.timeout_s),
            not_found=Refused(Code.NOT_FOUND),
        )

    def parse_notification(self, raw: RawRequest) -> Sequence[Notice]:
        """See `Provider.parse_notification`. Mark first; an unmarked body is not even decoded."""
        fault = mark_fault(
            self._config.secret, raw.body, headers=raw.headers, now_us=raw.received_us
        )
        if fault is not None:
            raise Untrusted(fault)
        try:
            told = _NOTIFICATION.decode(raw.body)
        except _UNREADABLE as error:
            raise Untrusted(f"not a notification: {error}") from error
        return [_notice(notice) for notice in told.notices]


def create(config: ProviderConfig, clock: Clock) -> Provider:
    """Return the sandbox provider.

    `config.base_url` is the bank's address with its folder (`http://127.0.0.1:8080/bank`). Raises
    `SetupError` for an empty secret: anybody could sign with it.
    """
    if not config.secret:
        raise SetupError("the sandbox bank needs a secret shared with it")
    return SandboxProvider(config, clock)


async def _outcome(call: Callable[[], Awaitable[Answer]], *, not_found: Refused) -> Outcome:
    """Ask, and read what the answer proves."""
    try:
        answer = await call()
    except Exception as error:  # noqa: BLE001 - whatever broke, it proves nothing about the order
        return Unknown(f"{type(error).__name__}: {error}"[:200])
    if answer.status == _HTTP_NOT_FOUND:
        return not_found
    if answer.status in _HTTP_CLIENT_FAULTS and answer.status not in _HTTP_PROVES_NOTHING:
        return Refused(Code.DECLINED_BY_PROVIDER)
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the family of HTTP successes
        return Unknown(f"the bank answered {answer.status}")
    try:
        read = _ORDER_ANSWER.decode(answer.body)
    except _UNREADABLE:
        return Unknown("the bank's answer cannot be read")
    if read.status == "refused":
        return Refused(Code.DECLINED_BY_PROVIDER)
    return Issued(read.payload, read.expires_us)


def _notice(told: _CreditNotice | _RefusalNotice) -> Notice:
    if isinstance(told, _RefusalNotice):
        return Refusal(
            account=told.account,
            notice_id=told.notice_id,
            reference=told.reference,
            code=told.code,
        )
    return Credit(
        account=told.account,
        bank_txn_id=told.bank_txn_id,
        amount_minor=told.amount_minor,
        currency=told.currency,
        reference=told.reference,
        booked_us=told.booked_us,
        payer_name=told.payer_name,
    )
