"""The documentation site: the pages of this folder, and the library's docstrings. `make docs` builds it.

Sphinx, because the docstrings are written in its markup, because it is kept, and because what it makes can be read from
a folder, search included, with nothing loaded from anywhere.
"""

import os
import re
from importlib import import_module
from pathlib import Path

from klopf import __version__

project = "Klopf"
author = copyright = "the Klopf contributors"
release = __version__

# Autodoc writes into the annotations of pydantic's BaseModel once it has described a class derived from it, and after
# that no other class can be derived: so all modules that derive one are loaded before.
for place in sorted((Path(__file__).parent.parent / "src").rglob("*.py")):
    if "(BaseModel)" in place.read_text():
        import_module(".".join(place.relative_to(Path(__file__).parent.parent / "src").with_suffix("").parts))

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # one class is shown by two rooms

html_theme = "furo"
html_title = "Klopf"
html_show_sphinx = False


ROOT = Path(__file__).parent.parent
ABOVE = {
    "index": "README.md",
    "contributing": "CONTRIBUTING.md",
    "examples": "examples/README.md",
    "plugin": "examples/plugin/README.md",
}
"""Pages that are files outside this folder."""


def setup(app):
    app.connect("source-read", read)
    app.connect("autodoc-skip-member", is_of_others)


def is_of_others(app, what, name, *_):
    """scikit-learn writes these methods into every estimator, with links into its own glossary."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def read(app, page, text):
    """A page from outside takes the place of the line that stands for it; its links lead where they led from there."""
    own = f"docs/{page}.md"
    source = ABOVE.get(page, own)
    if page in ABOVE:
        text[0] = (ROOT / source).read_text() + "\n" + re.sub(r"^See \[.*", "", text[0])
    pages = {place: f"docs/{name}.md" for name, place in ABOVE.items()}

    def lead(link):
        target = os.path.normpath(os.path.join(os.path.dirname(source), link[1]))
        return "](" + os.path.relpath(pages.get(target, target), os.path.dirname(own))

    text[0] = re.sub(r"\]\((?!https?:|#)([^)#\s]+)", lead, text[0])
