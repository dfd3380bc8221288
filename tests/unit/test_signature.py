"""The signature: the text that is signed, signing, and what verifies."""

import base64
import copy
import hmac
import json
import string
from functools import cmp_to_key
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payment_page_sdk.payment import Payment
from payment_page_sdk.payment_page import PaymentPage
from payment_page_sdk.signature_handler import SignatureHandler

from sampan.codecs.signature import (
    Order,
    canonical,
    find_signature,
    sign,
    verify,
    verify_form,
)

Body = dict[str, Any]


def documented_request(site: str, email: str, ip_address: str, *, count: object) -> Body:
    """The request that the documentation signs, in the words of one of its editions."""
    return {
        "general": {"project_id": 3254, "payment_id": "id_38202316"},
        "customer": {
            "id": "585741",
            "email": email,
            "first_name": "John",
            "last_name": "Doe",
            "address": "Downing str., 23",
            "identify": {"doc_number": "54122312544"},
            "ip_address": ip_address,
        },
        "payment": {"amount": 10800, "currency": "USD", "description": "Computer keyboards"},
        "receipt_data": {
            "positions": [
                {
                    "quantity": count,
                    "amount": "108" if isinstance(count, str) else 108,
                    "description": "Computer keyboard",
                }
            ]
        },
        "return_url": {
            "success": f"https://{site}/complete-redirect?id=success",
            "decline": f"https://{site}/complete-redirect?id=decline",
        },
    }


V1_TEXT = (
    "customer:address:Downing str., 23;customer:email:johndoe@example.com;"
    "customer:first_name:John;customer:id:585741;customer:identify:doc_number:54122312544;"
    "customer:ip_address:198.51.100.47;customer:last_name:Doe;general:payment_id:id_38202316;"
    "general:project_id:3254;payment:amount:10800;payment:currency:USD;"
    "payment:description:Computer keyboards;receipt_data:positions:0:amount:108;"
    "receipt_data:positions:0:description:Computer keyboard;receipt_data:positions:0:quantity:10;"
    "return_url:decline:https://paymentpage.example.com/complete-redirect?id=decline;"
    "return_url:success:https://paymentpage.example.com/complete-redirect?id=success"
)

V12: Body = {
    "general": {
        "project_id": 1234,
        "payment_id": "hkqr-0001",
        "merchant_callback_url": "https://merchant.example/callback",
    },
    "customer": {
        "id": "cust_1",
        "ip_address": "198.51.100.47",
        "first_name": "大文",
        "last_name": "陳",
    },
    "payment": {"amount": 10050, "currency": "HKD", "description": "Order 1"},
    "return_url": {
        "success": "https://merchant.example/ok",
        "decline": "https://merchant.example/no",
        "return": "https://merchant.example/back",
    },
}

SUM: Body = {"amount": 10050, "currency": "HKD"}

V18: Body = {
    "project_id": 1234,
    "payment": {
        "id": "hkqr-0001",
        "type": "purchase",
        "status": "awaiting customer action",
        "date": "2025-01-01T00:00:01+0000",
        "method": "hk-qr",
        "sum": SUM,
        "description": "Order 1",
    },
    "customer": {"id": "cust_1"},
    "display_data": [{"type": "qr_data", "title": "QR code", "data": "00020101021226"}],
    "operation": {
        "id": 1,
        "type": "sale",
        "status": "awaiting customer action",
        "date": "2025-01-01T00:00:01+0000",
        "created_date": "2025-01-01T00:00:00+0000",
        "request_id": "r-1",
        "sum_initial": SUM,
        "sum_converted": SUM,
        "code": "9999",
        "message": "Awaiting processing",
        "provider": {"id": 1, "payment_id": None, "auth_code": ""},
    },
    "errors": [],
}

