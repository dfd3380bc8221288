"""Reports hold the rows that a plain model holds, once each, and write them to the letter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import insert

from sampan.domain.days import Zone
from sampan.domain.report_spec import (
    CLUES,
    KINDS,
    STATUSES,
    TIME_US_MAX,
    Clue,
    ReportType,
    Spec,
    columns_of,
)
from sampan.domain.statuses import FINAL, PaymentStatus
from sampan.reports import making
from sampan.reports.making import Writer, make
from sampan.storage import open as opening
from sampan.storage import report_rows, schema
from sampan.storage.report_rows import Place, RowReader
from sampan.storage.reports import Progress

Row = dict[str, Any]
Rows = dict[str, list[Row]]
PROJECTS: Final = {1: "Tea 茶", 2: "=Cake", 3: ""}
PAYMENTS: Final = 90
MIDNIGHT_US: Final = 1_893_427_200_000_000
"""Midnight in Hong Kong of 1 January 2030."""
EVERY: Final[dict[str, Any]] = {"from_us": 0, "to_us": TIME_US_MAX}

TIMES: Final = {
    (ReportType.PAYMENTS, Clue.CREATED): "created_us",
    (ReportType.PAYMENTS, Clue.FINISHED): "finished_us",
    (ReportType.OPERATIONS, Clue.UPDATED): "updated_us",
    (ReportType.CREDITS, Clue.RECEIVED): "received_us",
    (ReportType.CALLBACKS, Clue.CREATED): "created_us",
}
KIND_FIELDS: Final = {
    ReportType.PAYMENTS: "origin",
    ReportType.OPERATIONS: "type",
    ReportType.CALLBACKS: "kind",
}


class Bytes:
    """Keeps what is written, as a file does."""

    def __init__(self, kept: bytes = b"") -> None:
        self.kept = kept

    def write(self, data: bytes) -> int:
        """Append."""
        self.kept += data
        return len(data)

    def sync(self) -> None:
        """Nothing can be lost."""


def payment(key: int, **changes: Any) -> Row:  # noqa: ANN401 - values of columns
    """Return a payment over HK$100.00 that has just been asked for."""
    row: Row = dict.fromkeys(("display", "finished_us", "best_before_us", "retry_until_us"))
    row |= dict.fromkeys(("description", "merchant_data"), "")
    row |= {"id": key, "project_id": 1, "payment_id": f"P-{key}", "status": "processing"}
    row |= {"currency": "HKD", "amount_minor": 10_000, "paid_minor": 0, "customer_id": "c"}
    row |= {"customer": '{"id":"c"}', "targets": "{}", "faults": "[]", "held_count": 0}
    row |= {"created_us": 1, "updated_us": 1, "decline_us": 1, "origin": "gate"}
    return row | {"attempts_count": 1} | changes


def operation(key: int, of: Row, **changes: Any) -> Row:  # noqa: ANN401 - values of columns
    """Return a sale of a payment."""
    row = {"id": key, "payment": of["id"], "type": "sale", "status": of["status"]}
    row |= {name: of[name] for name in ("project_id", "amount_minor", "currency")}
    row |= {"request_id": f"req-{key}", "request_digest": "", "merchant_refund_id": None}
    row |= {"code": "0", "message": "Success", "provider_id": 1, "provider_ref": ""}
    return row | {"created_us": of["created_us"], "updated_us": of["updated_us"]} | changes


def credit(key: int, **changes: Any) -> Row:  # noqa: ANN401 - values of columns
    """Return money that nobody has taken yet."""
    row = {"id": key, "provider": "fps", "account": "acc", "bank_txn_id": f"t-{key}"}
    row |= {"status": "unapplied", "amount_minor": 10_000, "currency": "HKD", "reference": ""}
    row |= {"payer_name": "", "payment": None, "booked_us": 1, "received_us": 1}
    row |= {"identity": f"t-{key}", "part": 0, "parent": None, "source": "notice"}
    row |= {
        "import_id": None,
        "booked_to_us": 1,
        "payer_account": "",
        "texts": "[]",
        "found": "",
        "refunded_minor": 0,
    }
    return row | {"updated_us": 1} | changes


def callback(key: int, of: Row, **changes: Any) -> Row:  # noqa: ANN401 - values of columns
    """Return a callback of a payment that was never tried."""
    row = {"id": key, "project_id": of["project_id"], "payment": of["id"], "operation": 5}
    row |= {"kind": "final", "status": "pending", "url": "https://shop.example/", "body": "{}"}
    return row | {"note": "", "attempts_count": 0, "created_us": 1, "finished_us": None} | changes


def attempt(key: int, of: int, **changes: Any) -> Row:  # noqa: ANN401 - values of columns
    """Return an attempt to deliver a callback."""
    row = {"id": key, "callback": of, "number": 1, "at_us": 1, "url": "", "http_status": None}
    return row | {"duration_ms": 0, "answer": "", "error": ""} | changes


def drawn() -> Rows:
    """Return rows of every status and kind, drawn by lot; many share their times."""
    draw = random.Random(5)
    statuses, keys = sorted(PaymentStatus), iter(range(1000, 9999))
    rows: Rows = {"payments": [], "operations": [], "credits": [], "callbacks": []}
    for number in range(PAYMENTS):
        status = statuses[number % len(statuses)]
        created = draw.randrange(12)
        made = payment(
            number + 1,
            project_id=draw.randrange(3) + 1,
            status=status,
            paid_minor=5 if status == "success" else 0,
            currency=draw.choice(["HKD", "CNY"]),
            created_us=created,
            updated_us=created + draw.randrange(9),
            finished_us=created + draw.randrange(9) if status in FINAL else None,
            origin=draw.choice(KINDS[ReportType.PAYMENTS]),
        )
        rows["payments"].append(made)
        for _ in range(draw.randrange(3)):
            # One of a payment that is open may have ended; none of one that has ended is open.
            ended = sorted(FINAL) if status in FINAL else statuses
            changes = {"status": draw.choice(ended), "updated_us": created + draw.randrange(9)}
            changes["type"] = draw.choice(KINDS[ReportType.OPERATIONS])
            rows["operations"].append(operation(next(keys), made, **changes))
        came = draw.choice(STATUSES[ReportType.CREDITS])
        theirs = made["id"] if came in {"applied", "held"} else draw.choice([None, made["id"]])
        changes = {"received_us": draw.randrange(12), "currency": made["currency"]}
        rows["credits"].append(credit(next(keys), status=came, payment=theirs, **changes))
        changes = {"kind": draw.choice(KINDS[ReportType.CALLBACKS])}
        changes |= {"status": draw.choice(STATUSES[ReportType.CALLBACKS])}
        rows["callbacks"].append(
            callback(next(keys), made, created_us=draw.randrange(12), **changes)
        )
    return rows


def fits(row: Row, spec: Spec, at: int | None, *, project: int | None) -> bool:
    """Whether a row is in a report, said plainly."""
    return (
        at is not None
        and (spec.from_us or 0) <= at < (spec.to_us or 0)
        and (not spec.statuses or row["status"] in spec.statuses)
        and (not spec.currencies or row["currency"] in spec.currencies)
        and (not spec.kinds or row[KIND_FIELDS[spec.type]] in spec.kinds)
        and (not spec.project_ids or project in spec.project_ids)
    )


def expected(rows: Rows, spec: Spec) -> list[Place]:
    """Return where the rows of a report stand, the oldest first."""
    by = TIMES[spec.type, spec.by or CLUES[spec.type][0]]
    projects = {row["id"]: row["project_id"] for row in rows["payments"]}
    found = []
    for row in rows[spec.type]:
        project = row.get("project_id") or projects.get(row.get("payment"))
        if fits(row, spec, row[by], project=project):
            found.append((row[by], row["id"]))
    return sorted(found)


def specs(kind: ReportType) -> Iterator[Spec]:
    """Give reports of a type: each filter alone, and some together."""
    for by in CLUES[kind]:
        everything = Spec(type=kind, by=by, **EVERY)
        change = msgspec.structs.replace
        yield everything
        yield change(everything, from_us=3, to_us=8)
        yield change(everything, from_us=8, to_us=8)
        yield change(everything, project_ids=(2,))
        yield change(everything, project_ids=(1, 3, 99), from_us=2)
        for status in STATUSES[kind]:
            yield change(everything, statuses=(status,))
        yield change(everything, statuses=STATUSES[kind][:4], to_us=9)
        for one in KINDS[kind]:
            yield change(everything, kinds=(one,))
        if kind is not ReportType.CALLBACKS:
            yield change(everything, currencies=("CNY",), project_ids=(1, 2))


@pytest.fixture
def filled(database_url: str) -> Iterator[Callable[[Rows], RowReader]]:
    """Write rows into a database with three projects and return what reads them."""
    readers: list[RowReader] = []

    def fill(rows: Rows) -> RowReader:
        engine = opening.make_engine(database_url)
        bare: Row = {"callback_url": "", "secret_sealed": "", "settings": "{}"}
        bare |= {"created_us": 1, "updated_us": 1}
        projects = [bare | {"id": number, "name": name} for number, name in PROJECTS.items()]
        with engine.begin() as conn:
            conn.execute(insert(schema.projects), projects)
            for name, found in rows.items():
                kept = [_folded(row) if name == "payments" else row for row in found]
                if kept:
                    conn.execute(insert(schema.metadata.tables[name]), kept)
        engine.dispose()
        readers.append(RowReader(database_url))
        return readers[-1]

    yield fill
    for reader in readers:
        reader.close()


def _folded(row: Row) -> Row:
    return row | {"payment_id_folded": row["payment_id"].casefold()}


def places(reader: RowReader, spec: Spec, *, most: int) -> list[Place]:
    """Return where all rows stand, read so many at a time."""
    found: list[Place] = []
    while True:
        after = found[-1] if found else None
        parts = list(reader.stream(spec, ["id"], after=after, most=most))
        rows = [row for part in parts for row in part]
        assert all(row[1] == row[2] for row in rows)
        found += [(row[0], row[1]) for row in rows]
        if len(rows) < most:
            return found


def test_rows_are_those_of_the_model(
    filled: Callable[[Rows], RowReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every report has its rows in their order, at once and in any steps, and counts them."""
    monkeypatch.setattr(report_rows, "PART_ROWS", 7)
    rows = drawn()
    reader = filled(rows)
    for kind in ReportType:
        for spec in specs(kind):
            there = expected(rows, spec)
            assert places(reader, spec, most=10_000) == there, spec
            assert places(reader, spec, most=13) == there, spec
            assert reader.count(spec) == len(there), spec


