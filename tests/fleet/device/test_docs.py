"""The page of devices says what is so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_pages_examples_print_what_it_says(capsys):
    page = (ROOT / "docs/devices.md").read_text()
    examples = re.findall(r"```python\n(.*?)```\n\nprints `(.*?)`", page, re.S)
    assert len(examples) == 2
    for code, said in examples:
        exec(compile(code, "example", "exec"), {})
        assert capsys.readouterr().out.strip() == said
