"""The signature that every signed message of the platform carries.

A signature is the Base64 of HMAC-SHA-512 over one text, keyed with the project's secret. The text
lists every leaf of the message as ``path:value``, sorted by path and joined by ``;``.

Source of the wire facts: Gate docs, signature and authentication pages; the order of the leaves as
the public client libraries of the platform really sort them.
"""

import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

__all__ = [
    "Order",
    "canonical",
    "find_signature",
    "sign",
    "verified_form_text",
    "verified_text",
    "verify",
    "verify_form",
]

_Leaf = tuple[str, str]
"""One signed value: its path and its text."""

_UNSIGNED = frozenset({"frame_mode", "signature"})
_SIGNATURE_CHARS = 88
_INTEGRAL_MAX = 2.0**53
_DIGITS = re.compile("[0-9]+")
_TWO_DIGITS = re.compile("[0-9][0-9]")
_FORM_BOOLEANS = {"true": "1", "True": "1", "false": "0", "False": "0"}
_NEVER_BOOLEAN = frozenset(
    {"project_id", "payment_id", "payment_amount", "payment_currency", "customer_id"}
)
"""Fields that are no flags: there the word is never taken for the number."""


class Order(StrEnum):
    """How the leaves of a message are sorted before they are signed.

    The three agree on every documented message. They part over lists of 11 or more items, keys
    that differ by a number at the end, and keys that begin another key.
    """

    NATURAL = "natural"
    """By path, runs of digits compared as numbers: the documented order, and the one we sign in."""

    BYTEWISE = "bytewise"
    """By path, byte by byte: what the Python library signs."""

    BYTEWISE_LINES = "bytewise_lines"
    """By the whole ``path:value`` line, byte by byte: what the Go and Java libraries sign."""


def canonical(body: Mapping[str, object], order: Order = Order.NATURAL) -> str:
    """Return the text that is signed for a message.

    Keys on the way to a value are joined by ``:``, a list item has its index from 0 as its key, a
    ``:`` inside a key is doubled. Values: true and false are ``1`` and ``0``; null is empty; text
    is taken as it is; integers are decimal. Empty lists and objects leave nothing. The keys
    ``frame_mode`` and ``signature`` are left out at every level, so a message may be passed with
    its signature still inside.

    Client libraries disagree about fractions: a float that is a whole number up to 2**53 is
    written without its point, as PHP and JavaScript do, any other in Python's shortest form.

    Raises ``TypeError`` for a value that JSON does not know.

    Source: Gate docs, signature.
    """
    return _text(_leaves(body), order)


def sign(secret: str, body: Mapping[str, object]) -> str:
    """Return the signature of a message in natural order: 88 characters of Base64.

    Signing the same message again gives the same signature. Raises ``ValueError`` for an empty
    secret and for text that UTF-8 cannot carry (an unpaired surrogate), ``TypeError`` for a value
    that JSON does not know.

    Source: Gate docs, signature.
    """
    return _signature(_key(secret), canonical(body).encode())


def verify(secrets: Sequence[str], body: Mapping[str, object], *, signature: object) -> bool:
    """Tell whether a signature fits a message under any of the secrets, in any known order.

    ``secrets`` are the project's current secret and, during a rotation, the previous one.
    ``signature`` may be anything a sender put there: what is not a signature does not fit and
    raises nothing. Raises ``ValueError`` for an empty secret (anybody could sign with it) and
    ``TypeError`` for a value in the message that JSON does not know.

    Source: Gate docs, signature; the orders are those of the public client libraries.
    """
    return verified_text(secrets, body, signature=signature) is not None


def verified_text(
    secrets: Sequence[str], body: Mapping[str, object], *, signature: object
) -> str | None:
    """Return the signed text of a message in natural order when its signature fits, else None.

    As ``verify``, for callers that also need the text: equal texts, equal messages.
    """
    texts = _texts(_leaves(body))
    return next(iter(texts)) if _fits(secrets, texts, signature=signature) else None


def verify_form(secrets: Sequence[str], fields: Mapping[str, str], *, signature: object) -> bool:
    """Tell whether a signature fits the decoded fields of a Payment Page request.

    ``fields`` are flat, every value the text that arrived. Two habits of real clients are allowed
    for. Libraries send ``true``, ``True``, ``false`` or ``False`` but sign ``1`` or ``0``: either
    reading may fit. Shop modules add names that begin with ``_`` without signing them, while the
    libraries sign every name: the request may fit with or without them, so such a name must never
    have an effect.

    Raises as ``verify`` does.

    Source: Payment Page docs, signature; behaviour of the public client libraries.
    """
    return verified_form_text(secrets, fields, signature=signature) is not None


def verified_form_text(
    secrets: Sequence[str], fields: Mapping[str, str], *, signature: object
) -> str | None:
    """Return the signed text of a Payment Page request when its signature fits, else None.

    As ``verify_form``, for callers that also need the text: equal texts, equal requests. Names that
    begin with ``_`` are left out, since the same request is opened with other values of them.
    """
    every = _leaves(fields)
    named = [leaf for leaf in every if not leaf[0].startswith("_")]
    texts: list[str] = []
    for leaves in (named, every):
        texts += _texts(leaves)
        texts += _texts([(path, _as_signed(path, text)) for path, text in leaves])
    fits = _fits(secrets, dict.fromkeys(texts), signature=signature)
    return _text(named, Order.NATURAL) if fits else None


