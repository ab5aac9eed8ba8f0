"""What a thing sends again is known, after restarts and torn writes too, and the file stays small."""

import errno
import os

import pytest

from klopf.fleet.device import _heard
from klopf.fleet.device._heard import Heard

HEADER = ["time", "home", "load"]
ROWS = [["8:00", "a", "1"], ["8:01", "a", "2"], ["8:01", "b", "1"]]


def test_what_was_heard_is_known_by_the_columns_that_count(tmp_path):
    heard = Heard(tmp_path / "h", HEADER, ())
    assert heard.new([*ROWS, ROWS[0]]) == ROWS
    heard.note(ROWS)
    assert heard.new([*ROWS, ["8:02", "a", "2"]]) == [["8:02", "a", "2"]]
    again = Heard(tmp_path / "h", HEADER, ())
    assert again.new(ROWS) == []
    by = Heard(tmp_path / "other", HEADER, ("load",))
    assert by.new(ROWS) == ROWS[:2]  # the first of those alike
    by.note(ROWS[:2])
    assert by.new(ROWS) == []
    assert Heard(tmp_path / "none", HEADER, None).new([*ROWS, *ROWS]) == [*ROWS, *ROWS]
    assert not (tmp_path / "none").exists()


def test_cells_do_not_run_into_each_other(tmp_path):
    heard = Heard(tmp_path / "h", HEADER, ())
    heard.note([["a", "bc", "d"]])
    assert heard.new([["ab", "c", "d"]]) == [["ab", "c", "d"]]


def test_the_records_are_not_in_the_file(tmp_path):
    for name in "gh":
        Heard(tmp_path / name, HEADER, ()).note(ROWS)
    assert (tmp_path / "g").read_bytes()[16:] != (tmp_path / "h").read_bytes()[16:]
    assert (tmp_path / "h").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("cut", [1, 8, 12, 16, 30])
def test_a_torn_file_forgets_its_end_alone(tmp_path, cut):
    Heard(tmp_path / "h", HEADER, ()).note(ROWS)
    whole = (tmp_path / "h").read_bytes()
    (tmp_path / "h").write_bytes(whole[:-cut])
    lost = min(3, -(-cut // 8))
    assert Heard(tmp_path / "h", HEADER, ()).new(ROWS) == ROWS[3 - lost :]


def test_it_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(_heard, "_MOST", 100)
    heard = Heard(tmp_path / "h", HEADER, ())
    rows = [["8:00", "a", str(i)] for i in range(1000)]
    for row in rows:
        heard.note([row])
    assert (tmp_path / "h").stat().st_size <= 16 + 8 * 201
    assert heard.new(rows[-100:]) == [] == Heard(tmp_path / "h", HEADER, ()).new(rows[-100:])
    assert heard.new(rows[:1]) == rows[:1]


def test_without_room_it_is_known_and_written_later(tmp_path, monkeypatch):
    heard = Heard(tmp_path / "h", HEADER, ())

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as at:
        at.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            heard.note(ROWS)
    assert heard.new(ROWS) == []
    heard.note([])
    assert Heard(tmp_path / "h", HEADER, ()).new(ROWS) == []
