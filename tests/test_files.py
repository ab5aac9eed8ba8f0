"""Files that are whole or not there."""

import os
import stat

import numpy as np
import pytest

from klopf import files


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path):
    place = tmp_path / "state"
    files.replace(place, "one")
    place.chmod(0o640)
    files.replace(place, b"two")
    assert place.read_text() == "two"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["state"]


def test_a_secret_is_its_owners_alone_from_the_first_byte(tmp_path):
    files.replace(tmp_path / "key", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (tmp_path / "key").chmod(0o644)
    files.replace(tmp_path / "key", b"other", private=True)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_what_cannot_be_written_leaves_the_old_and_no_draft(tmp_path):
    place = tmp_path / "state"
    files.replace(place, "old")

    def pieces():
        yield b"half of it"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        files.replace(place, pieces())
    assert place.read_text() == "old"
    assert os.listdir(tmp_path) == ["state"]


def test_what_is_created_overwrites_nothing(tmp_path):
    files.create(tmp_path / "key", "first", private=True)
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "key", "second")
    assert (tmp_path / "key").read_text() == "first"
    assert os.listdir(tmp_path) == ["key"]


def test_lines_are_added_at_the_end(tmp_path):
    files.append_line(tmp_path / "log", "one")
    files.append_line(tmp_path / "log", "two")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


@pytest.mark.parametrize("torn", ["t", '{"half": ', "t" * 10_000])
@pytest.mark.parametrize("before", ["", "one\n"])
def test_a_torn_last_line_is_taken_off_before_another_is_added(tmp_path, before, torn):
    (tmp_path / "log").write_text(before + torn)
    files.append_line(tmp_path / "log", "two")
    assert (tmp_path / "log").read_text() == before + "two\n"


def test_damaged_lines_are_passed_over_and_told(tmp_path):
    assert files.json_lines(tmp_path / "none") == []
    (tmp_path / "log").write_bytes(b'{"a": 1}\n{"a":{"a": 2}\n\xff\n[1]\n' + b"[" * 9000 + b'\n\n{"a": 3}\n{"a": 4}')
    told = []
    assert files.json_lines(tmp_path / "log", told.append) == [{"a": 1}, {"a": 3}]
    assert [line.partition("log: ")[2].split()[1] for line in told] == ["2", "3", "4", "5"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    place = tmp_path / "model"
    with files.replaced_folder(place) as draft:
        (draft / "weights").write_text("1")
    with pytest.raises(RuntimeError), files.replaced_folder(place) as draft:
        (draft / "weights").write_text("half")
        raise RuntimeError("killed")
    assert (place / "weights").read_text() == "1"
    with files.replaced_folder(place) as draft:
        (draft / "other").write_text("2")
    assert os.listdir(place) == ["other"]
    assert os.listdir(tmp_path) == ["model"]


def test_arrays_come_back_and_whatever_is_damaged_is_one_kind_of_error(tmp_path):
    place, made = tmp_path / "some.npz", {"a": np.arange(2000.0), "b": np.array(["x"])}
    np.savez_compressed(place, **made)
    found = files.arrays(place)
    assert sorted(found) == ["a", "b"] and (found["a"] == made["a"]).all()
    whole = place.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for damaged in (b"", whole[:40], whole[:-30], b"no archive", flipped):
        place.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"(\w+: |it is no .npz file)"):
            files.arrays(place)
    np.savez(place, a=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        files.arrays(place)
    place.unlink()
    with pytest.raises(OSError, match="No such file"):
        files.arrays(place)
