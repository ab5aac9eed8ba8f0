"""Give a browser a link that nobody else learns: what a program is started with, all users of a machine can see."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import webbrowser
from html import escape
from pathlib import Path

from klopf import files

__all__ = ["open_browser"]

SECONDS = 120.0
"""That the file is there: a browser that is not running yet takes its time."""


def open_browser(link: str) -> None:
    """Open ``link`` in the browser, where there is one: by a file of this user's own that leads there, and goes soon.
    Where that cannot be, nothing happens: the link was printed."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"):
        return
    with contextlib.suppress(OSError, webbrowser.Error):
        folder = Path(tempfile.mkdtemp(prefix="klopf-page-"))  # nobody else may look into it
        going = threading.Timer(SECONDS, shutil.rmtree, (folder,), {"ignore_errors": True})
        going.daemon = True
        going.start()
        files.create(folder / "open.html", _leading_to(link), private=True)
        webbrowser.open((folder / "open.html").as_uri())


def _leading_to(link: str) -> str:
    return (
        '<!doctype html><meta charset="utf-8"><title>Klopf</title><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={escape(link)}"><a href="{escape(link)}">Klopf</a>'
    )
