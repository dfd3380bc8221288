"""Payments are handed to bank apps: the picker's link, the request, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from sampan.clock import Clock
from sampan.providers import registry
from sampan.providers.base import HandsToApps, PaymentRequest, Provider, ProviderConfig, Shown
from sampan.providers.fps import FpsProvider
from tests.support.client import Answer
from tests.support.fps import add_account
from tests.support.merchant import Merchant
from tests.support.pages import html_of, open_page, payload_of, screen_of, session_of
from tests.support.platform import ProjectClient, RunningPlatform

PICKER = "https://apps.scheme.example/pick?from=web"
OWN_HOST = "https://fps.tea.example"


class Handing(FpsProvider):
    """FPS with a bank that knows a form of requests: a made-up one."""

    def payment_request(self, shown: Shown) -> PaymentRequest:
        """Return the payment as JSON."""
        told = {"ref": shown.reference, "minor": shown.amount_minor, "qr": shown.payload}
        return PaymentRequest(media_type="application/json", body=json.dumps(told).encode())


@pytest.fixture(scope="module", autouse=True)
def _installed() -> Iterator[None]:
    """Install that provider in place of the one that hands nothing over."""
    usual = registry.load

    def load(name: str, config: ProviderConfig, *, clock: Clock) -> Provider:
        return Handing() if name == "fps" else usual(name, config, clock=clock)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", load)
        yield


class FakePicker:
    """The scheme's page and the app chosen there: reads a link, downloads, and leads back."""

    def __init__(self, platform: RunningPlatform, link: str) -> None:
        self._client = platform.client
        query = parse_qs(urlsplit(link).query, strict_parsing=True)
        (self.request_url,), (self.callback,) = query["pay_req_obj"], query["callback"]

    def download(self) -> Answer:
        """Download the payment request, from whatever host it is said to be at."""
        return self._client.request("GET", urlsplit(self.request_url).path)

    def come_back(self, **told: object) -> Answer:
        """Lead the customer back, with whatever the app says of success."""
        said = "&".join(f"{name}={value}" for name, value in told.items())
        return self._client.request("GET", f"{urlsplit(self.callback).path}?{said}")


def link_on(answer: Answer) -> str:
    """Return where the button that opens a bank app leads, "" without one."""
    found = re.search(r'href="([^"]*pay_req_obj=[^"]*)"', html_of(answer))
    return unescape(found[1]) if found else ""


def shop_of(platform: RunningPlatform, merchant: Merchant, **settings: object) -> ProjectClient:
    """Return a project of FPS accounts with one account, and these settings."""
    shop = platform.add_project(
        merchant.url, secret=merchant.secrets[0], provider="fps", **settings
    )
    add_account(platform).attach(shop)
    return shop


def test_off_until_a_picker_is_named(platform: RunningPlatform, merchant: Merchant) -> None:
    """Without a picker there is no button, and nothing to download."""
    page = open_page(shop_of(platform, merchant), "p-1")
    assert screen_of(page) == "pay"
    assert link_on(page) == ""
    assert platform.client.request("GET", f"{session_of(page)}/request").status == 404


def test_no_provider_of_ours_hands_over(project: ProjectClient) -> None:
    """A provider that makes no requests is never asked for one, whatever the project wants."""
    assert not isinstance(FpsProvider(), HandsToApps)
    shop = project.platform.add_project("", secret=project.secret, bank_picker_url=PICKER)
    page = open_page(shop, "p-1")
    assert link_on(page) == ""
    assert platform_answer(shop, page).status == 404


def platform_answer(shop: ProjectClient, page: Answer) -> Answer:
    """Ask for the payment request of a page."""
    return shop.platform.client.request("GET", f"{session_of(page)}/request")


def test_from_the_page_to_the_app_and_back(platform: RunningPlatform, merchant: Merchant) -> None:
    """The app downloads the payment; what it says on the way back pays nothing, the notice does."""
    shop = platform.add_project(
        merchant.url, secret=merchant.secrets[0], provider="fps", bank_picker_url=PICKER
    )
    account = add_account(platform)
    account.attach(shop)
    page = open_page(shop, "p-1")
    link = link_on(page)
    assert link.startswith(f"{PICKER}&pay_req_obj=")
    picker = FakePicker(platform, link)
    assert picker.request_url == f"{platform.url}{session_of(page)}/request"
    assert len(picker.request_url) <= 128
    asked = picker.download()
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["cache-control"] == "no-store"
    told = json.loads(asked.raw)
    assert (told["minor"], told["qr"]) == (10_000, payload_of(shop, "p-1"))
    assert screen_of(picker.come_back(is_successful=1)) == "pay"
    assert account.notify(account.credit("APP1", told["ref"])).status == 200
    merchant.callback("p-1", "success")
    assert screen_of(picker.come_back(is_successful=0)) == "paid"
    assert picker.download().status == 404


def test_requests_from_a_host_of_their_own(platform: RunningPlatform, merchant: Merchant) -> None:
    """Apps are sent to the host whose certificate names the payee; customers come back to ours."""
    shop = shop_of(platform, merchant, bank_picker_url=PICKER, app_request_url=f"{OWN_HOST}/")
    page = open_page(shop, "p-1")
    picker = FakePicker(platform, link_on(page))
    assert picker.request_url == f"{OWN_HOST}{session_of(page)}/request"
    assert picker.callback == f"{platform.url}{session_of(page)}"
    assert picker.download().status == 200
