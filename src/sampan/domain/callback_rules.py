"""Callback rules of a project: which callbacks go to an address of their own."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

RULES_MAX: Final = 100
"""More rules than anybody reads; each is looked at for every callback."""


class Result(StrEnum):
    """What a callback tells, as rules know it: how a payment ended, or anything else."""

    SUCCESS = "success"
    DECLINE = "decline"
    ERROR = "error"
    OTHER = "other"


class CallbackRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule; an empty text means any. `id` is unique and never given out again."""

    id: int
    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    payment_type: Annotated[str, Meta(pattern=r"^(purchase|invoice)?\Z")] = ""
    result: Annotated[str, Meta(pattern=r"^(success|decline|error|other)?\Z")] = ""
    method: Annotated[str, Meta(pattern=r"^(hk-qr)?\Z")] = ""
    enabled: bool = True