# name: (secret, body, signed text where one is published, signature)
VECTORS: dict[str, tuple[str, Body, str | None, str]] = {
    "V1": (
        "secret",
        documented_request(
            "paymentpage.example.com", "johndoe@example.com", "198.51.100.47", count="10"
        ),
        V1_TEXT,
        "lagSnuspAn+F6XkmQISqwtBg0PsiTy62fF9x33TM+278mnufIDZyi1yP0BQALuCxyikkIxIMbodBn2F8hMdRwA==",
    ),
    "V1-older-edition": (
        "secret",
        documented_request(
            "paymentpage.mycompany.com", "johndoe@mycompany.com", "111.222.333.444", count=10
        ),
        None,
        "VLLZzVNGevQNhr1b4TEhbC4qqHD17Kyn/M6FPNN93ttyk/amJgD/R6dayTKVvW6/QCRdq4hOf8R2w/xbUa8f2w==",
    ),
    "V2": (
        "secret",
        {"general": {"project_id": 12345, "payment_id": "pay_0001"}},
        "general:payment_id:pay_0001;general:project_id:12345",
        "n9yx2olgl5v5TGj6rsICnbmmXQjB/UyJpuVPZzzB7lc+zvwd522yYuKHX6BOZhMRL2mSO6eyxNX2FM00Y5P79g==",
    ),
    "V3": (
        "secret",
        {
            "customer": {"project_id": 0, "id": "sutm_id"},
            "card": {
                "pan": "4242424242424242",
                "year": 2020,
                "month": 8,
                "card_holder": "John Smith",
                "cvv": "123",
                "save": True,
            },
            "frame_mode": "popup",
        },
        (
            "card:card_holder:John Smith;card:cvv:123;card:month:8;card:pan:4242424242424242;"
            "card:save:1;card:year:2020;customer:id:sutm_id;customer:project_id:0"
        ),
        "lY0LTSAzpR7zGce5qfYGacOuYlHGWqkMcQlqmjlsDDZI2gVcE1qVeWANnkIR7mdOqRXJnL1kO0lUmkQ0YYLWRg==",
    ),
    "V4": (
        "secret",
        {"payment": {"id": "000049", "status": "success"}},
        None,
        "/3TrhHVz9BHaLfgLyhoxO7dsQNzbzZa/TdO3pxQocXWwgVM6tGlzMLVfpOxFNTnkR9iiFVK/77ZedMcbkCjmng==",
    ),
    "V5": (
        "qwerty",
        {
            "payment": {"id": "test-payment", "status": "success"},
            "some_bool_param": True,
            "frame_mode": "iframe",
        },
        None,
        "TZS0J65ReNUMgKzeXUey9xOGGyC7r4OhsFXt/3H8XZM2Le8Wot2E1NIjeSPOyV1F3sUU6F3kfo9om2dhbe3ieA==",
    ),
    "V6": (
        "qwerty",
        {
            "payment": {"id": "test-payment"},
            "errors": [
                {
                    "code": "123",
                    "message": "grand crash",
                    "description": ["description-str", {"description1": 1}],
                },
                {"code": "456", "message": "minor crash", "description": None},
            ],
        },
        (
            "errors:0:code:123;errors:0:description:0:description-str;"
            "errors:0:description:1:description1:1;errors:0:message:grand crash;errors:1:code:456;"
            "errors:1:description:;errors:1:message:minor crash;payment:id:test-payment"
        ),
        "dxjnun8oySSl0CWlhhjy/k1V9CZcCtaHvu/Y5qJQbWHq8wd6TqTUt4bIfHrlWxT8ba9NOJfkgGHrGc5OgyQVGA==",
    ),
    "V7": (
        "qwerty",
        {
            "project_id": "123",
            "recurring": {
                "id": 321,
                "status": "active",
                "type": "Y",
                "currency": "EUR",
                "exp_year": "2025",
                "exp_month": "12",
                "period": "D",
                "time": "11",
            },
        },
        None,
        "AThqkBCZ6WZtY3WrMV28o7SM/vq6OIVF9qiVbELN4e/Ux59Lb5LFFnEuTq6bHa5pRvaPIkQGABXdpIrNLaeJdQ==",
    ),
    "V8": (
        "qwerty",
        {
            "project_id": 11,
            "payment_currency": "EUR",
            "frame_mode": "iframe",
            "some_bool_param": True,
            "two_levels_param": {"param1": 1, "param2": 2},
        },
        None,
        "ehwG+e+Sq6b0QEek2hmHGUFzViX9/Xfcgnh0Ysn1+AqCY8BsKhC/Vcyr4XH8CKXW3iS0vW9S2mTwOt/0Ozf5pg==",
    ),
    "V9": (
        "123",
        {
            "general": {},
            "payment": {"id": "qwerty123"},
            "redirectData": {"method": "GET", "body": [], "encrypted": [], "url": "url data"},
        },
        "payment:id:qwerty123;redirectData:method:GET;redirectData:url:url data",
        "Cm0L/+dLPg6Au/jEG0yr1FktzA1QwojRp95R9o5O4Wxx6MzjwTrso5B4rBXekM/fp5znut0WVGLFGG+TtJjuHQ==",
    ),
    "V10": (
        "qwerty",
        {
            "payment": {"id": "test.test-payment", "status": "success", "valid": True},
            "some-data": 1234,
            "frame_mode": "iframe",
        },
        None,
        "Z0YwpWdNwBspA/6wicHVr4f6n0xMFuyZnAlIxnO86Zu/EIo3FZUEntClEVjulKpBrVF+HlyPEK1X41iCjbFgWg==",
    ),
    "V11": (
        "secret",
        {
            "project_id": 100,
            "interface_type": '{"id":23}',
            "payment_id": "test payment id",
            "payment_description": "B&W",
        },
        (
            'interface_type:{"id":23};payment_description:B&W;payment_id:test payment id;'
            "project_id:100"
        ),
        "97JFQpAyJ4HPfGVedJh0M1MqQDOFt/MCbdh8VrsT7DdRyTBDAF2mvUOsDANx1ZPfbvZg0+VUbF43xJnq0jEeLA==",
    ),
    "V12": (
        "secret",
        V12,
        None,
        "JtREIxT/GuXgJ0KxAaWWGyzJEOtd3K9hDIE4+czzKXLnKk5AOCndx9PEVnTGg74aIXFP170POghms6ZgV0xLKg==",
    ),
    "V12b": (
        "secret",
        {**V12, "customer": {**V12["customer"], "email": "johndoe@example.com"}},
        None,
        "1NskWh/5BJOGg9a6omue1OYsJZvEKUi6jr+ItvGdf56QLKw4oJ0tBfZfDTO73S12ODk+kQK2sos4NU20vTUWyg==",
    ),
    "V13": (
        "secret",
        {
            "a": [],
            "b": {},
            "c": "",
            "d": None,
            "e": False,
            "f": True,
            "g": 0,
            "h": "0",
            "i": [[]],
            "j": [None, ""],
            "k": [{}],
        },
        "c:;d:;e:0;f:1;g:0;h:0;j:0:;j:1:",
        "hKrQIRXbIew9R6mPwNh7ouC+cW7/o1Dte4QxI3FRLrPCOGvihjW3sOmzH6mVGe0BhH+tADuMYjG6yseMjrP2hA==",
    ),
    "V14": (
        "secret",
        {"a": list(range(12))},
        ";".join(f"a:{n}:{n}" for n in range(12)),
        "HlJgpVaBuFmFag4y4CFJL4SWk8j63fWvb3fTuAB8S4lGS5mUDYma9PSK2APbdiS7BGsv7OulGj1v9DZeQuWtqw==",
    ),
    "V15": (
        "secret",
        {"address": "x", "address1": "y", "address10": "z", "address2": "w"},
        "address:x;address1:y;address2:w;address10:z",
        "uB13ydJubi9/djqWiMT1xaGVRcKJLu+qcvq3hh7Bl3wbytEbjEOXTfo9E0dokEuqUTgHjK6bocA/C/ci7O4t4A==",
    ),
    "V16": (
        "secret",
        {
            "name": "陳大文",
            "имя": "Ян",
            "emoji": "😀",
            "slash": "https://a/b",
            "semi": "a;b:c",
            "nl": "x\ny",
        },
        "emoji:😀;name:陳大文;nl:x\ny;semi:a;b:c;slash:https://a/b;имя:Ян",
        "pKzCdJci48ciq1HvxRJSCqQT+/UO2VPeFCefmvae3qdQn0uVsv39jaqKDUtGoyAd083T3uT0+6QUV3qjyJXLoA==",
    ),
    "V17": (
        "secret",
        {"project_id": 1234, "request_id": "aaaa-bbbb-00000001"},
        None,
        "KRGCJ+NbGXwLXQeI9o7cvZ7Rf9g140TZUbZB6mL+wakv4DUD3c1dCKGmdnagZjXbfHisuyeca+9J2tYuhGJU/Q==",
    ),
    "V18": (
        "secret",
        V18,
        None,
        "GVr/L+K1MRsEsrwVYmsGtlLaT4T7rpwFe9QfEM5SoCAhQZtJwRelg48RkoOyyUtNYBnZXE0TT16JsXybKaK5hw==",
    ),
}

