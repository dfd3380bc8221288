"""Files that ask a bank for transfers: valid for ISO's schema, and rows that harm nobody."""

from __future__ import annotations

import csv
import io
from importlib import resources
from typing import Any

import msgspec
import pytest
import xmlschema

from sampan.codecs.transfers import Batch, Transfer, pain_001, transfer_csv

CHAN = Transfer(
    reference="0QK5W3N8T2A7",
    amount="12.50",
    payee_name="CHAN TAI MAN",
    kind="account",
    number="987654321",
    bank_code="024",
    message="Refund TEA-1",
)
BATCH = Batch(
    id="SAMPAN-17",
    made_us=1_795_276_800_000_000,
    currency="HKD",
    total="37.50",
    payer_name="TEA & SONS <HK>",
    payer_account="123456789001",
    payer_bank="004",
    transfers=(
        CHAN,
        Transfer(
            reference="0QK5W3N8T2A8",
            amount="25.00",
            payee_name="黃小明 😀",
            kind="mobile",
            number="+852-91234567",
        ),
    ),
)


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """ISO's own schema of the version, as a public library ships it."""
    found = resources.files("sepaxml") / "schemas/pain.001.001.09.xsd"
    return xmlschema.XMLSchema(found.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "batch",
    [
        BATCH,
        msgspec.structs.replace(BATCH, payer_bank="", transfers=(CHAN,)),
        msgspec.structs.replace(
            BATCH,
            transfers=tuple(
                msgspec.structs.replace(CHAN, kind=kind, number=number)
                for kind, number in (("fps_id", "166069526"), ("email", "a@tea.example"))
            ),
        ),
    ],
)
def test_pain_is_valid(schema: xmlschema.XMLSchema, batch: Batch) -> None:
    """Every form of payee and account makes a file that ISO's schema takes."""
    written = pain_001(batch).decode()
    schema.validate(written)
    assert pain_001(batch) == written.encode()


def test_pain_says_what_was_meant(schema: xmlschema.XMLSchema) -> None:
    """Reference, sum, payee and account stand where a bank reads them, special characters kept."""
    read: Any = schema.to_dict(pain_001(BATCH).decode())
    made = read["CstmrCdtTrfInitn"]
    (order,) = made["PmtInf"]
    first, second = order["CdtTrfTxInf"]
    assert made["GrpHdr"]["CreDtTm"] == "2026-11-22T00:00:00+08:00"
    assert (order["NbOfTxs"], str(order["CtrlSum"]), order["BtchBookg"]) == ("2", "37.50", False)
    assert order["Dbtr"]["Nm"] == "TEA & SONS <HK>"
    assert order["ReqdExctnDt"]["Dt"] == "2026-11-22"
    assert first["PmtId"]["EndToEndId"] == CHAN.reference
    assert first["CdtrAcct"]["Id"]["Othr"]["Id"] == "987654321"
    assert first["RmtInf"]["Ustrd"] == ["Refund TEA-1"]
    assert second["Cdtr"]["Nm"] == "黃小明 😀"
    assert second["CdtrAcct"]["Id"]["Othr"]["Id"] == "NOTPROVIDED"
    assert second["CdtrAcct"]["Prxy"] == {"Tp": {"Prtry": "MOBN"}, "Id": "+852-91234567"}
    assert "CdtrAgt" not in second


def test_rows() -> None:
    """CSV has the same facts, and no cell that a spreadsheet takes for a formula."""
    written = transfer_csv(BATCH)
    rows = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"))))
    assert rows[0]["Reference"] == CHAN.reference
    assert rows[0]["Amount"] == "12.50"
    assert rows[1]["Payee number"] == "'+852-91234567"
    assert rows[1]["Payee name"] == "黃小明 😀"