def nasty() -> Rows:
    """Return a day as spreadsheets and accountants fear it."""
    done = {"updated_us": MIDNIGHT_US, "finished_us": MIDNIGHT_US}
    first = payment(
        1,
        payment_id="=1+1;茶",
        status="success",
        amount_minor=10_050,
        paid_minor=123_456_789,
        customer_id="+852 9123",
        customer='{"id":"+852 9123","email":"a@b.hk","ip_address":"192.0.2.7"}',
        description='Tea, "hot"\r\nand 🍵',
        created_us=MIDNIGHT_US - 1,
        best_before_us=MIDNIGHT_US + 1_000,
        **done,
    )
    second = payment(2, project_id=2, payment_id="b", created_us=MIDNIGHT_US, origin="link")
    paid = operation(11, first, provider_ref="@ref", created_us=MIDNIGHT_US - 1)
    refused = operation(12, first, type="refund", merchant_refund_id="-1", status="decline")
    # Made later than the sale and so the newest; its id is smaller than others may be.
    refused |= {"code": "20100", "message": "Declined; sorry", "created_us": MIDNIGHT_US + 5}
    asked = operation(13, second, code="", message="")
    money = {"status": "applied", "payment": 1, "booked_us": MIDNIGHT_US - 2, "reference": "茶\n1"}
    told = callback(31, first, created_us=MIDNIGHT_US, status="delivered", attempts_count=2)
    tried = {"number": 2, "http_status": 200, "at_us": MIDNIGHT_US + 3_000, "duration_ms": 42}
    return {
        "payments": [first, second],
        "operations": [paid, refused, asked],
        "credits": [
            credit(21, received_us=MIDNIGHT_US, payer_name="CHAN T** M**", **money),
            credit(22, received_us=MIDNIGHT_US + 1, currency="JPY", amount_minor=7),
        ],
        "callbacks": [told, callback(32, second, created_us=MIDNIGHT_US, kind="intermediate")],
        "attempts": [attempt(41, 31, error="Time-out"), attempt(42, 31, **tried)],
    }