each_vector = pytest.mark.parametrize(
    ("secret", "body", "text", "signature"), VECTORS.values(), ids=VECTORS.keys()
)

TWELVE = {"a": list(range(12))}


def raw_sign(secret: str, text: str) -> str:
    """The signature of a text, made without the module under test."""
    digest = hmac.new(secret.encode(), text.encode(), "sha512").digest()
    return base64.b64encode(digest).decode()


# --- strategies -----------------------------------------------------------------------------

plain_keys = st.text(string.ascii_lowercase + "_", min_size=1, max_size=6).filter(
    lambda key: key not in {"frame_mode", "signature"}
)
any_keys = st.text(max_size=6)
agreed_leaves = st.one_of(st.text(max_size=8), st.integers(), st.booleans())
any_leaves = st.one_of(agreed_leaves, st.none(), st.floats(allow_nan=False))


def bodies(
    keys: st.SearchStrategy[str], leaves: st.SearchStrategy[Any], *, items_max: int
) -> st.SearchStrategy[Body]:
    """Objects of the given keys and leaves, nested, with lists."""
    values: st.SearchStrategy[Any] = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=items_max),
            st.dictionaries(keys, inner, max_size=4),
        ),
        max_leaves=20,
    )
    return st.dictionaries(keys, values, max_size=5)


