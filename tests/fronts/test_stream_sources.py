"""Streams from files and pipes: by chunks, bad lines told by number, Ctrl-C saves, the command line."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import expfam as ef
from expfam.cli.stream import Watch
from expfam.data.chunks import chunks
from expfam.data.lines import batches

FORMULA = "y ~ x + C(z)"


def records(n: int = 900) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=n).round(4), rng.integers(0, 3, n)
    y = rng.random(n) < 1 / (1 + np.exp(-(x - 1 + (z == 1))))
    return [{"y": int(a), "x": float(b), "z": "abc"[c], "n": 1} for a, b, c in zip(y, x, z, strict=True)]


def ndjson(rows: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


def csv(rows: list[dict[str, Any]]) -> list[bytes]:
    return [b"y,x,z\n", *(f"{row['y']},{row['x']},{row['z']}\n".encode() for row in rows)]


def exact() -> ef.OnlineGLM:
    return ef.OnlineGLM(FORMULA, "bernoulli").partial_fit(pa.Table.from_pylist(records()))


def test_every_source_teaches_the_same(tmp_path: Path) -> None:
    """Iterators of frames, files of three kinds, a pipe: to the last bit."""
    rows = records()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    (tmp_path / "a.ndjson").write_bytes(b"".join(ndjson(rows)))
    (tmp_path / "a.csv").write_bytes(b"".join(csv(rows)))
    for kind, lines in (("ndjson", ndjson(rows)), ("csv", csv(rows))):
        (tmp_path / f"a.{kind}.gz").write_bytes(gzip.compress(b"".join(lines)))
    kinds = ("parquet", "ndjson", "csv", "ndjson.gz", "csv.gz")
    sources = [iter([table[:100], table[100:]]), *(tmp_path / f"a.{kind}" for kind in kinds)]
    for source in (*sources, BytesIO(b"".join(ndjson(rows)))):
        found = ef.OnlineGLM(FORMULA, "bernoulli").consume(source)
        assert np.array_equal(found.fit.coef, exact().fit.coef)
        assert np.array_equal(found.fit.se, exact().fit.se)


def test_chunks_need_not_hold_all_rows() -> None:
    lines = ndjson(records())
    parts = list(chunks(BytesIO(b"".join(lines)), "ndjson", None, 100))
    assert [part.table.num_rows for part in parts] == [100] * 9
    assert np.array_equal(np.concatenate([part.numbers for part in parts]), np.arange(1, 901))


@pytest.mark.parametrize(("write", "first", "kind"), [(ndjson, 1, "ndjson"), (csv, 2, "csv")])
def test_bad_lines_are_told_by_number_and_left_out(write: Any, first: int, kind: str) -> None:
    """Text for a number, a broken line, a response outside its support; an empty line is none."""
    rows = records()
    rows[5]["x"], rows[700]["y"] = "text", 7
    lines = write(rows)
    at = first - 1
    lines[at + 300], lines[at + 301] = b"{broken\n" if kind == "ndjson" else b"1,2\n", b"\n"
    told: list[int] = []
    model = ef.OnlineGLM(FORMULA, "bernoulli")
    model.consume(BytesIO(b"".join(lines)), kind=kind, tell=lambda _, bad: told.extend(line.line for line in bad))
    assert told == [first + 5, first + 300, first + 700]
    good = [row for i, row in enumerate(records()) if i not in (5, 300, 301, 700)]
    other = ef.OnlineGLM(FORMULA, "bernoulli").partial_fit(pa.Table.from_pylist(good))
    assert np.array_equal(model.fit.coef, other.fit.coef)
    with pytest.raises(ef.SchemaError, match=f"line {first + 5}"):
        ef.OnlineGLM(FORMULA, "bernoulli").consume(BytesIO(b"".join(lines)), kind=kind, strict=True)


def test_whole_numbers_may_become_fractions_and_keys_may_be_absent() -> None:
    rows = [{"y": i % 2, "x": i, "z": "ab"[i % 2]} for i in range(200)]
    rows[150]["x"] = 0.5
    del rows[170]["x"]
    parts = list(chunks(BytesIO(b"".join(ndjson(rows))), None, None, 100))
    x = pa.concat_tables([part.table for part in parts], promote_options="permissive")["x"].to_pylist()
    assert (x[150], x[170], parts[1].bad) == (0.5, None, ())


def test_data_of_another_kind_is_refused_at_once(tmp_path: Path) -> None:
    wrong = ndjson([{"a": 1}] * 3000)
    (tmp_path / "plain.csv.gz").write_bytes(b"".join(csv(records())))
    (tmp_path / "half.csv.gz").write_bytes(gzip.compress(b"".join(csv(records())))[:500])
    with pytest.raises(ef.ExpfamError, match="no column"):
        ef.OnlineGLM(FORMULA).consume(BytesIO(b"".join(wrong)))
    for source, kind, message in (
        (tmp_path / "none.csv", None, "no file"),
        (tmp_path / "x.dat", None, "suffix"),
        (BytesIO(b""), "parquet", "pipe"),
        (BytesIO(b""), "xml", "no kind"),
        (BytesIO(b""), "csv", "header"),
        (tmp_path, "csv", "cannot be read"),
        (tmp_path / "plain.csv.gz", None, "plain.csv.gz' cannot be read"),
        (tmp_path / "half.csv.gz", None, "half.csv.gz' cannot be read"),
        (BytesIO(b"".join(csv(records())).replace(b"\n", b"\r")), "csv", "carriage return alone"),
    ):
        with pytest.raises(ef.SchemaError, match=message):
            ef.OnlineGLM(FORMULA).consume(source, kind=kind)


@pytest.mark.parametrize("formula", ["y ~ x +", "y ~ foo(x)", "x", "log(y+) ~ x", "y ~ bs(x, dff=3)"])
def test_a_formula_that_cannot_be_read_is_told_before_any_row(formula: str) -> None:
    with pytest.raises(ef.FormulaError):
        ef.OnlineGLM(formula)


@pytest.mark.parametrize("formula", ["y ~ .", "y ~ . - x", "y ~ `odd name` + bs(x, df=4):C(z, ref='b')", "y ~ 1"])
def test_a_formula_needs_no_columns_yet(formula: str) -> None:
    assert ef.OnlineGLM(formula).rows == 0


def test_one_frame_is_consumed_as_a_frame() -> None:
    table = pa.Table.from_pylist(records())
    for source in (table, table.to_pydict(), table.to_pandas(), iter([table]), table.to_reader()):
        assert np.array_equal(ef.OnlineGLM(FORMULA, "bernoulli").consume(source).fit.coef, exact().fit.coef)


# ---- lines as they come -----------------------------------------------------------------------------------------
class Slow(BytesIO):
    """A source that gives a few bytes at a time, and is interrupted at its end if asked for."""

    def __init__(self, data: bytes, size: int, interrupted: bool = False) -> None:
        super().__init__(data)
        self.size, self.interrupted = size, interrupted

    def read1(self, size: int | None = -1, /) -> bytes:
        piece = super().read1(self.size)
        if not piece and self.interrupted:
            raise KeyboardInterrupt
        return piece


@given(st.lists(st.binary(max_size=4).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.integers(1, 9))
def test_lines_are_handed_on_whole_and_once(lines: list[bytes], size: int) -> None:
    """However the bytes come, with a break at the end or without."""
    for end in (b"", b"\n"):
        data = b"\n".join(lines) + end
        found = list(batches(Slow(data, size), 4, 2))
        whole = data.removesuffix(b"\n").split(b"\n") if data else []
        assert [line for batch in found for line in batch] == whole
        assert all(1 <= len(batch) <= 4 for batch in found)


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_source_that_breaks_off_has_taught_its_whole_lines(kind: str, tmp_path: Path) -> None:
    """A packed file that is cut short, and one whose reading fails."""
    rows = records(3000)
    data = b"".join(csv(rows) if kind == "csv" else ndjson(rows))
    cut = tmp_path / f"cut.{kind}.gz"
    cut.write_bytes(gzip.compress(data)[:-2000])
    there = zlib.decompressobj(wbits=31).decompress(cut.read_bytes())
    failing = Failing(data[:30_000])
    for source, read in ((cut, there), (failing, data[:30_000])):
        lines = read.count(b"\n")
        n = lines - (kind == "csv")
        assert 500 < n < 3000
        model = ef.OnlineGLM(FORMULA, "bernoulli")
        with pytest.raises(ef.SchemaError, match=f"cannot be read beyond line {lines}, up to which .*(end-of|disk)"):
            model.consume(source, kind=kind)
        whole = ef.OnlineGLM(FORMULA, "bernoulli").partial_fit(pa.Table.from_pylist(rows[:n]))
        assert model.rows == n
        assert np.array_equal(model.fit.coef, whole.fit.coef)
    state = tmp_path / "s.json"
    done = run(FORMULA, str(cut), "--family", "bernoulli", "--save", str(state))
    assert (done.returncode, b"beyond line" in done.stderr) == (2, True)
    assert ef.OnlineGLM.from_state(state).rows == there.count(b"\n") - (kind == "csv")


@pytest.mark.parametrize("n", [3_000, 70_000], ids=["within a chunk", "beyond one"])
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_packed_file_whose_sum_does_not_agree_teaches_no_line_that_is_in_doubt(
    kind: str, n: int, tmp_path: Path
) -> None:
    """Other responses than were packed; what was taken in before anybody could know is told to be in doubt."""
    rows, path = records(n), tmp_path / f"wrong.{kind}.gz"
    data, other = (b"".join(csv(some) if kind == "csv" else ndjson(some)) for some in (rows, flipped(rows)))
    packed = gzip.compress(data)
    path.write_bytes(gzip.compress(other)[:-8] + packed[-8:])  # the sum and the size that the right rows have
    model = ef.OnlineGLM(FORMULA, "bernoulli")
    with pytest.raises(ef.SchemaError) as told:
        model.consume(path)
    taken = 0 if n == 3_000 else 65_536 - (kind == "csv")
    beyond = " beyond line 65536, up to which all was taken in, though some of it may be wrong" if taken else ""
    assert f"cannot be read{beyond}: CRC check failed" in str(told.value)
    assert ("learn anew from" if taken else "name") + " a file of rows that is whole" in str(told.value)
    assert model.rows == taken


def flipped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first 201 responses are others."""
    return [{**row, "y": 1 - row["y"] if i < 201 else row["y"]} for i, row in enumerate(rows)]


