"""Where callbacks go: a table of cases."""

from __future__ import annotations

import msgspec
import pytest

from sampan.domain.callback_rules import CallbackRule, Result
from sampan.domain.callback_targets import address_for, result_of
from sampan.domain.payment import Customer, Payment, Targets
from sampan.domain.project import Project, ProjectSettings
from sampan.domain.statuses import OperationType, Origin, PaymentStatus, PaymentType

SALE, REFUND = OperationType.SALE, OperationType.REFUND
SUCCESS, DECLINE, ERROR = PaymentStatus.SUCCESS, PaymentStatus.DECLINE, PaymentStatus.ERROR
WAITING = PaymentStatus.AWAITING_CUSTOMER_ACTION
NONE = Targets()
ALL = Targets(callback_url="request")
OWN = Targets(success_callback_url="own success", decline_callback_url="own decline")
BOTH = Targets(
    callback_url="request",
    success_callback_url="own success",
    decline_callback_url="own decline",
)


def payment(status: PaymentStatus, targets: Targets = NONE) -> Payment:
    """A payment in a status."""
    return Payment(
        key=1,
        project_id=7,
        id="p",
        status=status,
        currency="HKD",
        amount_minor=100,
        paid_minor=0,
        description="",
        customer=Customer(id="c"),
        targets=targets,
        display=None,
        faults=(),
        held_count=0,
        created_us=1,
        updated_us=1,
        decline_us=2,
        finished_us=None,
    )


def rule(url: str, *kinds: str, enabled: bool = True) -> CallbackRule:
    """A rule of payment type, result and method."""
    names = dict(zip(("payment_type", "result", "method"), kinds, strict=False))
    return msgspec.convert({"id": 1, "url": url, "enabled": enabled, **names}, CallbackRule)


def going(*rules: CallbackRule, to: Payment, operation: OperationType = SALE) -> str:
    """Where the callback goes in a project with these rules."""
    project = Project(
        id=7,
        name="",
        callback_url="project",
        secrets=("s",),
        settings=ProjectSettings(),
        callback_rules=rules,
    )
    return address_for(project, to, operation=operation)


ANY = rule("any")


@pytest.mark.parametrize(
    ("targets", "status", "where"),
    [
        (NONE, SUCCESS, "any"),
        (ALL, SUCCESS, "request"),
        (ALL, WAITING, "request"),
        (OWN, SUCCESS, "own success"),
        (OWN, DECLINE, "own decline"),
        (OWN, ERROR, "any"),
        (OWN, WAITING, "any"),
        (BOTH, SUCCESS, "own success"),
        (BOTH, DECLINE, "own decline"),
        (BOTH, ERROR, "request"),
        (BOTH, WAITING, "request"),
    ],
)
def test_the_request_wins_over_rules(targets: Targets, status: PaymentStatus, where: str) -> None:
    """A result's own address, then the request's for all, then a rule."""
    assert going(ANY, to=payment(status, targets)) == where


@pytest.mark.parametrize(
    ("kinds", "status", "operation", "fits"),
    [
        ((), SUCCESS, SALE, True),
        (("purchase",), SUCCESS, SALE, True),
        (("invoice",), SUCCESS, SALE, False),
        (("", "success"), SUCCESS, SALE, True),
        (("", "success"), DECLINE, SALE, False),
        (("", "decline"), DECLINE, SALE, True),
        (("", "error"), ERROR, SALE, True),
        (("", "error"), DECLINE, SALE, False),
        (("", "other"), WAITING, SALE, True),
        (("", "other"), PaymentStatus.AWAITING_CUSTOMER, SALE, True),
        (("", "other"), SUCCESS, SALE, False),
        (("", "other"), SUCCESS, REFUND, True),
        (("", "success"), SUCCESS, REFUND, False),
        (("", "success"), SUCCESS, OperationType.MANUAL_CHANGE, True),
        (("", "", "hk-qr"), SUCCESS, SALE, True),
        (("purchase", "success", "hk-qr"), SUCCESS, SALE, True),
        (("invoice", "success", "hk-qr"), SUCCESS, SALE, False),
    ],
)
def test_a_rule_fits(
    kinds: tuple[str, ...], status: PaymentStatus, operation: OperationType, *, fits: bool
) -> None:
    """A rule fits where payment type, result and method are its own, or any."""
    found = going(rule("rule", *kinds), to=payment(status), operation=operation)
    assert found == ("rule" if fits else "project")


def test_the_first_rule_that_is_on_decides() -> None:
    """Rules are asked from the top; one that is off is passed over."""
    rules = (
        rule("off", enabled=False),
        rule("declines", "", "decline"),
        rule("first"),
        rule("second"),
    )
    assert going(*rules, to=payment(SUCCESS)) == "first"
    assert going(*rules, to=payment(DECLINE)) == "declines"


def test_without_a_rule_that_fits() -> None:
    """The project's address takes the rest."""
    assert going(to=payment(SUCCESS)) == "project"
    assert going(rule("x", "", "error"), to=payment(SUCCESS)) == "project"


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_status_is_a_result(status: PaymentStatus) -> None:
    """What is no end is told as other news."""
    ends = {SUCCESS: Result.SUCCESS, DECLINE: Result.DECLINE, ERROR: Result.ERROR}
    assert result_of(payment(status), SALE) is ends.get(status, Result.OTHER)


@pytest.mark.parametrize("origin", [Origin.GATE, Origin.PAGE])
def test_payments_are_purchases(origin: Origin) -> None:
    """What a shop asks for is a purchase."""
    one = msgspec.structs.replace(payment(SUCCESS), origin=origin)
    assert one.type is PaymentType.PURCHASE


def test_links_are_invoices() -> None:
    """What a payment link asks for is an invoice."""
    one = msgspec.structs.replace(payment(SUCCESS), origin=Origin.LINK)
    assert one.type is PaymentType.INVOICE


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_type": "gift"},
        {"result": "maybe"},
        {"method": "card"},
        {"url": ""},
        {"url": "x" * 2049},
    ],
)
def test_no_such_rule(wrong: dict[str, str]) -> None:
    """A rule knows only the words there are."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": 1, "url": "https://x.example", **wrong}, CallbackRule)