def _as_signed(path: str, text: str) -> str:
    """Return what libraries sign for a flag that they send as a word."""
    return text if path in _NEVER_BOOLEAN else _FORM_BOOLEANS.get(text, text)


def find_signature(body: Mapping[str, object]) -> str | None:
    """Return the signature a message carries, or None where it carries no text as one.

    Looks at the top level, then inside ``general``.

    Source: Gate docs, request and callback formats.
    """
    found = body.get("signature")
    if found is None:
        general = body.get("general")
        if isinstance(general, Mapping):
            found = general.get("signature")
    return found if isinstance(found, str) else None


def _leaves(body: Mapping[str, object]) -> list[_Leaf]:
    """Return path and text of every signed value, in no promised order."""
    leaves: list[_Leaf] = []
    # A list of what is left instead of recursion: faster, and no depth can exhaust the stack.
    pending: list[tuple[str, Mapping[str, object] | Sequence[object]]] = [("", body)]
    while pending:
        prefix, node = pending.pop()
        for key, value in _members(node):
            if key in _UNSIGNED:
                continue
            path = prefix + (key.replace(":", "::") if ":" in key else key)
            if isinstance(value, str):
                leaves.append((path, value))
            elif isinstance(value, dict | list | tuple):
                pending.append((path + ":", value))
            else:
                leaves.append((path, _scalar(value)))
    return leaves


def _members(node: Mapping[str, object] | Sequence[object]) -> Iterable[tuple[str, object]]:
    """Return key and value of each member of an object or a list."""
    if isinstance(node, Mapping):
        return node.items()
    return zip(map(str, range(len(node))), node, strict=True)


def _scalar(value: object) -> str:
    """Return the signed text of a value that is neither text nor made of other values."""
    if value is None:
        return ""
    if isinstance(value, int):
        # True and False are integers too, and become 1 and 0. An enumeration gives its number.
        return str(int(value))
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) <= _INTEGRAL_MAX
        return str(int(value)) if whole else float.__repr__(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _text(leaves: list[_Leaf], order: Order) -> str:
    """Return the signed text of these leaves in one order. May reorder the list."""
    if order is Order.BYTEWISE_LINES:
        return ";".join(sorted(map(":".join, leaves)))
    # Python sorts text by code point, which is the order of its UTF-8 bytes.
    leaves.sort()
    # Runs of one digit sort the same as numbers and as bytes, so most messages are done here.
    if order is Order.NATURAL and _TWO_DIGITS.search("\n".join([path for path, _ in leaves])):
        leaves.sort(key=_natural_key)
    return ";".join(map(":".join, leaves))


def _texts(leaves: list[_Leaf]) -> Iterable[str]:
    """Return the signed texts of these leaves in every order, each distinct text once."""
    return dict.fromkeys([_text(leaves, order) for order in Order])


def _natural_key(leaf: _Leaf) -> str:
    """Return a text that sorts by bytes where the leaf's path sorts naturally.

    Each run of digits becomes its length, written in ten digits, and the run, both without leading
    zeros. Runs then compare as numbers. A run still begins with a digit, and every other character
    stands on the same side of all ten digits, so a run against anything else compares as before.
    """
    return _DIGITS.sub(_sortable_run, leaf[0])


def _sortable_run(run: re.Match[str]) -> str:
    number = run[0].lstrip("0")
    return f"{len(number):010d}{number}"


def _key(secret: str) -> hmac.HMAC:
    """Return the hash keyed with a secret and fed nothing yet."""
    if not secret:
        # With an empty key anybody could sign, so a project without a secret must fail loudly.
        raise ValueError("a secret is empty")
    return hmac.new(secret.encode(), digestmod="sha512")


def _signature(key: hmac.HMAC, text: bytes) -> str:
    """Return the signature of a signed text."""
    # A copy, unlike `hmac.digest`, keeps the interpreter's lock for short texts: under load the
    # wait to get it back costs several times the hash.
    keyed = key.copy()
    keyed.update(text)
    return b2a_base64(keyed.digest(), newline=False).decode("ascii")


def _fits(secrets: Sequence[str], texts: Iterable[str], *, signature: object) -> bool:
    """Tell whether the signature is that of any text under any secret.

    Every pair is computed and compared, also after a fit, so the time taken tells neither which
    secret nor which order fitted. How many texts there are depends on the message alone, which
    its sender knows, and the early refusals look only at what the sender wrote.

    The encoded texts are compared, not the decoded bytes: Base64 has several spellings of the same
    bytes, and only the one we would write counts.
    """
    keys = [_key(secret) for secret in secrets]
    # compare_digest refuses text beyond ASCII, and takes time by the length of what it is given.
    if not isinstance(signature, str) or len(signature) != _SIGNATURE_CHARS:
        return False
    if not signature.isascii():
        return False
    try:
        encoded = [text.encode() for text in texts]
    except UnicodeEncodeError:
        # An unpaired surrogate: no client can have signed bytes that do not exist.
        return False
    fits = False
    for key in keys:
        for text in encoded:
            fits |= hmac.compare_digest(_signature(key, text), signature)
    return fits
