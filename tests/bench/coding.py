"""What the codecs cost: drawing a QR, signing and verifying."""

import io
import time
from collections.abc import Callable

import segno

from sampan.codecs import qr_image
from sampan.codecs.emv_qr import FpsQr, encode
from sampan.codecs.signature import sign, verify
from tests.bench import world

SLICE_S = 0.4
ROUNDS = 5
MODULE_PX = 8

BODY = {
    "general": {"project_id": world.PROJECT_ID, "payment_id": "order-1"},
    "customer": {"id": "customer-1", "ip_address": "192.0.2.7"},
    "payment": {"amount": 10_000, "currency": "HKD", "description": "Two coffees"},
}


def _per_s(work: Callable[[], object]) -> float:
    """Return how often something can be done in a second: the best of a few short slices."""
    best = 0.0
    for _ in range(ROUNDS):
        count, begun = 0, time.perf_counter()
        while (spent := time.perf_counter() - begun) < SLICE_S:
            work()
            count += 1
        best = max(best, count / spent)
    return best


def qr() -> dict[str, float | None]:
    """Payload to PNG, against segno making the same symbol at the same scale."""
    payload = encode(
        FpsQr(
            fps_id="1029384",
            currency="HKD",
            amount_minor=10_000,
            timeout_us=1_767_225_600_000_000,
            merchant_name="SAMPAN DEMO SHOP",
            bill_number="0000XK5R2QV7",
        )
    )

    def by_segno() -> bytes:
        made = io.BytesIO()
        segno.make(payload, error="m", micro=False, mode="byte").save(
            made, kind="png", scale=MODULE_PX
        )
        return made.getvalue()

    ours = _per_s(lambda: qr_image.png(payload, module_px=MODULE_PX))
    theirs = _per_s(by_segno)
    return {"qr_vs_segno": ours / theirs, "qr_png_per_s": ours}


def signing() -> dict[str, float | None]:
    """Sign a sale, and verify its signature, both once a turn."""

    def turn() -> None:
        assert verify([world.SECRET], BODY, signature=sign(world.SECRET, BODY))

    return {"sign_verify_per_s": _per_s(turn)}
