"""Settings of a project as people see them: each on one tab, with a label and help."""

from typing import Final

from sampan.dashboard.project_choices import (
    WEB_FAULT,
    away,
    back,
    currency,
    fixed,
    languages,
    provider_options,
    scenarios,
)
from sampan.dashboard.project_fields import Field, Kind, Section, Tab
from sampan.web.i18n import mark

GENERAL: Final = Tab(
    "",
    mark("General"),
    (
        Section(
            mark("Project"),
            (
                Field(
                    name="name",
                    label=mark("Project name"),
                    help=mark("Customers see it on the Payment Page."),
                    fault=mark("Give a name of at most 100 characters."),
                    of_project=True,
                ),
                Field(
                    name="enabled",
                    label=mark("Take new payments"),
                    kind=Kind.TICK,
                    help=mark("Off: nobody can begin a payment. What has begun goes on."),
                ),
            ),
        ),
    ),
)

BANK: Final = Tab(
    "bank",
    mark("Bank connection"),
    (
        Section(
            mark("Who makes the QR code and tells of the money"),
            (
                Field(
                    name="provider",
                    label=mark("Bank connection"),
                    kind=Kind.CHOICE,
                    help=mark(
                        "The test bank is for trying out. With FPS accounts customers pay real"
                        " money, straight into your accounts below."
                    ),
                    options=provider_options,
                ),
                Field(
                    name="account_rule",
                    label=mark("Which FPS account a payment is paid to"),
                    kind=Kind.CHOICE,
                    help=mark("Where the project uses several accounts that can take it."),
                    options=fixed(
                        ("first", mark("The first one that can take it")),
                        ("turns", mark("Each in its turn")),
                        ("least_today", mark("The one that was asked for the least today")),
                    ),
                ),
            ),
        ),
        Section(
            mark("Payee and reference in the QR code"),
            (
                Field(
                    name="payee_fps_id",
                    label=mark("FPS ID"),
                    help=mark("Of the account that receives the money."),
                    fault=mark("An FPS ID has 7 to 9 digits."),
                ),
                Field(
                    name="payee_name",
                    label=mark("Name in the QR code, in English"),
                    help=mark("Bank apps show it to the customer."),
                    fault=mark("1 to 25 Latin letters, digits and signs, without “;” and “~”."),
                ),
                Field(
                    name="payee_name_zh",
                    label=mark("Name in the QR code, in Chinese"),
                    help=mark("May be empty."),
                    fault=mark("At most 25 characters, without “;”."),
                ),
                Field(
                    name="reference_mode",
                    label=mark("Where the QR code carries our reference"),
                    kind=Kind.CHOICE,
                    options=fixed(
                        ("none", mark("Nowhere")),
                        ("bill_number", mark("As bill number")),
                        ("reference_label", mark("As reference label")),
                        ("both", mark("As both")),
                    ),
                ),
            ),
            mark("For every connection but FPS accounts, which have their own."),
        ),
        Section(
            mark("Test bank"),
            (
                Field(
                    name="sandbox_scenario",
                    label=mark("How test payments end"),
                    kind=Kind.CHOICE,
                    help=mark(
                        "By the amount: 400.00 and 404.00 fail, 900.00 arrives short, all else is"
                        " paid as asked."
                    ),
                    options=scenarios,
                ),
                Field(
                    name="sandbox_autopay_ms",
                    label=mark("Pay by itself after"),
                    kind=Kind.MILLISECONDS,
                    help=mark("0: somebody pays in the test bank’s app."),
                    fault=mark("A whole number, at most one day."),
                ),
            ),
            mark("Only while the bank connection is the test bank."),
        ),
    ),
)

METHODS: Final = Tab(
    "methods",
    mark("Methods and limits"),
    (
        currency("HKD", mark("Hong Kong dollar (HKD)")),
        currency("CNY", mark("Renminbi (CNY)")),
        Section(
            mark("Time to pay"),
            (
                Field(
                    name="qr_lifetime_s",
                    label=mark("A QR code may be paid for"),
                    kind=Kind.SECONDS,
                    fault=mark("A whole number, from one minute to one day."),
                ),
                Field(
                    name="decline_after_s",
                    label=mark("Decline an unpaid payment after"),
                    kind=Kind.SECONDS,
                    help=mark(
                        "Counted from the request. Empty: the time of the QR code and five"
                        " minutes for a late notice of the bank."
                    ),
                    fault=mark("Empty, or a whole number, from one second to 31 days."),
                ),
                Field(
                    name="late_accept_s",
                    label=mark("Still accept the right amount after a decline for"),
                    kind=Kind.SECONDS,
                    help=mark("0: late money waits until somebody decides."),
                    fault=mark("A whole number, at most 31 days."),
                ),
            ),
        ),
        Section(
            mark("Money and references"),
            (
                Field(
                    name="four_eyes",
                    label=mark("Two people decide about money"),
                    kind=Kind.TICK,
                    help=mark("A second person approves what somebody decided."),
                ),
                Field(
                    name="refunds",
                    label=mark("Staff may have money paid back"),
                    kind=Kind.TICK,
                    help=mark("From FPS accounts: Sampan writes a file, your bank transfers."),
                ),
                Field(
                    name="refund_alone_max_minor",
                    label=mark("Greatest refund that one person decides alone"),
                    kind=Kind.MONEY,
                    currency="HKD",
                    help=mark("In CNY the same. Above it a second person approves; 0.00: always."),
                    fault=mark("An amount such as 10.00, at most 100,000,000,000.00."),
                ),
                Field(
                    name="other_amount",
                    label=mark("When another amount arrives than was asked for"),
                    kind=Kind.CHOICE,
                    options=fixed(
                        ("hold", mark("Hold the payment until somebody decides")),
                        ("accept", mark("Accept it as paid")),
                        ("decline", mark("Decline the payment")),
                    ),
                ),
            ),
        ),
        Section(
            mark("Payments by Gate, our interface for shops"),
            (
                Field(
                    name="flow",
                    label=mark("Who shows the QR code"),
                    kind=Kind.CHOICE,
                    options=fixed(
                        ("display", mark("The shop")),
                        ("redirect", mark("Our page, to which the shop leads")),
                    ),
                ),
                Field(
                    name="display_profile",
                    label=mark("How the shop gets the QR code"),
                    kind=Kind.CHOICE,
                    options=fixed(
                        ("image", mark("As a picture (PNG)")),
                        ("payload", mark("As text, to draw it")),
                        ("extended", mark("As text, picture and times")),
                    ),
                ),
                Field(
                    name="strict_customer",
                    label=mark("Ask for the customer’s name and e-mail"),
                    kind=Kind.TICK,
                    help=mark("A request without names, e-mail and return address is refused."),
                ),
            ),
        ),
    ),
)

