"""A browser is given the link by a way that other users of the machine cannot see."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

LINK = "http://127.0.0.1:1/?token=A-SECRET&x=<b>"
OPEN = f"from klopf.console.web._opening import open_browser; open_browser({LINK!r})"


def opened(tmp_path: Path, display: str) -> str:
    """What the browser was started with."""
    told = tmp_path / "told"
    browser = f"{shlex.quote(sys.executable)} -c \"import sys; open('{told}', 'w').write(sys.argv[1])\" %s"
    environment = os.environ | {"BROWSER": browser, "DISPLAY": display, "WAYLAND_DISPLAY": "", "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", OPEN], env=environment, check=True, timeout=60)
    return told.read_text() if told.exists() else ""


@pytest.mark.skipif(os.name == "nt", reason="the browser is chosen otherwise there")
def test_the_token_is_no_argument_of_the_browsers(tmp_path: Path):
    told = opened(tmp_path, ":7")
    assert told.startswith("file://") and "SECRET" not in told
    file = Path(unquote(urlparse(told).path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    said = file.read_text()
    assert "0;url=http://127.0.0.1:1/?token=A-SECRET&amp;x=&lt;b&gt;" in said and "<b>" not in said


@pytest.mark.skipif(os.name == "nt", reason="there is always a screen there")
def test_nothing_is_opened_where_there_is_no_screen(tmp_path: Path):
    assert opened(tmp_path, "") == "" and not list(tmp_path.iterdir())
