"""One reader of tables: what files tell is found out, what they do not tell is a setting, what is wrong is named."""

import numpy as np
import pytest

from klopf import tables
from klopf.errors import TableError
from klopf.tables import Format


def write(tmp_path, text, encoding="utf-8", name="t.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


PLAIN = "a,b,kind\n1,2.5,red\n3,4,blue\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN, "utf-8"),
        (PLAIN, "utf-8-sig"),
        (PLAIN, "utf-16"),
        (PLAIN, "utf-16-le"),
        (PLAIN, "utf-16-be"),
        (PLAIN.replace("\n", "\r\n"), "utf-8"),
        (PLAIN.replace("\n", "\n\n") + "\n", "utf-8"),
        (PLAIN.replace(",", " , "), "utf-8"),
        (PLAIN.replace(",", ";"), "utf-8"),
        (PLAIN.replace(",", "\t"), "utf-8"),
        (PLAIN.replace(",", "|"), "utf-8"),
        (PLAIN.replace(",", ";").replace(".", ","), "utf-8"),
        (PLAIN.replace(",", ";").replace(".", ","), "utf-16"),
        ('"a","b","kind"\n"1","2.5","red"\n"3","4","blue"\n', "utf-8"),
    ],
)
def test_a_file_says_how_it_is_written(tmp_path, text, encoding):
    table = tables.read(write(tmp_path, text, encoding))
    assert table.names == ("a", "b", "kind") and len(table) == 2
    assert table.inputs("kind").tolist() == [[1, 2.5], [3, 4]]
    codes, names = table.classes("kind")
    assert (codes.tolist(), names) == ([1, 0], ("blue", "red"))


def test_what_a_file_does_not_say_is_a_setting(tmp_path):
    latin = write(tmp_path, "länge,art\n1,weiß\n2,grün\n", "latin-1")
    with pytest.raises(TableError, match=r"not UTF-8 text \(line 1\): save it as UTF-8, or say which encoding"):
        tables.read(latin)
    assert tables.read(latin, Format(encoding="latin-1")).classes("art")[1] == ("grün", "weiß")
    far = write(tmp_path, "a,b\n" + "1,2\n" * 30_000 + "3,ß\n", "latin-1")
    with pytest.raises(TableError, match=r"line 30002"):
        tables.read(far)
    late = write(tmp_path, "a;b\n" + "1;2\n" * 60 + "1,5;3\n")
    with pytest.raises(TableError, match="holds '1,5' in row 61 where a number is needed"):
        tables.read(late).numbers("a")
    assert tables.read(late, Format(decimal=",")).numbers("a")[-1] == 1.5
    odd = write(tmp_path, "a:b\n1:2\n")
    assert tables.read(odd, Format(delimiter=":")).names == ("a", "b")
    for wrong in ({"delimiter": ";;"}, {"decimal": "'"}, {"encoding": "klingon"}, {"decimal": ",", "delimiter": ","}):
        with pytest.raises(TableError):
            Format(**wrong)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a,b\n1,2\n3,\n", "column 'b' is empty in row 2: fill it in"),
        ("a,b\n1,2\n3, \n", "column 'b' is empty in row 2"),
        ("a,b\n1,2\n3,many\n", "column 'b' holds 'many' in row 2 where a number is needed: write one"),
        ("a;b\n1,5;2,5\n3;many\n", "column 'b' holds 'many' in row 2"),
        ("a,b\n1,2\n3,1_000\n", "column 'b' holds '1_000' in row 2 where a number is needed"),
        ("a;b\n1,5;1_0,5\n", "column 'b' holds '1_0,5' in row 1"),
        ("a,b\n1,nan\n", "column 'b' holds nan in row 1, NaN, infinite or too large"),
        ("a,b\n1,1e60\n", "too large"),
        ("a,b\n1,2\n3\n", "row 2 has 1 value and the header 2: mend that row"),
        ("a,b\n1,2,3\n", "row 1 has 3 values and the header 2"),
        ("a,a\n1,2\n", "two columns called 'a'"),
        (",a,b\n1,2,3\n", "column 1 has no name"),
        ("a,b\n", "a header and no rows"),
        ("", "is empty: give a header and a row for each sample"),
        ('a,b\n"1,2\n', "cannot be read as CSV"),
        (b"PK\x03\x04 and so on", "a spreadsheet or an archive: save it as CSV"),
        (b"\x7fELF\x00\x00\x01\x00\x00\x00", "not text"),
        (b"PAR1" + bytes(30) + b"PAR1", "cannot be read as Parquet"),
        (b"PAR1 and no end", "cannot be read as Parquet: it does not begin and end"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, content, line):
    with pytest.raises(TableError, match=line) as caught:
        table = tables.read(write(tmp_path, content))
        for name in table.names:
            table.numbers(name)
    assert "\n" not in str(caught.value) and "t.csv" in str(caught.value)


