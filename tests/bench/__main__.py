"""Run the benchmarks, or the one that is named.

    python -m tests.bench [NAME] [--json] [--markdown FILE]

Prints a table; with `--json` the last line of standard output is one object, name → number or
null. `--markdown FILE` writes the table between the bench marks of a file; `readme` as NAME runs
all but `dashboard` and `reports`, as no NAME does, and writes it into README.md. A benchmark that
cannot run here is null, with the reason on standard error.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import coding, listing, living, opening, reporting, selling, world

Figures = dict[str, float | None]

BENCHMARKS: dict[str, Callable[[], Figures]] = {
    "sale_sqlite": selling.sqlite,
    "sale_postgres": selling.postgres,
    "sale_memory_mock": selling.memory_mock,
    "lives": living.sqlite,
    "lives_postgres": living.postgres,
    "page": opening.sqlite,
    "qr": coding.qr,
    "signing": coding.signing,
    "dashboard": listing.both,
    "reports": reporting.both,
}
UNTOLD = {"dashboard", "reports"}
"""They take minutes: run by their names alone."""

MEANINGS = {
    "sale_sqlite": (
        "durable sales on SQLite, against the same server that verifies them and answers a constant"
        " (workers off)"
    ),
    "sale_sqlite_vs_bare": "… against the same server that answers without looking",
    "sale_sqlite_per_s": "… a second",
    "sale_sqlite_with_workers_per_s": "… a second while the same process works on them",
    "door_sqlite_per_s": "… verified and answered with a constant, a second",
    "bare_sqlite_per_s": "… answered without looking, a second",
    "sale_postgres": "durable sales on PostgreSQL, against the same constant (workers off)",
    "sale_postgres_vs_bare": "… against the same server that answers without looking",
    "sale_postgres_per_s": "… a second",
    "sale_postgres_with_workers_per_s": "… a second while the same process works on them",
    "door_postgres_per_s": "… verified and answered with a constant, a second",
    "bare_postgres_per_s": "… answered without looking, a second",
    "sale_vs_memory_mock": "durable sales on SQLite, against charges of stripe-stateful-mock",
    "memory_mock_per_s": "… the mock's charges in memory, a second",
    "lives_per_s": "whole lives a second on SQLite: sale, two callbacks, bank notice, all by HTTP",
    "lives_postgres_per_s": "whole lives a second on PostgreSQL",
    "page_open": "Payment Pages opened on SQLite, against a bare server's constant page",
    "page_open_per_s": "… a second",
    "page_bare_per_s": "… constant pages a second",
    "page_qr_vs_bare": "time to the QR screen (payment, bank, page), against the constant page",
    "page_qr_ms": "… milliseconds, one customer at a time",
    "page_with_qr_per_s": "… QR screens a second, 64 customers at once",
    "qr_vs_segno": "payload to PNG, against segno making the same PNG",
    "qr_png_per_s": "… our PNGs a second",
    "sign_verify_per_s": "sign a sale and verify it, pairs a second",
    **listing.MEANINGS,
    **reporting.MEANINGS,
}
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def main() -> int:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure ratios in one run.")
    parser.add_argument("name", nargs="?", choices=[*BENCHMARKS, "readme"])
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    target = world.ROOT / "README.md" if asked.name == "readme" else asked.markdown
    names = [asked.name]
    if asked.name in {None, "readme"}:
        names = [name for name in BENCHMARKS if name not in UNTOLD]
    figures: Figures = {}
    for name in names:
        print(f"— {name}", file=sys.stderr, flush=True)
        figures |= BENCHMARKS[name]()
    print(table(figures))
    if target is not None:
        write(target, figures)
    if asked.json:
        rounded = {name: value and round(value, 3) for name, value in figures.items()}
        print(json.dumps(rounded))
    return 0


def table(figures: Figures) -> str:
    """Return the figures as a table for people."""
    width = max(map(len, figures))
    return "\n".join(
        f"{name:<{width}}  {figure(name, value):>10}  {MEANINGS[name]}"
        for name, value in figures.items()
    )


def figure(name: str, value: float | None) -> str:
    """Return a rate in whole numbers, a ratio with two digits."""
    if value is None:
        return "-"
    if name.endswith(("_ms", "_mib")):
        return f"{value:.1f}"
    return f"{value:,.0f}" if name.endswith("_per_s") else f"{value:.2f}:1"


def write(target: Path, figures: Figures) -> None:
    """Put the table between the marks of a file. Raises `ValueError` when they are not there."""
    text = target.read_text(encoding="utf-8")
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"{target} has no place for the figures: {BEGIN} … {END}")
    rows = [
        f"| {MEANINGS[name]} | {figure(name, value)} |"
        for name, value in figures.items()
        if value is not None
    ]
    head = [f"One run on {os.cpu_count()} cores, load tool included:", "", "| what | figure |"]
    made = "\n".join([*head, "| --- | ---: |", *rows])
    target.write_text(f"{before}{begun}\n{made}\n{ended}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
