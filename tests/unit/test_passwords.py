"""Rules for e-mail addresses and passwords, and how passwords are kept."""

from __future__ import annotations

import pytest

from sampan.domain.passwords import email_fault, folded, password_fault
from sampan.flow import passwords
from sampan.flow.passwords import Passwords

EMAIL = "amy.chan@tea.example"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse",
        "a" * 11 + "b",
        "海港茶舍的密碼是很長的喲",
        "x" * 255 + "y",
        "🍵" * 11 + "茶",
    ],
)
def test_good_passwords(password: str) -> None:
    """Length counts, not which characters."""
    assert password_fault(password, EMAIL) is None


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * 256 + "y", "at most 256"),
        # One character that is written as eighteen (NFKC).
        ("\ufdfa" * 200, "at most 256"),
        ("AMY.CHAN@tea.example ", "not be the e-mail"),
        ("aaaaaaaaaaaaa", "one character many times"),
    ],
)
def test_bad_passwords(password: str, told: str) -> None:
    """What is short, endless, known or no secret is refused, with the reason."""
    assert told in (password_fault(password, EMAIL) or "")


@pytest.mark.parametrize("email", [EMAIL, "owner@localhost", "a+b@x.hk", "茶@茶.香港", "a@b"])
def test_good_addresses(email: str) -> None:
    """An address need only look like one."""
    assert email_fault(email) is None


@pytest.mark.parametrize(
    "email", ["", "amy", "@x", "amy@", "a@b@c", "a b@c", "a@b\n", "a,b@c", "a\0@b", "a" * 254 + "@"]
)
def test_bad_addresses(email: str) -> None:
    """What is no address is told so."""
    assert email_fault(email)


def test_address_is_one_in_any_case() -> None:
    """Case, outer blanks and width do not make another person."""
    assert folded(" Amy@TEA.example ") == folded("\uff41my@tea.example") == "amy@tea.example"


@pytest.fixture(scope="module")
def quick() -> Passwords:
    """Hashes that cost little."""
    return Passwords(time_cost=1, memory_kib=64)


def test_right_and_wrong(quick: Passwords) -> None:
    """A hash verifies its password, composed either way, and no other."""
    kept = quick.hash("caf\u00e9 au lait")
    assert quick.verify(kept, "cafe\u0301 au lait") == (True, kept, None)
    assert quick.verify(kept, "cafe au lait!") == (False, kept, None)


def test_hashes_differ(quick: Passwords) -> None:
    """Two people with one password do not have one hash."""
    assert quick.hash("correct horse") != quick.hash("correct horse")


def test_nobody(quick: Passwords) -> None:
    """Without a kept hash a password is compared all the same, and is wrong, whatever it is."""
    for password in ("correct horse", "the password of nobody", "x" * 100_000):
        assert quick.verify(None, password) == (False, None, None)


def test_broken_hash(quick: Passwords) -> None:
    """What is no hash verifies nothing."""
    assert not quick.verify("not a hash", "correct horse").right


def test_rehash_when_parameters_change(quick: Passwords) -> None:
    """A right password gives a new hash where the kept one was made more cheaply."""
    kept = quick.hash("correct horse")
    dearer = Passwords(time_cost=2, memory_kib=64)
    verdict = dearer.verify(kept, "correct horse")
    assert verdict.right
    assert verdict.rehashed is not None
    assert dearer.verify(verdict.rehashed, "correct horse") == (True, verdict.rehashed, None)
    assert dearer.verify(kept, "another horse") == (False, kept, None)


def test_parameters_are_those_of_the_rfc() -> None:
    """What is kept is argon2id with the parameters named."""
    named = f"m={passwords.MEMORY_KIB},t={passwords.TIME_COST},p={passwords.LANES}"
    assert Passwords().hash("correct horse").startswith(f"$argon2id$v=19${named}$")


def test_verdict_does_not_show_the_hash(quick: Passwords) -> None:
    """What may come into a log says only whether it was right."""
    verdict = quick.verify(quick.hash("correct horse"), "correct horse")
    assert repr(verdict) == "Verdict(right=True)"
