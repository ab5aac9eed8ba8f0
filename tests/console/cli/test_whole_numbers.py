"""A fraction where a command wants a whole number is refused: Cyclopts by itself would round it."""

from __future__ import annotations

import pytest

from klopf.console import main


@pytest.mark.parametrize(
    "command",
    [
        "run x --epochs 1.5",
        "bench regression --seeds 2.5",
        "chain serve x --port 7000.5",
        "relay --first-port 7.9",
        "keys restore x --index 0.4",
        "ledger stake 1.5 3",
        "ask a b --most 8.0",
        "learn HalfCheetah-v5 --steps 1.5",
    ],
)
def test_one_line_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is no whole number" in line
    assert "--help" in line
