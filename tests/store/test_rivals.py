"""Another implementation (IPFS in JavaScript) reads our archives, hashes our blocks and comes to our identifiers."""

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.store.conftest import records

pytestmark = pytest.mark.extras
HOME = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def rivals():
    """Runs ``rivals.mjs``, and gives what it says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no Node.js here")
    if not (HOME / "node_modules/ipfs-unixfs-importer").is_dir():
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False, timeout=150)
        if done.returncode:
            pytest.skip("npm could not bring the other implementation")

    def run(*words):
        done = subprocess.run(
            [node, "rivals.mjs", *map(str, words)], cwd=HOME, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def hashes(folder):
    return {
        file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("profile", ["unixfs-v1-2025", "unixfs-v0-2015"])
def test_a_folder_has_the_same_identifier_and_comes_out_whole(rivals, place, tmp_path, profile):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    for name, size in (("empty", 0), ("small", 11), ("deep/large", (5 << 20) + 7), ("größe", 1 << 18), ("Z", 3)):
        (source / name).write_bytes(os.urandom(size))
    added = place.add_as_it_is(source, profile)
    place.export(added.root, tmp_path / "a.car")
    said = rivals(tmp_path / "a.car", source, profile)
    assert said["imported"] == said["root"] == str(added.root) and said["damaged"] == 0
    assert said["files"] == hashes(source)


def test_a_folder_in_shards(rivals, place, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for i in range(2_000):  # names so long that one block would not hold them
        (source / f"{i} {'long ' * 20}").write_bytes(b"%d" % (i % 50))
    added = place.add_as_it_is(source)
    place.export(added.root, tmp_path / "a.car")
    said = rivals(tmp_path / "a.car", source, "unixfs-v1-2025")
    assert said["imported"] == said["root"] == str(added.root)
    assert said["files"] == hashes(source)
    place.get(added.root, tmp_path / "out")
    assert hashes(tmp_path / "out") == hashes(source)


def test_slices_of_records_are_a_file_for_others(rivals, place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(20_000))
    added = place.add(tmp_path / "many.csv", policy)
    place.export(added.root, tmp_path / "a.car")
    place.get(added.root, tmp_path / "out.zst", packed=True)
    said = rivals(tmp_path / "a.car")
    assert said["damaged"] == 0 and said["count"] > 5
    assert said["files"] == {"": sha256((tmp_path / "out.zst").read_bytes()).hexdigest()}
