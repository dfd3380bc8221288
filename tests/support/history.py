"""Payments of the past for tests and pictures of analytics: rows as the platform leaves them.

    history = History(tx)                                    # in a transaction
    history.payment(1, made_us=…, status="success", took_s=24)
    weeks(tx, (1, 2), now_us=clock.now_us(), days=42)        # a believable shop

Rows are written behind the doors, since no door lets time run backwards. The books do not know
them, so `assert_books` has no place where they are.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import insert

from sampan.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from sampan.domain.codes import message
from sampan.domain.statuses import FINAL
from sampan.storage import schema
from sampan.storage.engine import Statement, Tx

FIRST_KEY: Final = 2**45
"""Far from where the platform counts."""
_INSERTS: Final = {
    name: Statement(insert(schema.metadata.tables[name]))
    for name in ("payments", "operations", "callbacks", "attempts")
}
_keys = itertools.count(FIRST_KEY)


class History:
    """Writes what happened."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def payment(
        self,
        project_id: int,
        *,
        made_us: int,
        status: str = "success",
        took_s: float = 30,
        amount: int = 10_000,
        currency: str = "HKD",
        origin: str = "gate",
        code: str = "0",
    ) -> int:
        """Write a payment with its sale, which ended (or changed last) `took_s` later."""
        key = next(_keys)
        is_final = status in FINAL
        changed_us = made_us + int(took_s * SECOND_US)
        self._write(
            "payments",
            id=key,
            project_id=project_id,
            payment_id=f"T-{key}",
            payment_id_folded=f"t-{key}",
            status=status,
            currency=currency,
            amount_minor=amount,
            paid_minor=amount if status == "success" else 0,
            description="Jasmine pearls",
            customer_id=f"customer-{key % 97}",
            customer='{"id":"customer-1","ip_address":"192.0.2.7"}',
            targets="{}",
            display=None,
            faults="[]",
            held_count=0,
            created_us=made_us,
            updated_us=changed_us,
            decline_us=made_us + DAY_US * 3_000,
            finished_us=changed_us if is_final else None,
            origin=origin,
            merchant_data="",
            best_before_us=None,
            attempts_count=1,
            retry_until_us=None,
        )
        self.operation(
            key,
            project_id,
            began_us=made_us,
            ended_us=changed_us,
            status=status,
            amount=amount,
            currency=currency,
            code=code,
        )
        return key

    def operation(
        self,
        payment: int,
        project_id: int,
        *,
        began_us: int,
        ended_us: int,
        status: str,
        amount: int,
        currency: str = "HKD",
        code: str = "0",
        kind: str = "sale",
    ) -> None:
        """Write an operation of a payment."""
        key = next(_keys)
        self._write(
            "operations",
            id=key,
            payment=payment,
            project_id=project_id,
            type=kind,
            status=status,
            amount_minor=amount,
            currency=currency,
            request_id=f"{key:040x}",
            request_digest=f"{key:064x}",
            merchant_refund_id=None,
            code=code,
            message=message(code),
            provider_id=1,
            provider_ref="",
            created_us=began_us,
            updated_us=ended_us,
            account=None,
            qr_minor=None,
        )

    def attempts(
        self, payment: int, project_id: int, *, at_us: int, answers: Sequence[int | None]
    ) -> None:
        """Write a callback of a payment and its attempts, ten seconds apart."""
        key, url = next(_keys), "https://tea.example/callbacks"
        is_done = answers[-1] is not None and answers[-1] < 300
        self._write(
            "callbacks",
            id=key,
            project_id=project_id,
            payment=payment,
            operation=payment,
            kind="final",
            status="delivered" if is_done else "exhausted",
            url=url,
            body="{}",
            note="",
            attempts_count=len(answers),
            created_us=at_us,
            finished_us=at_us + 10 * SECOND_US * len(answers),
        )
        for number, http_status in enumerate(answers):
            self._write(
                "attempts",
                id=next(_keys),
                callback=key,
                number=number + 1,
                at_us=at_us + 10 * SECOND_US * number,
                url=url,
                http_status=http_status,
                duration_ms=40 + number * 7 if http_status else 30_000,
                answer="",
                error="" if http_status else "no answer",
            )

    def _write(self, table: str, **row: Any) -> None:  # noqa: ANN401 - columns of every type
        self._tx.do(_INSERTS[table], row)