any_bodies = bodies(any_keys, any_leaves, items_max=13)
agreed_bodies = bodies(plain_keys, agreed_leaves, items_max=10)


def leaf_places(node: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - a JSON value is anything
    """Container and key of every leaf of a body."""
    places: list[tuple[Any, Any]] = []
    members = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in members:
        places += leaf_places(value) if isinstance(value, dict | list) else [(node, key)]
    return places


# --- the signed text ------------------------------------------------------------------------


@each_vector
def test_published_signature(secret: str, body: Body, text: str | None, signature: str) -> None:
    """A message of a published vector gets the published signature."""
    assert sign(secret, body) == signature
    assert text is None or raw_sign(secret, text) == signature


@each_vector
def test_published_text(secret: str, body: Body, text: str | None, signature: str) -> None:
    """A message of a published vector is signed over the published text."""
    if text is None:
        assert raw_sign(secret, canonical(body)) == signature
    else:
        assert canonical(body) == text


def test_text_of_every_kind_of_value() -> None:
    """Lists, objects, null, false and large integers stand in the text as the Go library does."""
    body = json.loads(
        '{"a":{"b":1111111111111111,"c":2},"d":false,"f":["g",{"h":7,"i":{"k":8}}],'
        '"e":[4,5],"j":null}'
    )
    expected = "a:b:1111111111111111;a:c:2;d:0;e:0:4;e:1:5;f:0:g;f:1:h:7;f:1:i:k:8;j:"
    assert canonical(body) == expected


def test_colon_in_a_key_is_doubled() -> None:
    """A colon inside a key is doubled at every level, one in a value is not."""
    assert canonical({"a:b": {":": "x:y"}}) == "a::b::::x:y"


def test_unsigned_names_are_left_out_at_every_level() -> None:
    """The keys frame_mode and signature are left out of objects, also of those in lists."""
    inside = {"frame_mode": 1, "signature": "s", "b": 2}
    assert canonical({**inside, "a": [inside, {"c": inside}]}) == "a:0:b:2;a:1:c:b:2;b:2"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-2.0, "-2"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (2.0**53, "9007199254740992"),
        (1e21, "1e+21"),
    ],
)
def test_text_of_a_float(number: float, text: str) -> None:
    """A float without a fraction loses its point up to 2**53; others keep Python's form."""
    assert canonical({"a": number}) == f"a:{text}"


