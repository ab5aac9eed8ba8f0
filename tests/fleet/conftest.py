"""A device's folder that users other than root may enter: pytest's own is root's alone."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="klopf-device-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
