"""What rows of the journal say to people: who did it, what it was, and why."""

from collections.abc import Iterable, Mapping
from typing import Final

from sampan.storage.users import User
from sampan.web.i18n import mark

STAFF: Final = "staff:"

ACTORS: Final[Mapping[str, str]] = {
    "merchant": mark("The shop's server"),
    "customer": mark("The customer"),
    "bank": mark("The bank"),
    "provider": mark("The payment provider"),
    "clock": mark("The clock"),
    "mail": mark("The mail server"),
    "visitor": mark("A visitor"),
    "command line": mark("The command line"),
    "staff:operator": mark("The operator of the server"),
}
"""Who is no person of the team."""

WHATS: Final[Mapping[str, str]] = {
    "accepted": mark("The payment was taken in"),
    "rejected": mark("The payment was refused as it was asked for"),
    "issued": mark("The QR code was made"),
    "issuedredirect": mark("The page with the QR code was made"),
    "refused": mark("The provider refused to make a QR code"),
    "credited": mark("Money arrived and was taken as the payment"),
    "expired": mark("The time to pay was over"),
    "attemptfailed": mark("The attempt failed; the customer may try again"),
    "triedagain": mark("The customer tries again"),
    "linkmade": mark("The payment link was made"),
    "linksent": mark("The payment link was mailed to the customer"),
    "linkcancelled": mark("The payment link was taken back"),
    "confirmed": mark("The customer opened the link and wants to pay"),
    "gaveup": mark("The customer gave up"),
    "staffaccepted": mark("Took the money that waited as the payment"),
    "staffdeclined": mark("Declined the payment"),
    "alarm": mark("Money arrived that does not fit"),
    "credit returned": mark("Noted that money was sent back"),
    "credit split": mark("Split money that came"),
    "credit ignored": mark("Set money aside that is no payment"),
    "credit merged": mark("Noted that money was entered twice"),
    "credit entered": mark("Entered money by hand"),
    "decision taken back": mark("Let money wait for a decision again"),
    "decision proposed": mark("Proposed a decision about money"),
    "decision approved": mark("Approved a decision about money"),
    "decision refused": mark("Turned down a decision about money"),
    "decision withdrawn": mark("Withdrew a decision about money"),
    "reversal noted": mark("Noted what the bank took back"),
    "statement begun": mark("Sent a bank file"),
    "statement taken": mark("A bank file was taken in"),
    "statement refused": mark("A bank file was refused"),
    "statement dropped": mark("Took nothing of a bank file"),
    "statement mapping set": mark("Set how an account's files are read"),
    "refund approved": mark("Had money paid back"),
    "refund exported": mark("Put a refund into a file for the bank"),
    "refund confirmed": mark("A refund was paid"),
    "refund failed": mark("A refund was not paid, or its money came back"),
    "refund withdrawn": mark("Withdrew a refund"),
    "refund refused": mark("A refund was asked for and refused"),
    "callback resent": mark("Sent a callback again"),
    "project added": mark("Added a project"),
    "project changed": mark("Changed a project"),
    "key rotated": mark("Made a new key"),
    "old key ended": mark("Ended the old key"),
    "callback rule added": mark("Added a callback rule"),
    "callback rule removed": mark("Removed a callback rule"),
    "callback rule switched on": mark("Switched a callback rule on"),
    "callback rule switched off": mark("Switched a callback rule off"),
    "FPS account added": mark("Added an FPS account"),
    "FPS account changed": mark("Changed an FPS account"),
    "FPS key rotated": mark("Made a new key for notices about an FPS account"),
    "FPS account tried out": mark("Tried an FPS account out with bank apps"),
    "FPS account attached": mark("Let the project use an FPS account"),
    "FPS account put first": mark("Put an FPS account before the project's others"),
    "FPS account detached": mark("Took an FPS account from the project"),
    "data API token made": mark("Made a token of the Data API"),
    "data API token deleted": mark("Deleted the token of the Data API"),
    "report ordered": mark("Asked for a report"),
    "report cancelled": mark("Cancelled a report"),
    "report removed": mark("Removed a report"),
    "report schedule added": mark("Added a schedule of reports"),
    "report schedule changed": mark("Changed a schedule of reports"),
    "report schedule on": mark("Switched a schedule of reports on"),
    "report schedule off": mark("Switched a schedule of reports off"),
    "report schedule deleted": mark("Deleted a schedule of reports"),
    "user added": mark("Added a person"),
    "user invited": mark("Invited a person anew"),
    "roles set": mark("Changed the roles of a person"),
    "user disabled": mark("Shut a person out"),
    "user enabled": mark("Let a person in again"),
    "second factor reset": mark("Took away a person's second factor"),
    "sessions ended": mark("Ended the sessions of a person"),
    "password set": mark("Set the first password, or a new one by invitation"),
    "password changed": mark("Changed the own password"),
    "second factor added": mark("Set up the own second factor"),
    "recovery codes renewed": mark("Made new recovery codes"),
    "recovery code used": mark("Signed in with a recovery code"),
    "signed in": mark("Signed in to the Dashboard"),
    "signed out": mark("Signed out of the Dashboard"),
    "sign-in locked": mark("The sign-in was locked after too many failures"),
}
"""What happened, as the journal names it → a sentence; what is not here is shown as it is."""

REASONS: Final[Mapping[str, str]] = {
    "short": mark("less than asked"),
    "over": mark("more than asked"),
    "late": mark("after the payment was declined"),
    "double": mark("a second time for one QR code"),
    "wrong currency": mark("in another currency"),
    "payment in error": mark("for a payment that was not started"),
    "no QR was made": mark("though no QR code was made"),
    "unknown reference": mark("for no payment that is known"),
}
"""Why money does not fit."""


def people_names(team: Iterable[User]) -> dict[str, str]:
    """Return how the journal names a person → the person's name."""
    return {f"{STAFF}{user.email}": user.name or user.email for user in team}
