"""The page of the fleet is right: its example prints what it says."""

import contextlib
import io
import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/fleet.md").read_text()


def test_its_examples_print_what_the_page_says():
    names: dict[str, object] = {"__name__": "__main__"}
    examples = [one for one in re.findall(r"^```python\n(.*?)^```\n(?:\nprints `(.*?)`)?", PAGE, re.S | re.M) if one[1]]
    assert len(examples) == 2
    for example, printed in examples:  # the second goes on from the first
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(example, "docs/fleet.md", "exec"), names)
        assert out.getvalue().strip() == printed
