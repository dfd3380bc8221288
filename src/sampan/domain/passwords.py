"""What people sign in with: the rules for e-mail addresses and passwords."""

import re
import unicodedata
from typing import Final

PASSWORD_CHARS_MIN: Final = 12
PASSWORD_CHARS_MAX: Final = 256
"""Enough for any sentence; without an end a sender could keep the hash busy."""
EMAIL_CHARS_MAX: Final = 254
"""What an SMTP path has room for (RFC 5321, 4.5.3.1.3, without its brackets)."""

_EMAIL = re.compile(r"[^\s@<>,;:\"\\\x00-\x1f\x7f]+@[^\s@<>,;:\"\\\x00-\x1f\x7f]+")


def normal(password: str) -> str:
    """Return a password in one form: keyboards differ in how they compose a letter (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def folded(email: str) -> str:
    """Return what an e-mail address is compared by: without regard to case and outer blanks."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def email_fault(email: str) -> str | None:
    """Return why this is no e-mail address, None when it may be one. Mail is not sent to it."""
    if len(email) > EMAIL_CHARS_MAX:
        return f"an e-mail address has at most {EMAIL_CHARS_MAX} characters"
    if not _EMAIL.fullmatch(email):
        return "this is not an e-mail address"
    return None


def password_fault(password: str, email: str) -> str | None:
    """Return why a person with this e-mail must not take this password, None when it is good."""
    chars = normal(password)
    if len(chars) < PASSWORD_CHARS_MIN:
        return f"a password has at least {PASSWORD_CHARS_MIN} characters"
    if len(password) > PASSWORD_CHARS_MAX or len(chars) > PASSWORD_CHARS_MAX:
        return f"a password has at most {PASSWORD_CHARS_MAX} characters"
    if folded(chars) == folded(email):
        return "a password must not be the e-mail address"
    if len(set(chars)) == 1:
        return "a password must not be one character many times"
    return None
