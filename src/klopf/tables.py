"""Tables of samples from CSV and Parquet files: read once, checked by row and column, the same for every room.

A CSV file has a header and one row a sample. Its encoding, its delimiter and its decimal sign are found out where the
file tells them, and are settings where it does not: what is in doubt is refused with the setting that ends the doubt.
Rows are counted from 1 below the header; lines without anything are passed over.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from klopf.errors import TableError
from klopf.extras import require

__all__ = ["MISSING", "Format", "Table", "number", "read"]

MISSING = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
"""What stands in a cell that holds nothing, where a file does not leave it empty."""

_SAMPLE_ROWS = 50
"""So many rows tell the delimiter and the decimal sign."""
_PIECE = 20_000
"""Rows that are turned into numbers at a time."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_OTHERS = (
    ((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"), "a spreadsheet or an archive: save it as CSV"),
    ((b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"), "compressed: unpack it first"),
    ((b"%PDF-", b"{\\rtf", b"<!doctype", b"<html", b"<?xml"), "a document or a web page: save its table as CSV"),
    ((b"SQLite format 3\x00",), "a database: save a table of it as CSV"),
    ((b"[{", b"[[", b'{"', b"[\n"), "JSON: save it as CSV"),
    ((b"version https://git-lfs",), "a pointer in place of the file: `git lfs pull` brings it"),
)
"""How files begin that are taken for tables now and then, and what to do with them."""
_DELIMITERS = ",;\t|"
_WITH_POINT = re.compile(r"\s*[-+]?\d*\.\d+([eE][-+]?\d+)?\s*")
_WITH_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*")

_Column = NDArray[np.float64] | list[Any]


@dataclass(frozen=True)
class Format:
    """How a CSV file is written. Empty: found out from the file."""

    delimiter: str = ""
    """Between two values. Of comma, semicolon, tabulator and bar the one that divides the first rows alike."""
    decimal: str = ""
    """``.`` or ``,``: a comma where the delimiter is another and no number of the first rows has a point."""
    encoding: str = ""
    """Such as ``latin-1`` or ``utf-16``: UTF-8, unless the file begins with the mark of another. A file whose letters
    beyond ASCII are UTF-8 throughout is read as that, whatever is said: another encoding would make others of them, and
    of several owners, or of today's file and last year's, some have it and some have not."""
    missing: tuple[str, ...] = MISSING
    """Cells that count as empty for :meth:`Table.amounts` and :meth:`Table.words`; those of spaces alone always do."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Of classes: what the file says for one, and what it is called."""

    def __post_init__(self) -> None:
        if len(self.delimiter) > 1:
            raise TableError(f"the delimiter {self.delimiter!r} is longer than one character; give one, such as ';'")
        if self.decimal not in ("", ".", ","):
            raise TableError(f"the decimal sign {self.decimal!r} is neither '.' nor ','")
        if self.decimal and self.decimal == self.delimiter:
            raise TableError(f"{self.decimal!r} cannot be the decimal sign and the delimiter")
        if self.encoding:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise TableError(f"no encoding is called {self.encoding!r}; try utf-8, latin-1 or utf-16") from None


@dataclass(frozen=True)
class Table:
    """Columns of one length under their names. A column is an array of float64, or a list of cells where one is no
    number: text without the spaces around it, and None for a gap."""

    name: str
    """The file's, for messages."""
    columns: dict[str, _Column]
    decimal: str = "."
    """In cells that are text."""
    missing: frozenset[str] = frozenset(MISSING)
    """Text that counts as a gap for :meth:`amounts` and :meth:`words`."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def is_numbers(self, column: str) -> bool:
        """Whether every cell of ``column`` is a number."""
        return isinstance(self.columns[column], np.ndarray)

    def require(self, column: str) -> None:
        """
        Raises:
            TableError: there is no such column.
        """
        if column not in self.columns:
            shown = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
            raise TableError(f"{self.name} has no column {column!r}: it has {shown}")

    def gap(self, column: str) -> int:
        """The first row without a value in ``column``, from 1; 0 where there is none."""
        cells = self.columns[column]
        return 0 if isinstance(cells, np.ndarray) else next((i for i, c in enumerate(cells, 1) if c is None), 0)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column as numbers that 32 bits hold, ``(n,)``.

        Raises:
            TableError: no such column, a gap, text, NaN, infinity or beyond 3.4e38; with its row.
        """
        self.require(column)
        cells = self.columns[column]
        if not isinstance(cells, np.ndarray):
            row = next(i for i, cell in enumerate(cells, 1) if not _is_number(cell, self.decimal))
            if cells[row - 1] is None:
                raise TableError(
                    f"{self.name}: column {column!r} is empty in row {row}: fill it in or leave the row out"
                )
            raise TableError(
                f"{self.name}: column {column!r} holds {str(cells[row - 1])[:40]!r} in row {row} where a number is "
                "needed: write one, leave the row out, or encode a column of text as numbers, or leave it out"
            )
        sound = np.abs(cells) <= np.finfo(np.float32).max  # which NaN is not
        if not sound.all():
            row = int(np.argmin(sound)) + 1
            raise TableError(
                f"{self.name}: column {column!r} holds {cells[row - 1]} in row {row}, NaN, infinite or too large for "
                "32 bits: mend it or leave the row out"
            )
        return cells

    def amounts(self, column: str) -> NDArray[np.float64]:
        """A column as numbers that 32 bits hold, ``(n,)``, with NaN for each gap.

        Raises:
            TableError: no such column, text that counts as no gap, infinity or beyond 3.4e38; with its row.
        """
        self.require(column)
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            found = cells
        else:
            plain = ["nan" if cell is None or cell in self.missing else cell for cell in cells]
            if self.decimal != ".":
                plain = [cell.replace(self.decimal, ".") if isinstance(cell, str) else cell for cell in plain]
            try:
                found = np.array([number(cell) if isinstance(cell, str) else cell for cell in plain], np.float64)
            except ValueError:
                row = next(i for i, cell in enumerate(plain, 1) if not _is_number(cell, "."))
                raise TableError(
                    f"{self.name}: column {column!r} holds {str(cells[row - 1])[:40]!r} in row {row} where a number is "
                    "needed: write a number or leave the cell empty"
                ) from None
        beyond = np.abs(found) > np.finfo(np.float32).max  # which NaN is not
        if beyond.any():
            row = int(np.argmax(beyond)) + 1
            raise TableError(
                f"{self.name}: column {column!r} holds {found[row - 1]:g} in row {row}, infinite or too large for 32 "
                "bits: mend it or leave the cell empty"
            )
        return found

    def words(self, column: str) -> list[str | None]:
        """A column as text, None for each gap; whole numbers without a point.

        Raises:
            TableError: no such column.
        """
        self.require(column)
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            whole = (np.rint(cells) == cells) & (np.abs(cells) < 2**53)
            return [
                None if v != v else str(int(v)) if w else str(v) for v, w in zip(cells.tolist(), whole, strict=True)
            ]
        return [None if cell is None or cell in self.missing else str(cell) for cell in cells]

    def inputs(self, target: str) -> NDArray[np.float64]:
        """All columns but ``target``, ``(n, columns - 1)``.

        Raises:
            TableError: there is no other column, or one is not all finite numbers.
        """
        others = [name for name in self.names if name != target]
        if not others:
            raise TableError(f"{self.name} has no column beside the target {target!r}: there is nothing to learn from")
        return np.stack([self.numbers(name) for name in others], axis=1)

    def classes(self, column: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """A column as classes: each row's, ``(n,)``, and their names, numbers in their order or text in its own.

        Raises:
            TableError: no such column, a gap, or numbers that cannot be told apart.
        """
        self.require(column)
        row = self.gap(column)
        if row:
            raise TableError(f"{self.name}: the target {column!r} is empty in row {row}: leave the row out")
        cells = self.columns[column]
        if not isinstance(cells, np.ndarray):
            names, codes = np.unique([str(cell) for cell in cells], return_inverse=True)
            return codes.astype(np.int64), tuple(str(name) for name in names)
        cells = self.numbers(column)
        if np.abs(cells).max(initial=0.0) > 2**53:
            raise TableError(
                f"{self.name}: the target {column!r} has numbers beyond 2^53, which are not told apart: "
                "write its classes as text or as small numbers"
            )
        values, codes = np.unique(cells, return_inverse=True)
        return codes.astype(np.int64), tuple(str(int(v) if v == int(v) else v) for v in values.tolist())

    def text_among_numbers(self, column: str) -> tuple[int, str] | None:
        """The first row of ``column`` that is text while another is a number, and that text; None where none is."""
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            return None
        words = [i for i, cell in enumerate(cells) if cell is not None and not _is_number(cell, self.decimal)]
        if not words or len(words) == sum(cell is not None for cell in cells):
            return None
        return words[0] + 1, str(cells[words[0]])


def number(cell: str, decimal: str = ".") -> float:
    """The number that a cell says, with the decimal sign ``decimal``. Python would read ``1_000`` as a thousand, which
    is a name in everybody else's tables.

    >>> number(" 2,5", decimal=",")
    2.5

    Raises:
        ValueError: it says none.
    """
    if "_" in cell:
        raise ValueError(f"{cell[:40]!r} is no number: write it without '_'")
    return float(cell if decimal == "." else cell.replace(decimal, "."))


def read(path: str | os.PathLike[str], form: Format | None = None) -> Table:
    """The table in a CSV or Parquet file (which it is, its first bytes say).

    Raises:
        TableError: no such file, no table, an encoding that cannot be told, rows of different length, a column without
            a name or two of one name; one line.
        MissingExtra: it is Parquet, and its reader is not installed.
    """
    file, form = Path(path), form or Format()
    if not file.is_file():
        raise TableError(f"{file} is a folder, not a file" if file.is_dir() else f"there is no file {file}")
    try:
        with file.open("rb") as handle:
            head = handle.read(4096)
        if head[:4] == b"PAR1" or file.suffix.lower() in (".parquet", ".pq"):
            names, columns, decimal = _parquet(file)
        else:
            names, columns, decimal = _csv(file, head, form)
    except OSError as error:
        raise TableError(f"cannot read {file}: {error.strerror or error}") from None
    for place, name in enumerate(names, 1):
        if not name:
            raise TableError(f"{file.name}: column {place} has no name: name it, or leave the column out")
        if names.count(name) > 1:
            raise TableError(f"{file.name} has two columns called {name!r}: give each its own name")
    table = Table(file.name, dict(zip(names, columns, strict=True)), decimal, frozenset(form.missing))
    if not names:
        raise TableError(f"{file.name} is empty: give a header and a row for each sample")
    if not len(table):
        raise TableError(f"{file.name} holds a header and no rows")
    return table


# ---- CSV


def _csv(file: Path, head: bytes, form: Format) -> tuple[list[str], list[_Column], str]:
    begins = head[:64].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for beginnings, what in _OTHERS:
        if head.startswith(beginnings) or begins.startswith(beginnings):
            raise TableError(f"{file.name} is {what}")
    encoding = form.encoding if form.encoding and not _is_utf_8(file) else _encoding(file, head)
    try:
        with file.open(newline="", encoding=encoding) as handle:
            delimiter = form.delimiter or _delimiter(handle)
            handle.seek(0)
            decimal = form.decimal or _decimal(handle, delimiter)
        names, columns = _columns(file, encoding, delimiter, decimal, ())
        late = [i for i, column in enumerate(columns) if column is None]
        if late:  # numbers first and text further down: once more, for these as text
            again = _columns(file, encoding, delimiter, decimal, late)[1]
            columns = [again[i] if column is None else column for i, column in enumerate(columns)]
    except UnicodeError:
        known = "utf-8" if encoding == "utf-8-sig" else encoding
        at = f" (line {_first_other_line(file)})" if known == "utf-8" else ""
        raise TableError(
            f"{file.name} is not {known.upper()} text{at}: save it as UTF-8, or say which encoding it has, "
            'such as encoding = "latin-1"'
        ) from None
    except csv.Error as error:
        raise TableError(f"{file.name} cannot be read as CSV: {error}") from None
    return names, [column for column in columns if column is not None], decimal


def _is_utf_8(file: Path) -> bool:
    """Whether ``file`` has letters beyond ASCII and is UTF-8 throughout, which no other encoding is by chance."""
    beyond, decoder = False, codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as handle:
        try:
            while piece := handle.read(1 << 20):
                beyond |= not piece.isascii()
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return beyond


def _first_other_line(file: Path) -> int:
    """The first line of ``file`` that is not UTF-8, from 1; of the decoder's error the place in its buffer is known."""
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _encoding(file: Path, head: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    zeros = [head[start::2].count(0) for start in (0, 1)]
    if any(zeros):  # text of letters in UTF-16 has a zero byte beside each
        if min(zeros) > 0 or max(zeros) < len(head) // 3:
            raise TableError(f"{file.name} is not text: give a CSV or a Parquet file")
        return "utf-16-le" if zeros[1] else "utf-16-be"
    return "utf-8"


def _rows(handle: TextIO, delimiter: str) -> Iterator[list[str]]:
    count = 0
    try:
        for row in csv.reader(handle, delimiter=delimiter, strict=True, skipinitialspace=True):
            if len(row) > 1 or any(cell.strip() for cell in row):
                yield row
                count += 1
    except csv.Error as error:
        where = f"row {count}" if count else "the header"
        never = "unexpected end" in str(error)
        raise csv.Error(
            f"a quote that begins in {where} never ends: close the quote" if never else f"{error} in {where}: mend it"
        ) from None


def _delimiter(handle: TextIO) -> str:
    """The delimiter that divides the header and the first rows into the most columns, as many in each."""
    best, most = _DELIMITERS[0], 1
    for delimiter in _DELIMITERS:
        handle.seek(0)
        try:
            widths = {len(row) for row in islice(_rows(handle, delimiter), _SAMPLE_ROWS)}
        except csv.Error:
            continue
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = delimiter, width
    if most == 1:  # rows are not alike: the header alone decides, and the row that is not like it will be named
        handle.seek(0)
        header = handle.readline()
        best = max(_DELIMITERS, key=header.count)
    return best


def _decimal(handle: TextIO, delimiter: str) -> str:
    if delimiter == ",":
        return "."
    cells = [cell for row in islice(_rows(handle, delimiter), 1, _SAMPLE_ROWS) for cell in row]
    comma = any(_WITH_COMMA.fullmatch(cell) for cell in cells)
    return "," if comma and not any(_WITH_POINT.fullmatch(cell) for cell in cells) else "."


def _columns(
    file: Path, encoding: str, delimiter: str, decimal: str, only: Sequence[int]
) -> tuple[list[str], list[_Column | None]]:
    """Header and columns. A column whose first rows are numbers and a later one is not is None, unless it is among
    ``only``: then these columns alone are made, as text."""
    with file.open(newline="", encoding=encoding) as handle:
        rows = _rows(handle, delimiter)
        names = [name.strip().removeprefix("\ufeff") for name in next(rows, [])]
        pieces: list[list[Any]] = [[] for _ in names]
        texts, lost, done = set(only), set[int](), 0
        while piece := list(islice(rows, _PIECE)):
            widths = {len(cells) for cells in piece}
            if not done and len(piece) > 1 and len(widths) == 1 and widths != {len(names)}:
                raise TableError(
                    f"{file.name}: every row has {widths.pop()} values and the header {len(names)}: the first line "
                    "must name each column, and nothing else"
                )
            for row, cells in enumerate(piece, done + 1):
                if len(cells) != len(names):
                    raise TableError(
                        f"{file.name} has rows of different length: row {row} has {len(cells)} "
                        f"value{'s' if len(cells) > 1 else ''} and the header {len(names)}: mend that row"
                    )
            done += len(piece)
            for i, column in enumerate(zip(*piece, strict=True)):
                if i in lost or (only and i not in texts):
                    continue
                numbers = None if i in texts else _as_numbers(column, decimal)
                if numbers is not None:
                    pieces[i].append(numbers)
                elif pieces[i] and i not in texts:
                    lost.add(i)
                else:
                    texts.add(i)
                    pieces[i] += [cell.strip() or None for cell in column]
    columns: list[_Column | None] = [
        None if i in lost else part if i in texts else np.concatenate(part or [np.empty(0)])
        for i, part in enumerate(pieces)
    ]
    return names, columns


def _as_numbers(cells: Sequence[str], decimal: str) -> NDArray[np.float64] | None:
    if any("_" in cell for cell in cells):  # as `number` has it, and faster for many
        return None
    try:
        return np.array(cells if decimal == "." else [cell.replace(decimal, ".") for cell in cells], dtype=np.float64)
    except ValueError:
        return None


def _is_number(cell: Any, decimal: str) -> bool:
    try:
        number(cell, decimal) if isinstance(cell, str) else float(cell)
    except (TypeError, ValueError):
        return False
    return True


# ---- Parquet


def _parquet(file: Path) -> tuple[list[str], list[_Column], str]:
    with file.open("rb") as handle:
        head, size = handle.read(4), file.stat().st_size
        handle.seek(-min(8, size), os.SEEK_END)
        length, end = int.from_bytes(handle.read(4), "little"), handle.read(4)  # of what tells where the columns are
        whole = head == end == b"PAR1" and length + 12 <= size
    if not whole:
        raise TableError(
            f"{file.name} cannot be read as Parquet: it does not begin and end like such a file: "
            "write it anew, or copy all of it"
        )
    require("parquet", "reading Parquet")
    import arro3.io

    try:
        table = arro3.io.read_parquet(str(file)).read_all()
        columns: list[Any] = [table.column(i).to_pylist() for i in range(table.num_columns)]
        return [str(name) for name in table.column_names], [_from_values(values) for values in columns], "."
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # where a file is damaged the reader panics, with a class beside Exception
        raise TableError(
            f"{file.name} cannot be read as Parquet: {' '.join(str(error).split())[:200]}; write it anew"
        ) from None


def _from_values(values: list[Any]) -> _Column:
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, dtype=np.float64)
    return [None if value is None or str(value).strip() == "" else _plain(value) for value in values]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value).strip()
