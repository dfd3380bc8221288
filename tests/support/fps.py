"""FPS accounts for tests: made in a running platform, with the bank's side of their notices."""

from __future__ import annotations

import itertools
import json
from typing import Final

from sampan.domain.fps_account import FpsAccount, account_of
from sampan.flow import fps_accounts as flow
from sampan.flow.projects import Act, Rotation
from sampan.providers.marks import mark
from tests.support.client import Answer, Body
from tests.support.platform import ProjectClient, RunningPlatform

BY: Final = "staff:amy@tea.example"
_numbers = itertools.count(1)


class AccountClient:
    """An account, and whoever speaks for its bank."""

    def __init__(self, platform: RunningPlatform, account: FpsAccount, key: str) -> None:
        self.platform = platform
        self.account = account
        self.key = key

    @property
    def url(self) -> str:
        """Where notices about the account go."""
        return f"{self.platform.url}/notifications/fps/{self.account.id}"

    @property
    def act(self) -> Act:
        """Something that Amy does now."""
        return Act(self.platform.clock.now_us(), BY, self.platform.inside.vault)

    def attach(self, project: ProjectClient) -> None:
        """Let a project use the account."""
        act = self.act
        self.platform.transact(
            lambda tx: flow.attach(tx, project.id, self.account.id, act=act),
        )

    def change(self, **values: object) -> None:
        """Change the account."""
        after = account_of(
            {name: getattr(self.account, name) for name in FpsAccount.__struct_fields__} | values
        )
        act = self.act
        self.platform.transact(
            lambda tx: flow.change(tx, after.id, edit=lambda _: after, act=act),
        )
        self.account = after

    def rotate(self, key: str, *, overlap_s: int) -> None:
        """Put a new notice key in; the old one verifies for `overlap_s` more."""
        act, rotation = self.act, Rotation(secret=key, overlap_s=overlap_s)
        self.platform.transact(
            lambda tx: flow.rotate(tx, self.account.id, rotation=rotation, act=act),
        )
        self.key = key

    def credit(self, txn: str, reference: str, **changes: object) -> Body:
        """Return a notice of HK$100.00, changed."""
        return {
            "type": "credit",
            "bank_txn_id": txn,
            "amount_minor": 10_000,
            "currency": "HKD",
            "booked_at": "2026-11-22T15:04:06+08:00",
            "reference": reference,
            "payer_name": "CHAN TAI MAN",
        } | changes

    def reversal(self, txn: str, reference: str = "", **changes: object) -> Body:
        """Return a notice that HK$100.00 were taken back, changed."""
        return self.credit(txn, reference, **{"type": "reversal", **changes})

    def notify(self, *notices: Body, key: str | None = None, age_s: int = 0) -> Answer:
        """Post notices about the account, marked by its key or another one."""
        raw = json.dumps({"notices": notices}).encode()
        said_us = self.platform.clock.now_us() - age_s * 1_000_000
        return self.post(raw, mark(key or self.key, raw, now_us=said_us))

    def post(self, raw: bytes, headers: dict[str, str], *, name: str | None = None) -> Answer:
        """Post any bytes to the account's address, or to that of another name."""
        path = f"/notifications/fps/{name or self.account.id}"
        return self.platform.client.request("POST", path, body=raw, headers=headers)


def add_account(platform: RunningPlatform, **values: object) -> AccountClient:
    """Add an account that takes HKD and carries references in both places, changed as told."""
    number = next(_numbers)
    key = f"the key of account {number}"
    wanted: dict[str, object] = {
        "id": 0,
        "name": f"account {number}",
        "proxy_kind": "fps_id",
        "proxy": str(160_000_000 + number),
        "payee_name": "HARBOUR TEA HOUSE",
        "payee_name_zh": "海港茶舍",
        "reference_mode": "both",
    }
    account = account_of(wanted | values)
    act = Act(platform.clock.now_us(), BY, platform.inside.vault)
    made = platform.transact(lambda tx: flow.add(tx, account, key=key, act=act))
    return AccountClient(platform, made, key)
