# ruff: noqa: E501  (a file and its line stand on one)
"""Sixty files that cannot be learned from: each is one line that names the file, the row, the column and the mend."""

from __future__ import annotations

import pytest

from klopf.errors import KlopfError
from klopf.network import parse_settings, share_out

ROWS = [(f"{i % 7}.5", str(i % 5 + 1), "ab"[i % 2]) for i in range(60)]


def csv(change=None, header="a,b,y", rows=ROWS, end="\n", between=","):
    """A sound table, but for the cells in ``change``: ``{(row from 1, column from 0): text}``."""
    lines = [header] if header is not None else []
    for i, row in enumerate(rows, 1):
        cells = [(change or {}).get((i, k), cell) for k, cell in enumerate(row)]
        lines.append(between.join(cells))
    return end.join(lines) + end


def dated(*cells):
    return csv(header="a,d,y", rows=[(a, cells[i % len(cells)], y) for i, (a, _, y) in enumerate(ROWS)])


def several(first, second, **data):
    return {"one.csv": first, "two.csv": second}, data


NUMBERS = csv(rows=[(a, b, f"{i / 4}") for i, (a, b, _) in enumerate(ROWS)])

FILES = {
    "a word among numbers": (csv({(7, 1): "many"}), {}, "'b' holds 'many' in row 7.*write one, leave the cell empty"),
    "two numbers in a cell": (csv({(9, 0): "1 2"}), {}, "'a' holds '1 2' in row 9.*write one"),
    "a number with a unit": (csv({(3, 0): "3.5kg"}), {}, "'a' holds '3.5kg' in row 3.*write one"),
    "thousands marked": (csv({(3, 0): '"1,500.5"'}), {}, "'a' holds '1,500.5' in row 3.*write one"),
    "a decimal comma among points": (csv({(60, 0): '"3,5"'}), {}, "'a' holds '3,5' in row 60.*write one"),
    "infinity": (csv({(4, 0): "inf"}), {}, "'a' holds inf in row 4.*mend it or leave"),
    "minus infinity": (csv({(4, 0): "-Infinity"}), {}, "'a' holds -inf in row 4.*mend it or leave"),
    "beyond 32 bits": (csv({(5, 1): "1e60"}), {}, r"'b' holds 1e\+60 in row 5.*mend it or leave"),
    "a row too short": (csv({(8, 1): "1\n2"}), {}, "row 8 has 2 values and the header 3: mend that row"),
    "a row too long": (csv({(8, 1): "1,2"}), {}, "row 8 has 4 values and the header 3: mend that row"),
    "a quote that never ends": (csv({(2, 1): '"1'}), {}, "CSV.*row 2.*close the quote"),
    "no class": (csv({(11, 2): ""}), {}, "target 'y' is empty in row 11: leave the row out"),
    "no class, as R says it": (csv({(12, 2): "NA"}), {}, "target 'y' is empty in row 12: leave the row out"),
    "no number to come close to": (NUMBERS.replace(",2.5\n", ",\n"), {"task": "numbers"}, "'y' is empty in row 11: leave"),
    "a word to come close to": (NUMBERS.replace(",2.5\n", ",low\n"), {"task": "numbers"}, "'y' holds 'low' in row 11"),
    "classes to come close to": (csv(), {"task": "numbers"}, "'y' holds 'a' in row 1 where a number is needed"),
    "amounts as classes": (NUMBERS, {}, "'y' holds 60 different values in 60 rows.*data.task = \"numbers\""),
    "an id as classes": (
        csv(rows=[(a, b, f"p{i}") for i, (a, b, _) in enumerate(ROWS)]), {}, "'y'.*an id cannot be learned; choose"),
    "a counter as numbers": (
        csv(rows=[(a, b, f"{i}") for i, (a, b, _) in enumerate(ROWS)]), {"task": "numbers"}, "'y' counts the rows.*choose"),
    "one class only": (csv(rows=[(a, b, "a") for a, b, _ in ROWS]), {}, r"one class only \(a\)"),
    "one number only": (csv(rows=[(a, b, "7") for a, b, _ in ROWS]), {"task": "numbers"}, "is 7 in every row"),
    "no such target": (csv(), {"target": "kind"}, "no column 'kind': it has a, b, y"),
    "no such column": (csv(), {"columns": ["a", "c"]}, "no column 'c': it has a, b, y"),
    "no such column to be something": (csv(), {"kinds": {"c": "date"}}, "no column 'c': it has a, b, y"),
    "numbers that are said to be dates": (csv(), {"kinds": {"a": "date"}}, "'a' holds no dates: leave it out of data.kinds"),
    "only a target": (csv(header="y", rows=[(y,) for *_, y in ROWS]), {}, "no column beside the target 'y'"),
    "only an id": (
        csv(header="id,y", rows=[(str(i), y) for i, (*_, y) in enumerate(ROWS)]), {}, "'id': an id.*say what it is in data.kinds"),
    "no header": (csv(header=None), {}, "no column 'y': it has 0.5, 1, a"),
    "two columns of one name": (csv(header="a,a,y"), {}, "two columns called 'a': give each its own name"),
    "a column without a name": (csv(header="a,,y"), {}, "column 2 has no name: name it"),
    "a header and no rows": (csv(rows=[]), {}, "a header and no rows"),
    "nothing": ("", {}, "is empty: give a header and a row for each sample"),
    "latin-1": (csv({(2, 2): "ä"}).encode("latin-1"), {}, r"not UTF-8 text \(line 3\).*say which encoding"),
    "another encoding than is said": (csv({(2, 2): "ä"}).encode("latin-1"), {"encoding": "utf-16"}, "not UTF-16 text.*encoding"),
    "a compressed file": (b"\x1f\x8b\x08\x00 and so on", {}, "compressed: unpack it first"),
    "a file compressed by zstandard": (b"\x28\xb5\x2f\xfd\x04\x00 and so on", {}, "compressed: unpack it first"),
    "a document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", {}, "document or a web page: save its table as CSV"),
    "rich text": ("{\\rtf1 a,b,y}\n", {}, "document or a web page: save its table as CSV"),
    "a page that says it is not there": ("\n<!DOCTYPE html>\n<html>sorry, 404</html>\n", {}, "web page: save its table as CSV"),
    "JSON": ('[{"a": 1, "y": "a"},\n{"a": 2, "y": "b"}]\n', {}, "is JSON: save it as CSV"),
    "JSON by line": ('{"a": 1, "y": "a"}\n{"a": 2, "y": "b"}\n', {}, "is JSON: save it as CSV"),
    "a database": (b"SQLite format 3\x00" + bytes(80), {}, "database: save a table of it as CSV"),
    "a spreadsheet of old": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(80), {}, "spreadsheet or an archive: save it as CSV"),
    "a pointer to a large file": ("version https://git-lfs.github.com/spec/v1\noid sha256:a\n", {}, "`git lfs pull` brings it"),
    "a title above the header": ("Report 2024\n" + csv(), {}, "every row has 3 values and the header 1: the first line must name"),
    "rows that end with a comma": (csv().replace(",a\n", ",a,\n").replace(",b\n", ",b,\n"), {}, "every row has 4 values and the header 3"),
    "a class that clears the screen": (csv({(5, 2): "\x1b[2J"}), {}, r"target 'y' holds '\\x1b\[2J' in row 5.*write one line"),
    "a class as long as a page": (csv({(5, 2): "a" * 999}), {}, "target 'y' holds 'aaaa.*' in row 5.*at most 200 characters"),
    "a column that clears the screen": (csv(header="a,\x1b[2J,y"), {}, r"column is called '\\x1b\[2J', 4 characters: rename it"),
    "a name over two lines": (csv(header='a,"b\nc",y'), {}, r"column is called 'b\\nc', 3 characters: rename it"),
    "a name as long as a page": (csv(header="a," + "b" * 999 + ",y"), {}, "column is called 'bbbb.*', 999 characters: rename it"),
    "an error of a spreadsheet": (csv({(5, 0): "#DIV/0!"}), {}, "'a' holds '#DIV/0!' in row 5.*write one, leave the cell empty"),
    "a sum below": (csv() + "Total,180,a\n", {}, "'a' holds 'Total' in row 61.*write one, leave the cell empty"),
    "two tables in a file": (csv() + csv(), {}, "'a' holds 'a' in row 61.*write one, leave the cell empty"),
    "a spreadsheet": (b"PK\x03\x04 and so on", {}, "spreadsheet or an archive: save it as CSV"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", {}, "not text: give a CSV or a Parquet file"),
    "a Parquet file cut short": (b"PAR1 and no end", {}, "cannot be read as Parquet.*write it anew"),
    "a Parquet file that ends where nothing is": (b"PAR1PAR1", {}, "cannot be read as Parquet.*write it anew"),
    "a Parquet file with a wrong length": (b"PAR1" + bytes(9) + b"\xff\xff\0\0PAR1", {}, "cannot be read as Parquet.*write it anew"),
    "no date among dates": (dated("2024-01-31", "2024-02-01", "soon"), {}, "'d' holds 'soon' in row 3.*write it as 2024-12-31"),
    "a day that there is not": (dated("2024-01-31", "2024-02-30"), {}, "'d' holds '2024-02-30' in row 2.*write it as 2024-12-31"),
    "day or month first": (dated("03/04/2024", "05/06/2024"), {}, "'d' holds dates such as '03/04/2024'.*write them as 2024-12-31"),
    "owners with other columns": (*several(csv(), csv(header="a,c,y")), "neuron 'two' has other columns.*'b', 'c'.*data.columns.*data.key"),
    "owners who spell otherwise": (
        *several(csv(), csv().replace(",a\n", ",0\n").replace(",b\n", ",1\n")), "'one' has the classes 'a', 'b' and.*'0', '1'.*data.spellings"),
    "the same key twice": (
        *several(csv(), csv(header="a,c,y"), key="a"), "one.csv: the key 'a' is '0.5' once more in row 8: leave one out"),
    "no key": (*several(csv(header="k,b,y", rows=[(str(i), b, y) for i, (_, b, y) in enumerate(ROWS)]), csv(header="a,c,y"), key="k"),
               "two.csv has no column 'k': it has a, c, y"),
    "no key in a row": (
        *several(csv({(5, 0): ""}, "k,b,y", [(str(i), b, y) for i, (_, b, y) in enumerate(ROWS)]), csv(), key="k"),
        "one.csv: the key 'k' is empty in row 5: fill it in"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_a_malformed_file_is_one_line(tmp_path, what):
    content, data, said = FILES[what]
    files = content if isinstance(content, dict) else {"t.csv": content}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    own = isinstance(content, dict)
    raw = {
        "data": {**({} if own else {"file": "t.csv"}), "target": "y", **data},
        "neuron": [{"name": name, **({"file": f"{name}.csv"} if own else {})} for name in ("one", "two")],
        "auditor": [{"name": "eye"}],
    }
    with pytest.raises(KlopfError, match=said) as caught:
        share_out(parse_settings(raw, "a test", tmp_path))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 320


def test_there_are_sixty():
    assert len(FILES) >= 60
