"""Words of the Dashboard that stand in code: what a page says after a form, names of statuses."""

from collections.abc import Mapping
from typing import Final

from sampan.domain.rights import Role
from sampan.web.i18n import mark

SAID: Final[Mapping[str, str]] = {
    "saved": mark("Saved."),
    "signed-out": mark("You are signed out."),
    "session-ended": mark("That session has ended."),
    "sessions-ended": mark("All other sessions have ended."),
    "password-set": mark("The password is set. Sign in with it."),
    "filter-kept": mark("The filter is saved."),
    "filter-removed": mark("The filter is removed."),
    "columns-chosen": mark("Your columns are saved."),
    "money-accepted": mark("The money is taken as this payment."),
    "payment-declined": mark("The payment is declined."),
    "credit-returned": mark("It is noted that the money went back."),
    "callback-resent": mark("The callback goes out again."),
    "token-deleted": mark("The token is deleted; programs that use it are answered no more."),
    "password-changed": mark("Your password is changed; your other sessions have ended."),
    "key-ended": mark("Only the present key is good now."),
    "rule-added": mark("The rule is added."),
    "rule-changed": mark("The rule is changed."),
    "rule-removed": mark("The rule is removed."),
    "design-removed": mark("The design is removed."),
    "decision-proposed": mark("Another person has to approve this now."),
    "link-made": mark("The link is made. Show it, print it or send it."),
    "link-off": mark("The link is deactivated and can no longer be paid."),
    "panel-added": mark("The chart is on your board."),
    "panel-removed": mark("The panel is removed."),
    "board-changed": mark("Your board is changed."),
    "board-reset": mark("Your board is as it was at first."),
    "report-started": mark("The report is being made. You may leave this page."),
    "report-cancelled": mark("The report is cancelled."),
    "report-removed": mark("The report and its file are removed."),
    "template-kept": mark("The template is saved."),
    "template-renamed": mark("The template has its new name."),
    "template-deleted": mark("The template is deleted."),
    "schedule-added": mark("The schedule is saved. Its first report comes by itself."),
    "schedule-changed": mark("The schedule is changed."),
    "schedule-on": mark("The schedule is on."),
    "schedule-off": mark("The schedule is off; it makes no reports until it is on again."),
    "schedule-deleted": mark("The schedule is deleted. The reports that it has made stay."),
    "account-attached": mark("The project uses the account now."),
    "account-first": mark("The account comes first now."),
    "account-detached": mark("The project no longer uses the account."),
    "trial-followed": mark("The account is set as the trial advised."),
    "batch-started": mark("The links are being made. You may leave this page."),
    "credit-applied": mark("The money is taken as the payment."),
    "credit-split": mark("The money is split."),
    "credit-ignored": mark("The money is set aside; it waits for nobody."),
    "credit-merged": mark("It is noted that this is the same money."),
    "credit-waits": mark("The money waits for a decision again."),
    "credit-entered": mark("The money is entered."),
    "reversal-done": mark("It is noted what the bank took back."),
    "decision-approved": mark("Approved and carried out."),
    "decision-refused": mark("The proposal is not carried out."),
    "decision-withdrawn": mark("Your proposal is withdrawn."),
    "refund-decided": mark("The refund is decided. Nothing has gone out yet."),
    "refund-file-made": mark("The file is made. Send it to your bank once."),
    "refund-noted": mark("It is noted what became of the refund."),
    "import-started": mark("The entries are being taken in. You may leave this page."),
    "import-dropped": mark("Nothing of the file was taken."),
    "mapping-saved": mark("How this account's files are read is saved."),
}
"""Name in an address → what was done, told on the page after it."""

STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "processing": (mark("Processing"), "busy"),
    "awaiting customer action": (mark("Waiting for the customer"), "busy"),
    "awaiting redirect result": (mark("Waiting for the customer"), "busy"),
    "awaiting customer": (mark("May try again"), "busy"),
    "awaiting payment": (mark("Link open"), "busy"),
    "invoice sent": (mark("Link sent"), "busy"),
    "success": (mark("Paid"), "good"),
    "decline": (mark("Declined"), "bad"),
    "error": (mark("Not started"), "bad"),
    "expired": (mark("Link expired"), "idle"),
    "invoice canceled": (mark("Link cancelled"), "idle"),
}
"""Status on the wire → its name for people and its tone: good, bad, busy or idle."""

CALLBACK_STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "pending": (mark("Waiting for its next try"), "busy"),
    "sending": (mark("On its way"), "busy"),
    "delivered": (mark("Delivered"), "good"),
    "dropped": (mark("Not sent"), "idle"),
    "exhausted": (mark("Given up"), "bad"),
}

CALLBACK_KINDS: Final[Mapping[str, str]] = {
    "intermediate": mark("what the customer is shown"),
    "final": mark("the result"),
    "error": mark("the error"),
    "refund": mark("a refund"),
    "link": mark("the payment link"),
}

CREDIT_STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "unapplied": (mark("Unapplied"), "bad"),
    "held": (mark("Waits for a decision"), "busy"),
    "applied": (mark("Taken as the payment"), "good"),
    "returned": (mark("Sent back"), "idle"),
    "ignored": (mark("No payment"), "idle"),
    "merged": (mark("Entered twice"), "idle"),
    "split": (mark("Split"), "idle"),
    "refunding": (mark("On its way back"), "busy"),
}

OPERATIONS: Final[Mapping[str, str]] = {
    "sale": mark("Sale"),
    "invoice": mark("Payment link"),
    "refund": mark("Refund"),
    "manual change": mark("Decision of staff"),
}

ORIGINS: Final[Mapping[str, str]] = {
    "gate": mark("Gate API"),
    "page": mark("Payment Page"),
    "link": mark("Payment link"),
}
"""Where a payment was asked for → its name for people."""

ROLES: Final[Mapping[Role, str]] = {
    Role.SUPPORT: mark("Support"),
    Role.OPERATIONS: mark("Operations"),
    Role.FINANCE: mark("Finance"),
    Role.RISKS: mark("Risks"),
    Role.ADMIN: mark("Admin"),
}
