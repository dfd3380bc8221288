"""Write an e-mail out in a language: subject, plain text and HTML say the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sampan.codecs.email_message import one_line
from sampan.domain.mails import Facts, Invitation, LinkCancelled, PaymentLink, ReportReady, Trial
from sampan.web import i18n
from sampan.web.i18n import mark
from sampan.web.render import environment

TEMPLATE: Final = "mail/mail.html"

Say = Callable[..., str]
"""Puts a marked text into the language of the mail, with values in it."""


@dataclass(frozen=True, slots=True)
class Written:
    """An e-mail in its two forms."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a mail is made of, from top to bottom; `button` is (label, address)."""

    subject: str
    title: str
    lead: str
    rows: Sequence[tuple[str, str]] = ()
    button: tuple[str, str] | None = None
    notes: Sequence[str] = ()


def write(facts: Facts, language: str) -> Written:
    """Return the mail that states these facts; an unknown language is English.

    Texts of others stand on one line each, so that none of them can look like ours.
    """
    code = i18n.choose([language], "")

    def say(text: str, **values: str) -> str:
        return i18n.translate(code, text) % {name: one_line(v) for name, v in values.items()}

    parts = _parts(facts, say, code=code)
    return Written(parts.subject, _text(parts, say), _html(parts, code))


def _parts(facts: Facts, say: Say, *, code: str) -> _Parts:
    match facts:
        case PaymentLink():
            return _payment_link(facts, say, code=code)
        case LinkCancelled():
            return _link_cancelled(facts, say)
        case Invitation():
            return _invitation(facts, say, code=code)
        case Trial():
            return _trial(facts, say, code=code)
        case ReportReady():
            return _report_ready(facts, say, code=code)


def _payment_link(facts: PaymentLink, say: Say, *, code: str) -> _Parts:
    amount = i18n.money_text(facts.amount_minor, facts.currency)
    until = (say(mark("Pay before")), _moment(facts.expires_us, say, code=code))
    return _Parts(
        subject=say(mark("Payment link from %(merchant)s"), merchant=facts.merchant),
        title=say(
            mark("%(merchant)s asks you to pay %(amount)s"), merchant=facts.merchant, amount=amount
        ),
        lead=say(mark("Open the link and pay by FPS with the app of your bank.")),
        rows=[*_about(facts, say), until],
        button=(say(mark("Pay %(amount)s"), amount=amount), facts.link),
        notes=[say(mark("If you did not expect this e-mail, ignore it."))],
    )


def _link_cancelled(facts: LinkCancelled, say: Say) -> _Parts:
    return _Parts(
        subject=say(mark("Payment link from %(merchant)s cancelled"), merchant=facts.merchant),
        title=say(mark("You need not pay any more")),
        lead=say(
            mark("%(merchant)s has cancelled the payment link that was sent to you."),
            merchant=facts.merchant,
        ),
        rows=_about(facts, say),
        notes=[
            say(mark("If you have already paid, contact %(merchant)s."), merchant=facts.merchant)
        ],
    )


def _invitation(facts: Invitation, say: Say, *, code: str) -> _Parts:
    until = _moment(facts.expires_us, say, code=code)
    title = mark("You are invited to the Dashboard")
    if facts.name:
        title = mark("%(name)s, you are invited to the Dashboard")
    return _Parts(
        subject=say(mark("Invitation to the Sampan Dashboard")),
        title=say(title, name=facts.name),
        lead=say(mark("Choose a password, then you can sign in.")),
        rows=[(say(mark("Valid until")), until)],
        button=(say(mark("Choose a password")), facts.link),
        notes=[
            say(mark("Keep this e-mail to yourself: whoever has the link can sign in as you.")),
            say(mark("If you did not expect this e-mail, ignore it.")),
        ],
    )


def _report_ready(facts: ReportReady, say: Say, *, code: str) -> _Parts:
    until = _moment(facts.expires_us, say, code=code)
    kinds = {
        "payments": mark("Payments"),
        "operations": mark("Payment operations"),
        "credits": mark("Credits"),
        "callbacks": mark("Callbacks"),
    }
    told = [(say(mark("Report")), facts.title)] if facts.title else []
    return _Parts(
        subject=say(mark("Your report is ready")),
        title=say(mark("Your report is ready")),
        lead=say(mark("Fetch it in the Dashboard; you will be asked to sign in.")),
        rows=[*told, (say(mark("Type")), say(kinds[facts.type])), (say(mark("Kept until")), until)],
        button=(say(mark("Open the report")), facts.link),
        notes=[say(mark("If you did not expect this e-mail, ignore it."))],
    )


def _trial(facts: Trial, say: Say, *, code: str) -> _Parts:
    return _Parts(
        subject=say(mark("Test e-mail of Sampan")),
        title=say(mark("E-mail works")),
        lead=say(mark("This server can send e-mail.")),
        rows=[(say(mark("Sent")), _moment(facts.at_us, say, code=code))],
    )


def _about(facts: PaymentLink | LinkCancelled, say: Say) -> list[tuple[str, str]]:
    rows = [
        (say(mark("Merchant")), facts.merchant),
        (say(mark("Amount")), i18n.money_text(facts.amount_minor, facts.currency)),
        (say(mark("Payment ID")), facts.payment_id),
        (say(mark("Description")), facts.description),
    ]
    return [(label, one_line(value)) for label, value in rows if value]


def _moment(us: int, say: Say, *, code: str) -> str:
    return say(mark("%(moment)s, Hong Kong time"), moment=i18n.date_time_text(code, us))


def _text(parts: _Parts, say: Say) -> str:
    rows = [
        say(mark("%(label)s: %(value)s"), label=each, value=value) for each, value in parts.rows
    ]
    blocks = [parts.title, parts.lead, "\n".join(rows), "\n".join(parts.button or ()), *parts.notes]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _html(parts: _Parts, code: str) -> str:
    return environment(code).get_template(TEMPLATE).render(mail=parts)
