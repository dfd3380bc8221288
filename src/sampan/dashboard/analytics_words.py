"""What datasets, charts and columns of analytics are called."""

from collections.abc import Mapping
from typing import Final

from sampan.domain.analytics import Dataset
from sampan.domain.analytics_spec import DRAWINGS, OF_DRAWING, Drawing
from sampan.web.i18n import mark

NAMES: Final[Mapping[Dataset, str]] = {
    Dataset.PAYMENTS: mark("Payments"),
    Dataset.CONVERSION: mark("Conversion"),
    Dataset.TURNOVER: mark("Turnover"),
    Dataset.OPERATIONS: mark("All operations"),
    Dataset.DECLINES: mark("Decline reasons"),
    Dataset.TIME_TO_PAY: mark("Time until paid"),
    Dataset.CALLBACKS: mark("Callback health"),
}
TITLES: Final[Mapping[Drawing, str]] = {
    Drawing.MADE: mark("Payments by what became of them"),
    Drawing.OUTCOMES: mark("Paid and declined"),
    Drawing.RATE: mark("Conversion over time"),
    Drawing.TURNOVER: mark("Turnover"),
    Drawing.OPERATIONS: mark("All operations"),
    Drawing.CODES: mark("Most frequent reasons"),
    Drawing.DECLINES: mark("Declines over time"),
    Drawing.SLOTS: mark("How long customers take to pay"),
    Drawing.WITHIN_MINUTE: mark("Paid within a minute"),
    Drawing.ANSWERS: mark("How callbacks were answered"),
    Drawing.DELIVERED: mark("Answered with 2xx over time"),
}

AVERAGE: Final = mark("Average payment")
CODE: Final = mark("Code")
REASON: Final = mark("Reason")
DECLINES: Final = mark("Declined sales")
SHARE: Final = mark("Share")
OTHERS: Final = mark("All other codes")
REASONS: Final = mark("Different reasons")
MOST_FREQUENT: Final = mark("Most frequent reason")
UP_TO: Final = mark("up to %(time)s")
OVER: Final = mark("over %(time)s")
MEDIAN: Final = mark("Half of them paid within")
MEAN: Final = mark("Mean time")
ANSWERED: Final = mark("Answered with 2xx")
MEAN_ANSWER: Final = mark("Mean time to answer")
ATTEMPTS: Final = mark("Attempts")
FAILED: Final = mark("Failed attempts")
PAID: Final = mark("Paid")
DECLINED: Final = mark("Declined")


def name_of(drawing: Drawing) -> str:
    """Return what a chart is called where it stands alone: the first of a dataset, by that."""
    dataset = OF_DRAWING[drawing]
    return NAMES[dataset] if DRAWINGS[dataset][0] is drawing else TITLES[drawing]