def test_a_packed_file_that_is_damaged_inside_is_told_to_be_so(tmp_path: Path) -> None:
    """Not as a line with too few fields, which the damage makes of one."""
    rows, path = csv(records(3_000)), tmp_path / "wrong.csv.gz"
    packed = bytearray(gzip.compress(b"".join(rows), 0))
    at = packed.index(rows[2_500])
    packed[at + 1] = ord(";")
    packer = zlib.compressobj(wbits=31)
    nonsense = packer.compress(b"".join(rows)) + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 20  # no code begins so
    for damaged, says in ((bytes(packed), "CRC check failed"), (nonsense, "Error -3 while decompressing")):
        path.write_bytes(damaged)
        for strict in (False, True):
            model = ef.OnlineGLM(FORMULA, "bernoulli")
            with pytest.raises(ef.SchemaError, match=f"cannot be read: {says}"):
                model.consume(path, strict=strict)
            assert model.rows == 0


class Failing(BytesIO):
    """A source whose disk fails after its bytes."""

    def read1(self, size: int | None = -1, /) -> bytes:
        piece = super().read1(size)
        if not piece:
            raise OSError("the disk fails")
        return piece


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a pipe cannot be asked whether it has more")
def test_a_slow_pipe_is_learned_from_within_a_second() -> None:
    """Before, it waited for a chunk to be full."""
    read, write = os.pipe()
    with open(read, "rb") as source, open(write, "wb", buffering=0) as sink:
        found = batches(source, 1000, 3)
        sink.write(b"a\nb\nc\nd")
        assert next(found) == [b"a", b"b", b"c"]
        sink.write(b"\ne\n")
        assert next(found) == [b"d", b"e"]
        sink.close()
        assert list(found) == []


