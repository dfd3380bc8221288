"""A bank's CSV as people in Hong Kong download it: Chinese in Big5, days first, in and out apart.

    bank_csv.written([Line("24/11/2026", "轉數快", "陳大文", ref, "FRN1", came="388.00")])

The bank calls its column of payers by a word that no guess knows, as some banks do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ENCODING: Final = "big5hkscs"
HEADER: Final = ("交易日期", "摘要", "轉賬人", "備註", "交易編號", "支出", "存入", "結餘")
PAYER: Final = "轉賬人"


@dataclass(frozen=True)
class Line:
    """A movement as the bank writes it: the day as DD/MM/YYYY, sums with a comma at thousands."""

    day: str
    text: str
    payer: str
    reference: str
    bank_ref: str
    gone: str = ""
    came: str = ""


def written(lines: Sequence[Line], *, title: str = "戶口往來紀錄 004-123456-838") -> bytes:
    """Return the file; its first line is no row of the table."""
    kept = io.StringIO(newline="")
    table = csv.writer(kept)
    table.writerow([title])
    table.writerow(HEADER)
    for one in lines:
        cells = (one.day, one.text, one.payer, one.reference, one.bank_ref, one.gone, one.came, "")
        table.writerow(cells)
    return kept.getvalue().encode(ENCODING)