HOURS: Final = (1, 0, 0, 0, 0, 0, 1, 3, 6, 8, 9, 10, 14, 13, 9, 8, 9, 11, 14, 12, 9, 7, 4, 2)
"""How busy each hour of a day is."""
WEEKDAYS: Final = (0.8, 0.8, 0.9, 1.0, 1.3, 1.6, 1.4)
CODES: Final = {
    "20602": 46,
    "20301": 28,
    "20100": 12,
    "20304": 6,
    "20202": 4,
    "314": 2,
    "310": 1,
    "2642": 1,
    "3358": 1,
    "20706": 1,
    "501": 1,
}
PRICES: Final = (2_800, 3_800, 4_600, 6_800, 8_800, 12_800, 16_800, 26_800, 48_000, 98_000)


def weeks(
    tx: Tx, project_ids: Sequence[int], *, now_us: int, days: int = 42, per_day: int = 60
) -> None:
    """Write what a tea house did: week-ends and evenings are busy, one night a server was down.

    The first project is the busiest. The last payments are still waiting; every few weeks there is
    a day on which fewer customers paid in time.
    """
    draw, history = random.Random(20_424), History(tx)
    today_us = now_us - (now_us + 8 * HOUR_US) % DAY_US
    for back in range(days):
        begin_us = today_us - back * DAY_US
        weekday = (begin_us // DAY_US + 4) % 7
        growth = 1 - back / days / 2
        for place, project_id in enumerate(project_ids):
            share = 0.65 if place == 0 else 0.35 / max(1, len(project_ids) - 1)
            for _ in range(int(per_day * WEEKDAYS[weekday] * growth * share)):
                hour = draw.choices(range(24), HOURS)[0]
                made_us = begin_us + hour * HOUR_US + draw.randrange(HOUR_US)
                if made_us < now_us:
                    _one(history, project_id, made_us, draw=draw, now_us=now_us, back=back)


def _one(
    history: History, project_id: int, made_us: int, *, draw: random.Random, now_us: int, back: int
) -> None:
    currency = "CNY" if draw.random() < 0.12 else "HKD"
    origin = draw.choices(("gate", "page", "link"), (55, 35, 10))[0]
    amount = draw.choice(PRICES) * draw.choice((1, 1, 1, 2))
    is_bad_day = back % 17 == 4
    status = "success" if draw.random() < (0.68 if is_bad_day else 0.91) else "decline"
    took_s = min(900.0, 6 + draw.lognormvariate(3.1, 0.8))
    code = "0"
    if status == "decline":
        code = draw.choices(list(CODES), list(CODES.values()))[0]
        took_s = 900 if code == "20602" else took_s
    if draw.random() < 0.01:
        status, code, took_s = "error", "2642", 1
    if origin == "link" and status == "decline" and draw.random() < 0.5:
        status, code = "expired", "20602"
    if made_us + int(took_s * SECOND_US) >= now_us or now_us - made_us < 10 * MINUTE_US:
        status, code, took_s = "awaiting customer action", "9999", 1
    key = history.payment(
        project_id,
        made_us=made_us,
        status=status,
        took_s=took_s,
        amount=amount,
        currency=currency,
        origin=origin,
        code=code,
    )
    if status == "success" and draw.random() < 0.01:
        began_us = made_us + HOUR_US
        if began_us < now_us:
            history.operation(
                key,
                project_id,
                began_us=began_us,
                ended_us=began_us + SECOND_US,
                status="decline",
                amount=amount,
                currency=currency,
                code="20706",
                kind="refund",
            )
    if status in FINAL:
        was_down = back % 23 == 6 and draw.random() < 0.5
        answers: tuple[int | None, ...] = (503, 503, None, 200) if was_down else (200,)
        if draw.random() < 0.02:
            answers = (404,) * 3
        at_us = made_us + int(took_s * SECOND_US)
        history.attempts(key, project_id, at_us=at_us, answers=answers)
