"""The example of the store's page runs, and prints what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/store.md"


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    code, says = re.search(r"```python\n(.*?)```\n\nprints `(.*?)`", PAGE.read_text(), re.S).groups()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out.strip() == says