@pytest.mark.parametrize("value", [b"x", {1}, object(), 1j])
def test_value_unknown_to_json(value: object) -> None:
    """A value that JSON does not know is a TypeError."""
    with pytest.raises(TypeError, match="JSON has no"):
        canonical({"a": value})


def test_depth_is_not_limited() -> None:
    """A message may be nested deeper than the interpreter's stack."""
    body: Body = {"a": 1}
    for _ in range(5000):
        body = {"a": body}
    assert canonical(body) == "a:" * 5001 + "1"


def test_tuple_is_a_list() -> None:
    """A tuple is signed as the list that it becomes in JSON."""
    assert canonical({"a": ("x", "y")}) == canonical({"a": ["x", "y"]})


def test_empty_message_has_an_empty_text() -> None:
    """A message without a leaf is signed over the empty text."""
    assert canonical({"general": {"signature": "x"}}) == ""


# --- order ----------------------------------------------------------------------------------


def natural_compare(one: str, other: str) -> int:
    """Natural order in its plainest form, walking both texts."""
    left, right = one.encode(), other.encode()
    i = j = 0
    digits = b"0123456789"
    while i < len(left) and j < len(right):
        if left[i] in digits and right[j] in digits:
            a = b = b""
            while i < len(left) and left[i] in digits:
                a += left[i : i + 1]
                i += 1
            while j < len(right) and right[j] in digits:
                b += right[j : j + 1]
                j += 1
            if int(a) != int(b):
                return int(a) - int(b)
        else:
            if left[i] != right[j]:
                return left[i] - right[j]
            i += 1
            j += 1
    return (len(left) - i) - (len(right) - j)


@given(st.sets(st.text("00129a-_. /:é😀٣", max_size=8), max_size=12))
def test_natural_order_is_the_walk_over_both_texts(keys: set[str]) -> None:
    """Paths stand in the order of a byte by byte walk that compares runs of digits as numbers."""
    paths = sorted(key.replace(":", "::") for key in keys)
    paths.sort(key=cmp_to_key(natural_compare))
    assert canonical(dict.fromkeys(keys, "v")) == ";".join(f"{path}:v" for path in paths)


def test_number_against_another_character() -> None:
    """A digit against anything else compares as a byte, however long its number is."""
    body = dict.fromkeys(["a100", "a-b", "a9", "ab", "a"], "")
    assert canonical(body) == "a:;a-b:;a9:;a100:;ab:"


@given(st.dictionaries(any_keys, st.text(max_size=4), max_size=8))
def test_bytewise_order_is_that_of_utf8(body: dict[str, str]) -> None:
    """Bytewise order is the order of the paths as UTF-8 bytes."""
    signed = {k.replace(":", "::"): v for k, v in body.items() if k != "signature"}
    ordered = sorted(signed.items(), key=lambda leaf: leaf[0].encode())
    assert canonical(body, Order.BYTEWISE) == ";".join(f"{path}:{v}" for path, v in ordered)


def test_the_orders_part_over_a_long_list() -> None:
    """A list of 12 has three texts: by number, by path, and by line."""
    by_path = [0, 1, 10, 11, 2]
    by_line = [0, 10, 11, 1, 2]
    assert canonical(TWELVE).startswith("a:0:0;a:1:1;a:2:2;a:3:3")
    for order, heads in ((Order.BYTEWISE, by_path), (Order.BYTEWISE_LINES, by_line)):
        assert canonical(TWELVE, order).startswith(";".join(f"a:{n}:{n}" for n in heads))