def written(reader: RowReader, spec: Spec) -> str:
    """Return the whole file of a report."""
    sink = Bytes()
    for _ in make(reader, spec, sink=sink, done=Progress()):
        pass
    return sink.kept.decode()


BEFORE: Final = "2029-12-31T23:59:59.999+08:00"
AT: Final = "2030-01-01T00:00:00.000+08:00"
GOLDEN: Final[dict[ReportType, str]] = {
    ReportType.PAYMENTS: (
        "\ufeffpayment_id,project_id,type,status,amount,paid_amount,currency,customer_id,"
        "description,code,created_at,finished_at,project_name,origin,method,message,provider_date,"
        "customer_email,customer_ip,attempts,held,best_before,updated_at,payment_key\r\n"
        "'=1+1;茶,1,purchase,success,100.50,1234567.89,HKD,'+852 9123,"
        f'"Tea, ""hot""\r\nand 🍵",20100,{BEFORE},{AT},Tea 茶,gate,hk-qr,'
        f"Declined by external provider,{BEFORE},a@b.hk,192.0.2.7,1,0,"
        f"2030-01-01T00:00:00.001+08:00,{AT},1\r\n"
        f"b,2,invoice,processing,100.00,0.00,HKD,c,,,{AT},,'=Cake,link,hk-qr,,,,,1,0,,"
        "1970-01-01T08:00:00.000+08:00,2\r\n"
    ),
    ReportType.OPERATIONS: (
        "\ufeffoperation_id,payment_id,project_id,operation_type,operation_status,amount,"
        "converted_amount,currency,code,message,created_at,completed_at,provider_date,"
        "provider_payment_id,project_name,request_id,refund_id,origin,method,description,"
        "customer_id,customer_email,customer_ip,updated_at,payment_status,payment_amount,"
        "paid_amount,payment_created_at,payment_finished_at\r\n"
        "13,b,2,sale,processing,100.00,100.00,HKD,,,"
        f"{AT},,,,'=Cake,req-13,,link,hk-qr,,c,,,1970-01-01T08:00:00.000+08:00,processing,100.00,"
        f"0.00,{AT},\r\n"
        "11,'=1+1;茶,1,sale,success,100.50,1234567.89,HKD,0,Success,"
        f"{BEFORE},{AT},{BEFORE},'@ref,Tea 茶,req-11,,gate,hk-qr,"
        f'"Tea, ""hot""\r\nand 🍵",\'+852 9123,a@b.hk,192.0.2.7,{AT},success,100.50,1234567.89,'
        f"{BEFORE},{AT}\r\n"
        "12,'=1+1;茶,1,refund,decline,100.50,100.50,HKD,20100,Declined; sorry,"
        f"{AT},{AT},,,Tea 茶,req-12,'-1,gate,hk-qr,"
        f'"Tea, ""hot""\r\nand 🍵",\'+852 9123,a@b.hk,192.0.2.7,{AT},success,100.50,1234567.89,'
        f"{BEFORE},{AT}\r\n"
    ),
    ReportType.CREDITS: (
        "\ufeffcredit_id,provider,account,bank_id,status,amount,currency,reference,payer_name,"
        "payment_id,project_id,booked_at,received_at,project_name,payment_status,updated_at\r\n"
        f'21,fps,acc,t-21,applied,100.00,HKD,"茶\n1",CHAN T** M**,\'=1+1;茶,1,{BEFORE},{AT},'
        "Tea 茶,success,1970-01-01T08:00:00.000+08:00\r\n"
        "22,fps,acc,t-22,unapplied,7,JPY,,,,,1970-01-01T08:00:00.000+08:00,"
        f"{AT},,,1970-01-01T08:00:00.000+08:00\r\n"
    ),
    ReportType.CALLBACKS: (
        "\ufeffcallback_id,payment_id,project_id,kind,status,url,attempts,http_status,error,"
        "created_at,finished_at,project_name,operation_id,note,last_attempt_at,duration_ms\r\n"
        f"31,'=1+1;茶,1,final,delivered,https://shop.example/,2,200,,{AT},,Tea 茶,5,,"
        "2030-01-01T00:00:00.003+08:00,42\r\n"
        f"32,b,2,intermediate,pending,https://shop.example/,0,,,{AT},,'=Cake,5,,,\r\n"
    ),
}
"""Every column of every type, with texts that break what writes or reads them carelessly."""


