"""Pictures of a page: what stands on the one to keep, and whose pictures are served."""

from __future__ import annotations

import pytest

from sampan.domain.look import Look, Picture
from sampan.errors import Refusal
from sampan.page import pictures
from sampan.web import i18n
from tests.support.page_examples import EXAMPLES


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_card_says_what_the_payer_checks(language: str) -> None:
    """Payee, amount, payment id and expiry stand on the picture, in every language."""
    view = next(view for view in EXAMPLES.values() if view.qr is not None)
    assert view.qr is not None
    card = pictures._card(view, language)
    values = [value for _, value in card.lines]
    assert card.payload == view.qr.payload
    assert card.amount == i18n.money_text(view.amount_minor, view.currency)
    assert any(view.qr.payee in value for value in values)
    assert view.payment_id in values
    assert i18n.date_time_text(language, view.qr.expires_us) in values


def test_only_the_looks_own_pictures() -> None:
    """A look serves its logo and its artwork, and nothing else."""
    look = Look(logo=Picture("image/png", b"logo"), artwork=Picture("image/webp", b"art"))
    assert pictures.of_look(look, "logo").body == b"logo"
    assert pictures.of_look(look, "artwork").media_type == "image/webp"
    for name in ("title", "../logo", ""):
        with pytest.raises(Refusal):
            pictures.of_look(look, name)
    with pytest.raises(Refusal):
        pictures.of_look(Look(), "logo")
