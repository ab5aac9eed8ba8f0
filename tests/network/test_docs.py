"""The page about networks says what is there, and its examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/network.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_run(number):
    done = subprocess.run([sys.executable, "-c", EXAMPLES[number]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_can_be_said_about_data_is_named():
    from klopf.network._settings import DataSettings

    for name in ("task", "unit", "delimiter", "decimal", "encoding"):
        assert f"`{name}" in PAGE and name in DataSettings.model_fields