def test_an_interruption_loses_no_line() -> None:
    model = ef.OnlineGLM(FORMULA, "bernoulli")
    with pytest.raises(KeyboardInterrupt):
        model.consume(Slow(b"".join(ndjson(records())), 100, interrupted=True))
    assert model.rows == 900
    assert np.array_equal(model.fit.coef, exact().fit.coef)


# ---- the command line -------------------------------------------------------------------------------------------
def run(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "expfam", "stream", *words], input=given, capture_output=True, check=False
    )


def test_the_command_line_learns_saves_and_goes_on(tmp_path: Path) -> None:
    lines, state, model = ndjson(records()), str(tmp_path / "s.json"), str(tmp_path / "m.json")
    lines[30] = b'{"y": 1, "x": 0.5, "z": "a"} trailing\n'
    words = (FORMULA, "--family", "bernoulli", "--save", state)
    first = run(*words, "--progress", "--every", "100", given=b"".join(lines[:800]))
    assert first.returncode == 0, first.stderr
    assert b"line 31 left out: Invalid value\n" in first.stderr
    assert b"a second, loss" in first.stderr
    second = run(FORMULA, "--resume", state, "--model", model, given=b"".join(lines[800:]))
    assert second.returncode == 0, second.stderr
    assert b"Streamed: 899 rows" in second.stdout
    rows = [row for i, row in enumerate(records()) if i != 30]
    exact = ef.OnlineGLM(FORMULA, "bernoulli").partial_fit(pa.Table.from_pylist(rows))
    assert np.array_equal(ef.load(model).coef, exact.fit.coef)
    assert run("y ~ x", "--resume", state).returncode == 2
    other = run(FORMULA, "--resume", state, "--family", "poisson")
    assert (other.returncode, b"leave --family out" in other.stderr) == (2, True)
    assert run(FORMULA, "--family", "bernoulli", "--strict", given=b"".join(lines)).returncode == 2
    assert run(FORMULA, "--save", str(tmp_path / "no" / "s.json")).returncode == 2


