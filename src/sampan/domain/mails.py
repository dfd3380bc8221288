"""What e-mails say, and when to try again.

A mail is kept as the facts that it states; `web.mails` writes them out in a language. Amounts in
minor units, times in microseconds UTC.
"""

from typing import Final

import msgspec

from sampan.domain.passwords import email_fault

FAST_GAPS_S: Final = (10, 30, 60)
"""Between the first tries; a greylisting server asks for about that."""
SLOW_GAP_S: Final = 14_400
LIFE_S: Final = 3 * 86_400
"""What could not be sent in three days is no news any more."""


class PaymentLink(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="payment link"):
    """A customer is asked to pay at a link, until it ends."""

    merchant: str
    payment_id: str
    amount_minor: int
    currency: str
    link: str
    expires_us: int
    description: str = ""


class LinkCancelled(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="payment link cancelled"
):
    """A customer need not pay any more."""

    merchant: str
    payment_id: str
    amount_minor: int
    currency: str
    description: str = ""


class Invitation(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="invitation"):
    """A person is let into the Dashboard. Whoever has the link gets in, so it is kept sealed."""

    link: str = msgspec.field(default="")
    expires_us: int
    name: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="test"):
    """Nothing but that mail arrives; `at_us` is when it was asked for."""

    at_us: int


class ReportReady(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="report ready"):
    """A report can be fetched at a link, by whoever may sign in there, until it is gone.

    `type` is a word of `domain.report_spec`; a title may be "".
    """

    type: str
    link: str
    expires_us: int
    title: str = ""


Facts = PaymentLink | LinkCancelled | Invitation | Trial | ReportReady


def kind_of(facts: Facts) -> str:
    """Return the kind of mail, as it stands in the log."""
    return str(type(facts).__struct_config__.tag)


def expires_us(facts: Facts) -> int | None:
    """Return when a mail has nothing to say any more, None when never."""
    return facts.expires_us if isinstance(facts, PaymentLink | Invitation | ReportReady) else None


def parted(facts: Facts) -> tuple[Facts, str]:
    """Return the facts without what must not be readable at rest, and that: "" when nothing."""
    if isinstance(facts, Invitation):
        return msgspec.structs.replace(facts, link=""), facts.link
    return facts, ""


def joined(facts: Facts, secret: str) -> Facts:
    """Return the facts that `parted` took this from."""
    assert isinstance(facts, Invitation), facts  # noqa: S101 - nothing else has a secret
    return msgspec.structs.replace(facts, link=secret)


def address_fault(address: str) -> str | None:
    """Return why no mail can go to an address, None when it may be one."""
    fault = email_fault(address)
    if fault is None and not address.isprintable():
        fault = "this is not an e-mail address"
    return fault


def retry_gap_s(tries_made: int) -> int:
    """Return the seconds until the next try after `tries_made` (1 …): 10, 30, 60, 120 … 4 h."""
    if tries_made <= len(FAST_GAPS_S):
        return FAST_GAPS_S[tries_made - 1]
    gap_s: int = FAST_GAPS_S[-1] * 2 ** (tries_made - len(FAST_GAPS_S))
    return min(gap_s, SLOW_GAP_S)