PAGE: Final = Tab(
    "page",
    mark("Payment Page"),
    (
        Section(
            mark("Course"),
            (
                Field(
                    name="retry_attempts_max",
                    label=mark("Further attempts after a decline"),
                    kind=Kind.NUMBER,
                    help=mark("0: a decline is final."),
                    fault=mark("A whole number from 0 to 20."),
                ),
                Field(
                    name="retry_window_s",
                    label=mark("Another attempt may begin within"),
                    kind=Kind.SECONDS,
                    help=mark("Counted from the first decline."),
                    fault=mark("A whole number, from one minute to one day."),
                ),
                Field(
                    name="page_confirm",
                    label=mark("Ask before the QR code is made"),
                    kind=Kind.TICK,
                    help=mark("Otherwise the page opens with the QR code."),
                ),
                Field(
                    name="page_intermediate_callback",
                    label=mark("Also tell the shop when the QR code is shown"),
                    kind=Kind.TICK,
                ),
            ),
        ),
        Section(
            mark("What customers see"),
            (
                Field(
                    name="page_language",
                    label=mark("Language"),
                    kind=Kind.CHOICE,
                    help=mark("Where neither the request nor the browser asks for one of ours."),
                    options=languages,
                ),
                Field(
                    name="bank_app_url",
                    label=mark("Address that opens a bank app"),
                    help=mark(
                        "{payload} in it stands for the text of the QR code. Empty: no button;"
                        " for test payments the test bank’s own app."
                    ),
                    fault=WEB_FAULT,
                ),
            ),
        ),
        Section(
            mark("Handing over to bank apps"),
            (
                Field(
                    name="bank_picker_url",
                    label=mark("Page that lists bank apps"),
                    kind=Kind.URL,
                    help=mark("Empty: payments are not handed over."),
                    fault=WEB_FAULT,
                ),
                Field(
                    name="app_request_url",
                    label=mark("Where bank apps download payment requests"),
                    kind=Kind.URL,
                    help=mark(
                        "An address such as https://fps.shop.example with a certificate that names"
                        " your company as payee. Empty: the address of this server."
                    ),
                    fault=mark("An address such as https://fps.shop.example, without a path."),
                ),
            ),
            mark(
                "No bank has certified this, and it works only with a bank connection that can make"
                " such requests; the ones that come with Sampan cannot."
            ),
        ),
        Section(
            mark("Embedding"),
            (
                Field(
                    name="page_frame_ancestors",
                    label=mark("Who may show the page in a frame"),
                    kind=Kind.FRAMES,
                    fault=mark("Addresses such as https://shop.example with a blank between them."),
                ),
            ),
        ),
    ),
)

REDIRECTS: Final = Tab(
    "redirects",
    mark("Redirect URLs"),
    (
        Section(
            mark("After a success"),
            (
                *back(
                    "merchant_success",
                    help_=mark("Empty: no button, unless the request brings an address."),
                ),
                *away("redirect_success"),
            ),
            mark(
                "“Usual” shows a button on a page of its own, and in a frame or window of the shop"
                " only where a way to open is chosen too. Where no button is shown there, the"
                " shop’s own page is told of the result. An address in the shop’s request wins over"
                " these."
            ),
        ),
        Section(
            mark("After a decline"),
            (
                *back(
                    "merchant_fail",
                    help_=mark("Empty: no button, unless the request brings an address."),
                ),
                *away("redirect_fail"),
            ),
        ),
        Section(
            mark("Before paying"),
            back(
                "merchant_return",
                help_=mark("For customers who change their mind."),
            ),
        ),
    ),
)

CALLBACKS: Final = Tab(
    "callbacks",
    mark("Callbacks"),
    (
        Section(
            mark("Usual address"),
            (
                Field(
                    name="callback_url",
                    label=mark("Send callbacks to"),
                    kind=Kind.URL,
                    help=mark("Where no rule and no request says otherwise. Empty: nowhere."),
                    fault=mark(
                        "Callbacks cannot go to this address. It needs https:// and a public name."
                    ),
                    of_project=True,
                ),
            ),
        ),
    ),
)
KEYS: Final = Tab("keys", mark("Keys"))
DESIGN: Final = Tab("design", mark("Design"))

TABS: Final = (GENERAL, BANK, METHODS, KEYS, CALLBACKS, REDIRECTS, PAGE, DESIGN)
"""The tabs of a project in their order. Every setting stands on exactly one of them."""
