"""The documentation site: the pages of this folder, and the library's docstrings. `make docs` builds it.

Sphinx, because the docstrings are written in its markup, because it is kept, and because what it makes can be read from
a folder, search included, with nothing loaded from anywhere.
"""

import re
from pathlib import Path

from klopf import __version__

project = "Klopf"
author = copyright = "the Klopf contributors"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # one class is shown by two rooms

html_theme = "furo"
html_title = "Klopf"
html_show_sphinx = False


def setup(app):
    app.connect("source-read", front_page)


def front_page(app, page, text):
    """The README is the front page; its links are those of a file one folder higher."""
    if page == "index":
        readme = (Path(app.srcdir).parent / "README.md").read_text()
        text[0] = re.sub(r"\]\((?!https?:|#|docs/)", "](../", readme).replace("](docs/", "](") + text[0]