def test_no_file_no_column_no_inputs(tmp_path):
    with pytest.raises(TableError, match="there is no file"):
        tables.read(tmp_path / "none.csv")
    with pytest.raises(TableError, match="a folder"):
        tables.read(tmp_path)
    table = tables.read(write(tmp_path, "a\n1\n2\n"))
    with pytest.raises(TableError, match="no column 'b': it has a"):
        table.numbers("b")
    with pytest.raises(TableError, match="nothing to learn from"):
        table.inputs("a")


def test_classes_are_numbers_in_their_order_or_text_in_its_own(tmp_path):
    table = tables.read(write(tmp_path, "n,f,t,gap\n10,0.5,b,x\n9,1,10,\n10,0.5,9,x\n"))
    assert table.classes("n") == (pytest.approx(np.array([1, 0, 1])), ("9", "10"))
    assert table.classes("f")[1] == ("0.5", "1")
    assert table.classes("t")[1] == ("10", "9", "b")
    assert table.text_among_numbers("t") == (1, "b") and table.text_among_numbers("n") is None
    assert table.gap("gap") == 2 and table.gap("n") == 0
    with pytest.raises(TableError, match="the target 'gap' is empty in row 2"):
        table.classes("gap")
    large = tables.read(write(tmp_path, "a,id\n1,9007199254740993\n2,9007199254740994\n"))
    with pytest.raises(TableError, match="write its classes as text"):
        large.classes("id")


def test_text_far_down_leaves_what_stands_above_it_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_PIECE", 3)
    table = tables.read(write(tmp_path, "a,t\n" + "1.50,007\n" * 7 + "2,x\n" + "3,\n"))
    assert table.columns["t"] == ["007"] * 7 + ["x", None]
    assert table.numbers("a").tolist() == [1.5] * 7 + [2, 3]


def test_what_only_python_reads_as_a_number_is_text(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_PIECE", 3)
    table = tables.read(write(tmp_path, "a,id\n" + "1,12\n" * 4 + "?,1_2\n"))
    assert table.classes("id")[1] == ("12", "1_2") and table.text_among_numbers("id") == (5, "1_2")
    assert np.isnan(table.amounts("a")[4])
    with pytest.raises(TableError, match="holds '1_2' in row 5 where a number is needed"):
        table.amounts("id")
    assert [tables.number(one) for one in (" 2.5 ", "-1e3", "7")] == [2.5, -1000, 7]
    for cell in ("1_000", "1_0.5", "_1", "a", ""):
        with pytest.raises(ValueError):
            tables.number(cell)


def test_parquet(tmp_path):
    import arro3.core
    import arro3.io

    table = arro3.core.Table.from_pydict({
        "x": arro3.core.Array([1.0, None, 3.0], arro3.core.DataType.float64()),
        "y": arro3.core.Array([1, 0, 1], arro3.core.DataType.int64()),
        "t": arro3.core.Array(["b", "a", "b"], arro3.core.DataType.utf8()),
        "yes": arro3.core.Array([True, False, True], arro3.core.DataType.bool()),
    })  # fmt: skip
    arro3.io.write_parquet(table, str(tmp_path / "f.parquet"))
    read = tables.read(tmp_path / "f.parquet")
    assert read.names == ("x", "y", "t", "yes")
    assert read.classes("y")[1] == ("0", "1") and read.classes("t")[1] == ("a", "b")
    assert read.numbers("yes").tolist() == [1, 0, 1]
    with pytest.raises(TableError, match="column 'x' is empty in row 2"):
        read.numbers("x")


def test_a_file_in_utf_8_is_read_as_that_whatever_is_said_of_others(tmp_path):
    """Read as latin-1, Köln would be another town than it is in the files that are latin-1."""
    for encoding in ("utf-8", "latin-1"):
        table = tables.read(write(tmp_path, "town,n\nKöln,1\nBonn,2\n", encoding), Format(encoding="latin-1"))
        assert table.classes("town")[1] == ("Bonn", "Köln")