# --- signing and verifying ------------------------------------------------------------------


@given(any_bodies, st.text(min_size=1, max_size=8))
def test_what_is_signed_verifies(body: Body, secret: str) -> None:
    """A signature that we made fits the message it was made for."""
    assert verify([secret], body, signature=sign(secret, body))


@given(agreed_bodies)
def test_the_python_library_signs_the_same(body: Body) -> None:
    """Where clients agree, our signature is that of the Python library."""
    assert sign("secret", body) == SignatureHandler("secret").sign(body)


@pytest.mark.parametrize("order", Order)
@given(body=any_bodies)
def test_every_order_verifies(order: Order, body: Body) -> None:
    """A message signed in any known order verifies."""
    assert verify(["secret"], body, signature=raw_sign("secret", canonical(body, order)))


def test_long_list_of_the_python_library_verifies() -> None:
    """A list of 12 signed by the Python library, which sorts by character, verifies."""
    assert verify(["secret"], TWELVE, signature=SignatureHandler("secret").sign(TWELVE))


@given(bodies(plain_keys, any_leaves, items_max=12), st.data())
def test_any_changed_leaf_is_noticed(body: Body, data: st.DataObject) -> None:
    """A signature does not fit once any single leaf has changed."""
    body["a"] = [1, "x"]
    signature = sign("secret", body)
    changed = copy.deepcopy(body)
    node, key = data.draw(st.sampled_from(leaf_places(changed)))
    node[key] = canonical({"": node[key]}) + "x"
    assert not verify(["secret"], changed, signature=signature)


def test_either_secret_of_a_rotation_verifies() -> None:
    """The current and the previous secret verify, and no other."""
    body = {"a": 1}
    for secret, fits in (("current", True), ("previous", True), ("older", False)):
        assert verify(["current", "previous"], body, signature=sign(secret, body)) is fits


def test_no_secret_verifies_nothing() -> None:
    """Without any secret no signature fits."""
    assert not verify([], {"a": 1}, signature=sign("secret", {"a": 1}))


