"""The task `callback`: sign a callback, post it, record the attempt."""

import hmac
from base64 import b64encode
from hashlib import sha256
from typing import Final

import msgspec

from sampan import __version__
from sampan.clock import Clock
from sampan.codecs.signature import sign
from sampan.domain.project import Project
from sampan.flow import delivery
from sampan.flow.notification import FindProject
from sampan.outbound import Outbound, OutboundError, TargetRefused
from sampan.storage import callbacks
from sampan.storage.callbacks import Attempt, Callback
from sampan.storage.engine import Store, Tx
from sampan.storage.outbox import Task
from sampan.workers.loop import LANE_MAX, Work

TRY_S_MAX: Final = 30.0
LEASE_US: Final = 45_000_000
ANSWER_KEPT_BYTES: Final = 2048


class Ready(msgspec.Struct, frozen=True):
    """A callback with the project whose secrets sign it."""

    callback: Callback
    project: Project


def signed_body(callback: Callback, secret: str) -> bytes:
    """Return the bytes to send: the frozen body with its signature as the last member."""
    signature = sign(secret, msgspec.json.decode(callback.body))
    return f'{callback.body[:-1]},"signature":"{signature}"}}'.encode()


def headers(callback: Callback, project: Project, *, body: bytes, now_us: int) -> dict[str, str]:
    """Return the headers of an attempt: ours and the three of Standard Webhooks.

    `webhook-id` stays the same over all attempts; `webhook-signature` lists one signature for each
    secret that is valid now, with the secret's UTF-8 bytes as key.
    """
    key = f"cb_{callback.id}"
    stamp = str(now_us // 1_000_000)
    content = f"{key}.{stamp}.".encode() + body
    marks = [
        "v1," + b64encode(hmac.digest(secret.encode(), content, sha256)).decode()
        for secret in project.secrets
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Sampan/{__version__}",
        "X-Sampan-Attempt": str(callback.attempts_count),
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(marks),
    }


class DeliverCallbacks:
    """Delivers callbacks to merchants."""

    def __init__(
        self, store: Store, clock: Clock, *, http: Outbound, find_project: FindProject
    ) -> None:
        self._store = store
        self._clock = clock
        self._http = http
        self._find_project = find_project

    def work(self) -> Work[Ready]:
        """Return what the worker needs to know about this kind of task."""
        return Work(
            "callback",
            lease_us=LEASE_US,
            prepare=self._prepare,
            act=self._act,
            lane_bound=self._lane_bound,
        )

    def _prepare(self, tx: Tx, task: Task, now_us: int) -> Ready | None:
        callback = delivery.begin(tx, task, now_us=now_us)
        project = None if callback is None else self._find_project(tx, callback.project_id)
        return Ready(callback, project) if callback and project else None

    def _lane_bound(self, tx: Tx, lane: str) -> int:
        """A failing address is probed by one callback at a time until one gets through."""
        health = callbacks.endpoint(tx, lane)
        failing = health is not None and health.failures_count >= delivery.FAILING_AFTER
        return 1 if failing else LANE_MAX

    async def _act(self, task: Task, ready: Ready) -> None:
        callback, project = ready.callback, ready.project
        at_us = self._clock.now_us()
        started_us = self._clock.monotonic_us()
        body = signed_body(callback, project.secrets[0])
        http_status: int | None = None
        answer = error = ""
        try:
            got = await self._http.post(
                callback.url,
                body,
                headers=headers(callback, project, body=body, now_us=at_us),
                timeout_s=TRY_S_MAX,
            )
            http_status = got.status
            answer = _kept(got.body)
        except TargetRefused:
            error = "refused: the address is not allowed"
        except OutboundError as failed:
            error = f"{failed.kind}: {failed}"[:ANSWER_KEPT_BYTES]
        attempt = Attempt(
            callback=callback.id,
            number=callback.attempts_count,
            at_us=at_us,
            url=callback.url,
            http_status=http_status,
            duration_ms=(self._clock.monotonic_us() - started_us) // 1000,
            answer=answer,
            error=error,
        )
        jitter = self._clock.jitter()
        await self._store.transact(
            lambda tx: delivery.finish(tx, task, callback, attempt=attempt, jitter=jitter)
        )


def _kept(body: bytes) -> str:
    """Return the part of an answer that is kept, as text that every database takes."""
    return body[:ANSWER_KEPT_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
