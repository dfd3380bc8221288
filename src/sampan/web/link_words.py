"""Sentences about payment links: what is wrong with a field, a line or a file."""

from collections.abc import Mapping
from typing import Final

from sampan.codecs.link_csv import LinkFileError, Unfit
from sampan.domain.link_form import Flaw, Wrong
from sampan.web.i18n import mark, translate

FLAWS: Final[Mapping[Wrong, str]] = {
    Wrong.MISSING: mark("This is needed."),
    Wrong.TOO_LONG: mark("At most 255 characters."),
    Wrong.UNREADABLE: mark("There are characters in it that cannot be shown. Type it anew."),
    Wrong.PAYMENT_ID: mark("A payment id has no semicolon and no blanks around it."),
    Wrong.DOUBLED: mark("Line %(detail)s has the same payment id."),
    Wrong.USED: mark("This payment id is used already. Choose another one."),
    Wrong.AMOUNT: mark("Write the amount in dollars with at most two decimals, like 1234.50."),
    Wrong.AMOUNT_ZERO: mark("The amount must be more than nothing."),
    Wrong.AMOUNT_LOW: mark("The project takes at least %(detail)s."),
    Wrong.AMOUNT_HIGH: mark("The project takes at most %(detail)s."),
    Wrong.CURRENCY: mark("The currency is HKD or CNY."),
    Wrong.CURRENCY_OFF: mark("The project does not take this currency."),
    Wrong.EXPIRES: mark(
        "Write a number of days, like 7, a date, like 2030-01-31, or a date with a time in Hong"
        " Kong, like 2030-01-31 18:00."
    ),
    Wrong.EXPIRES_OVER: mark("This time is over. Choose a later one."),
    Wrong.EXPIRES_FAR: mark("A link is good for at most 30 days."),
    Wrong.EMAIL: mark("This is not an e-mail address."),
    Wrong.EMAIL_MISSING: mark("To send the link, we need the customer's e-mail address."),
    Wrong.PHONE: mark("A telephone number has 4 to 24 digits."),
    Wrong.LANGUAGE: mark("The language is en, zh-hant or zh."),
    Wrong.SEND_EMAIL: mark("Write yes or no."),
    Wrong.MAIL_OFF: mark("No mail can be sent here: write no, or leave it empty."),
    Wrong.PROJECT_OFF: mark("The project is switched off and takes no payments."),
    Wrong.FAILED: mark("Something went wrong on our side. Make this link by hand."),
    Wrong.CELLS: mark("This line has more or fewer cells than the first one has names."),
}

FILES: Final[Mapping[Unfit, str]] = {
    Unfit.EMPTY: mark("The file is empty: it needs a line of names and at least one link below."),
    Unfit.TOO_LONG: mark("The file is larger than 2 MB. Part it in two."),
    Unfit.TOO_MANY_LINES: mark("The file has more than %(detail)s links. Part it in two."),
    Unfit.ENCODING: mark("Line %(line)s is not UTF-8. Save the file as “CSV UTF-8”."),
    Unfit.FORMAT: mark("Line %(line)s cannot be read as CSV. Look for a quotation mark too many."),
    Unfit.COLUMNS_DOUBLED: mark("These columns are there twice: %(detail)s."),
    Unfit.COLUMNS_MISSING: mark("These columns are missing: %(detail)s."),
    Unfit.COLUMNS_UNKNOWN: mark("These columns are not known: %(detail)s."),
}


def flaw_text(code: str, flaw: Flaw) -> str:
    """Return a sentence in a language; what is ours stands in it, nothing that a visitor typed."""
    return translate(code, FLAWS[flaw.wrong]) % {"detail": flaw.detail}


def file_text(code: str, fault: LinkFileError) -> str:
    """Return a sentence in a language; names of columns in it may be of a visitor."""
    return translate(code, FILES[fault.unfit]) % {"detail": fault.detail, "line": fault.line}