def test_files_to_the_letter(filled: Callable[[Rows], RowReader]) -> None:
    """Each column of each type is written as it is told here, whatever people have typed."""
    reader = filled(nasty())
    for kind, golden in GOLDEN.items():
        assert written(reader, Spec(type=kind, columns=columns_of(kind), **EVERY)) == golden, kind
    spec = Spec(type=ReportType.PAYMENTS, columns=("payment_id", "paid_amount"), **EVERY)
    manner = {"separator": ";", "decimal": ",", "bom": False, "heads": "en"}
    there = written(reader, msgspec.structs.replace(spec, **manner))
    assert there == 'Payment id;Paid\r\n"\'=1+1;茶";1234567,89\r\nb;0,00\r\n'
    tabs = written(reader, msgspec.structs.replace(spec, separator="\t", from_us=MIDNIGHT_US))
    assert tabs == "\ufeffpayment_id\tpaid_amount\r\nb\t0.00\r\n"


def test_empty_report_has_heads_alone(filled: Callable[[Rows], RowReader]) -> None:
    """Where nothing fits, the file has its first line; a checkpoint tells that it is whole."""
    reader = filled({})
    for kind in ReportType:
        sink = Bytes()
        spec = Spec(type=kind, zone=Zone.UTC, columns=("project_id",), **EVERY)
        (done,) = make(reader, spec, sink=sink, done=Progress())
        assert sink.kept == b"\xef\xbb\xbfproject_id\r\n"
        assert (done.rows, done.bytes) == (0, len(sink.kept))
        assert reader.count(spec) == 0


def test_any_checkpoint_can_be_gone_on_from(
    filled: Callable[[Rows], RowReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is cut off behind a checkpoint, going on from it makes the very same file."""
    monkeypatch.setattr(making, "WHOLE_ROWS", 20)
    reader = filled(drawn())
    for kind in ReportType:
        spec = Spec(type=kind, **EVERY)
        whole = Bytes()
        told: list[int] = []
        checkpoints = list(make(reader, spec, sink=whole, done=Progress(), tell=told.append))
        assert told[-1] == checkpoints[-1].rows == reader.count(spec)
        for done in checkpoints:
            again = Bytes(whole.kept[: done.bytes])
            ends: Sequence[Progress] = list(make(reader, spec, sink=again, done=done))
            assert again.kept == whole.kept
            assert ends[-1] == checkpoints[-1]
    assert Writer(Spec(type=ReportType.CREDITS), {}).heads().startswith(b"\xef\xbb\xbfcredit_id,")
