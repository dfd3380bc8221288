"""What may go wrong, in three kinds.

- `Refusal`: the caller's fault or a rule of ours; the caller may see all of it.
- `Unavailable`: the world's fault (database away, bank silent); trying again later may help.
- assertions: our own bugs.

Expected outcomes are values, not exceptions.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field of a request that is missing or malformed.

    `field` is the dotted path (`payment.amount`), `constraint` the broken rule (`required`, `type`,
    `pattern`, …); both stand in `errors[]` of the Gate's refusals (Gate spec, ErrorItem).
    """

    code: str
    message: str
    field: str
    constraint: str


class Refusal(Exception):  # noqa: N818 - the house's word, see docs/glossary.md
    """A request is not taken; nothing has changed.

    `code` is a response code of `domain.codes` as text, `http_status` what an HTTP door answers.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        http_status: int = 400,
        faults: tuple[FieldFault, ...] = (),
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.faults = faults


class Unavailable(Exception):  # noqa: N818 - the house's word, see docs/glossary.md
    """Something outside does not answer; the request may be repeated unchanged."""


class SetupError(Exception):
    """A setting or the surroundings forbid to start; the text tells the operator what to do."""