def test_the_speed_is_that_of_the_rows_that_came_now() -> None:
    """A state of many rows that goes on with few has not learned them in a moment."""
    learner = ef.OnlineGLM(FORMULA, "bernoulli").partial_fit(pa.Table.from_pylist(records()))
    watch = Watch(every=1, save=None, live=True, began=time.perf_counter() - 10, before=learner.rows - 20)
    assert watch.line(learner).startswith("900 rows, 2 a second, loss 0.")


def test_the_command_line_hashes(tmp_path: Path) -> None:
    """As the library does; a state is not resumed with other bits, and none is begun with too many."""
    lines, state, model = b"".join(ndjson(records())), str(tmp_path / "s.json"), str(tmp_path / "m.json")
    words = (FORMULA, "--family", "bernoulli", "--save", state)
    done = run(*words, "--hash-bits", "1", "--model", model, given=lines)
    assert done.returncode == 0, done.stderr
    exact = ef.OnlineGLM(FORMULA, "bernoulli", hash_bits=1).partial_fit(pa.Table.from_pylist(records()))
    assert np.array_equal(ef.load(model).coef, exact.fit.coef)
    other = run(FORMULA, "--resume", state, "--hash-bits", "2", given=lines)
    assert (other.returncode, b"leave --hash-bits out" in other.stderr) == (2, True)
    refused = run(*words, "--hash-bits", "40", given=lines)
    assert (refused.returncode, b"from 1 to 31" in refused.stderr) == (2, True)


def test_a_run_that_learns_nothing_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    state, kept = tmp_path / "s.json", ("--family", "bernoulli", "--save", str(tmp_path / "s.json"))
    assert run(FORMULA, *kept, given=b"".join(ndjson(records()))).returncode == 0
    before = state.read_bytes()
    for words in ((FORMULA, str(tmp_path / "typo.csv")), ("y ~ xx",)):
        assert run(*words, *kept, given=b"".join(ndjson(records()))).returncode != 0
        assert state.read_bytes() == before


def test_rows_that_wait_for_an_event_are_saved(tmp_path: Path) -> None:
    state = str(tmp_path / "s.json")
    none, some = (b"".join(b'{"y": %d, "x": %d}\n' % (y and k % 3 == 0, k % 7) for k in range(300)) for y in (0, 1))
    first = run("y ~ x", "--family", "poisson", "--save", state, given=none)
    assert first.returncode == 0
    assert "the mean response of the first 300 rows is 0" in first.stderr.decode().replace("\n", " ")
    later = run("y ~ x", "--resume", state, given=some)
    assert later.returncode == 0
    assert "600 rows" in later.stdout.decode()


def test_lines_that_teach_nothing_are_no_success() -> None:
    for lines, says in (
        (b"".join(csv(records())), b"the first is 'y,x,z'. If it is CSV say so: --format csv"),
        (b"{oops\n" * 3, b"no line was a row, and nothing was learned"),
    ):
        done = run(FORMULA, "--family", "bernoulli", given=lines)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    with pytest.raises(ef.SchemaError, match="kind='csv'"):
        ef.OnlineGLM(FORMULA, "bernoulli").consume(BytesIO(b"".join(csv(records()))))
    assert run(FORMULA, "--family", "bernoulli", "--format", "csv", given=b"".join(csv(records()))).returncode == 0


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_compressed_bytes_are_named_and_unpacked_by_whom_they_came_from(kind: str) -> None:
    given = gzip.compress(b"".join(csv(records()) if kind == "csv" else ndjson(records())))
    done = run(FORMULA, "--family", "bernoulli", "--format", kind, given=given)
    assert done.returncode == 2
    assert b"is compressed by gzip, not text: unpack it first (gzip -dc FILE > NEW)" in done.stderr
    assert b"gzip -dc FILE | expfam stream ..." in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process, as a terminal or a service manager does")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_an_interrupt_saves_what_was_learned(sent: signal.Signals, tmp_path: Path) -> None:
    state = tmp_path / "s.json"
    words = ["stream", FORMULA, "--family", "bernoulli", "--save", str(state), "--every", "1", "--progress"]
    with subprocess.Popen(
        [sys.executable, "-m", "expfam", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(ndjson(records()) * 80))  # more than a chunk, and then silence
        process.stdin.flush()
        for _ in range(600):
            if state.exists() and ef.OnlineGLM.from_state(state).rows == 900 * 80:
                break
            time.sleep(0.1)
        process.send_signal(sent)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert b"interrupted after" in errors
    assert ef.OnlineGLM.from_state(state).rows == 900 * 80