def test_every_pair_is_compared_also_after_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many comparisons are made when the first pair fits as when none does."""
    compared: list[bool] = []
    honest = hmac.compare_digest

    def counting(left: str, right: str) -> bool:
        compared.append(honest(left, right))
        return compared[-1]

    monkeypatch.setattr(hmac, "compare_digest", counting)
    assert verify(["secret", "other"], TWELVE, signature=sign("secret", TWELVE))
    assert compared == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    "signature",
    [
        None,
        1,
        True,
        ["x" * 88],
        {"a": 1},
        b"x" * 88,
        "",
        "x" * 87,
        "x" * 88,
        "é" * 88,
        "x" * 1_000_000,
        "!" * 88,
        "\x00" * 88,
        "\ud800" * 88,
    ],
)
def test_what_is_no_signature_does_not_fit(signature: object) -> None:
    """Anything but a signature is answered with False, not with an exception."""
    assert verify(["secret"], {"a": 1}, signature=signature) is False


def test_other_spelling_of_the_same_bytes_does_not_fit() -> None:
    """Base64 that decodes to the right bytes but is spelt otherwise does not fit."""
    signature = sign("secret", {"a": 1})
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = signature[:85] + alphabet[alphabet.index(signature[85]) + 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    assert not verify(["secret"], {"a": 1}, signature=other)


def test_empty_secret_is_refused() -> None:
    """An empty secret neither signs nor verifies, whatever the signature."""
    with pytest.raises(ValueError, match="empty"):
        sign("", {"a": 1})
    with pytest.raises(ValueError, match="empty"):
        verify(["secret", ""], {"a": 1}, signature=raw_sign("", "a:1"))


def test_unpaired_surrogate_is_never_signed() -> None:
    """Text that UTF-8 cannot carry is an error when we sign and no fit when we verify."""
    with pytest.raises(UnicodeEncodeError):
        sign("secret", {"a": "\ud800"})
    assert not verify(["secret"], {"a": "\ud800"}, signature=sign("secret", {"a": "?"}))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"signature": "top", "general": {"signature": "inner"}}, "top"),
        ({"general": {"signature": "inner"}}, "inner"),
        ({"signature": None, "general": {"signature": "inner"}}, "inner"),
        ({"signature": "", "general": {"signature": "inner"}}, ""),
        ({"signature": 5, "general": {"signature": "inner"}}, None),
        ({"general": {"signature": ["x"]}}, None),
        ({"general": {}}, None),
        ({"general": "signature"}, None),
        ({"payment": {"signature": "elsewhere"}}, None),
        ({}, None),
    ],
)
def test_where_a_signature_stands(body: Body, found: str | None) -> None:
    """A signature is looked for at the top, then in general, and only text is one."""
    assert find_signature(body) == found


# --- Payment Page requests ------------------------------------------------------------------


def page_fields(*, redirect: object) -> tuple[dict[str, str], str]:
    """The fields and signature of a Payment Page address made by the Python library."""
    payment = Payment("100", "test payment id")
    payment.payment_amount = 10050
    payment.payment_description = "B&W 大文"
    payment.redirect = redirect
    url = PaymentPage(SignatureHandler("secret")).get_url(payment)
    fields = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return fields, fields.pop("signature")


@pytest.mark.parametrize("redirect", [True, False])
def test_boolean_of_the_python_library(*, redirect: bool) -> None:
    """True and False in an address of the Python library are read as the 1 and 0 it signed."""
    fields, signature = page_fields(redirect=redirect)
    assert fields["redirect"] == str(redirect)
    assert verify_form(["secret"], fields, signature=signature)


@pytest.mark.parametrize(("sent", "signed"), [("true", "1"), ("false", "0"), ("true", "true")])
def test_boolean_as_text(sent: str, signed: str) -> None:
    """A boolean word fits both as itself and as the digit it stands for."""
    signature = raw_sign("secret", f"a:x;redirect:{signed}")
    assert verify_form(["secret"], {"a": "x", "redirect": sent}, signature=signature)


@pytest.mark.parametrize(("sent", "signed"), [("true", "0"), ("TRUE", "1"), ("yes", "1")])
def test_no_other_word_is_a_boolean(sent: str, signed: str) -> None:
    """Only true, True, false and False are read as digits, each as its own."""
    signature = raw_sign("secret", f"redirect:{signed}")
    assert not verify_form(["secret"], {"redirect": sent}, signature=signature)


@pytest.mark.parametrize("name", ["_plugin_version", "_magento_version", "frame_mode"])
def test_name_added_after_signing(name: str) -> None:
    """Names that begin with an underscore, and frame_mode, may be added after signing."""
    fields, signature = page_fields(redirect=True)
    assert verify_form(["secret"], {**fields, name: "1.0"}, signature=signature)


def test_signed_underscore_name() -> None:
    """A name that begins with an underscore may also have been signed."""
    fields = {"project_id": "100", "_x": "1"}
    assert verify_form(["secret"], fields, signature=SignatureHandler("secret").sign(fields))


def test_signature_among_the_fields() -> None:
    """The field that carries the signature is not part of what it signs."""
    fields, signature = page_fields(redirect=True)
    assert verify_form(["secret"], {**fields, "signature": signature}, signature=signature)


@given(st.sampled_from(["project_id", "payment_id", "payment_amount", "redirect"]))
def test_changed_field_is_noticed(name: str) -> None:
    """A signature does not fit once a field of the request has changed."""
    fields, signature = page_fields(redirect=True)
    changed = {**fields, name: fields[name] + "0"}
    assert not verify_form(["secret"], changed, signature=signature)


def test_added_field_is_noticed() -> None:
    """A signature does not fit once a field with an effect has been added."""
    fields, signature = page_fields(redirect=True)
    assert not verify_form(["secret"], {**fields, "close_on_missclick": "1"}, signature=signature)


def test_form_without_a_signature() -> None:
    """A request without a signature does not fit."""
    assert not verify_form(["secret"], {"project_id": "100"}, signature=None)
