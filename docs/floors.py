"""Draws docs/floors.svg, the floors of the house, from the layers in pyproject.toml: python docs/floors.py

A test compares the picture with what this draws, so a new room is drawn or the test fails.
"""

import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAYS = {
    "checks": "does what was added keep its promises?",
    "console": "the command klopf: cli, web",
    "twin": "a world to try models in",
    "doors": "agents that pay: HTTP, MCP, A2A, x402",
    "network": "settings, preparing, supervising, summary",
    "audit": "tasks, auditors, scores",
    "fleet": "devices, nodes, demands",
    "dao": "opinion, reputation, pipelines",
    "proof": "zero knowledge",
    "peers": "models that learn whom to listen to",
    "wire": "asking and answering among strangers",
    "store": "records by their content",
    "ledger": "packs: clients, events, replay; keys, receipts",
    "mind": "units that learn a sample at a time; agents",
    "chain": "an EVM in one SQLite file",
    "neuron": "the rule that every scale shares",
    "extensions": "what packages outside add",
    "files": "whole or not there",
    "tables": "CSV and Parquet",
    "language": "five small agents",
    "extras": "what an extra brings",
    "nested": "how deep JSON may go",
    "errors": "one tree, one line each",
}
WIDTH, TALL, GAP, LEFT = 980, 64, 12, 20
COLOURS = ["#f2f4f7", "#dfe9f5", "#e3f1e6", "#fbeedb", "#f7e4e4", "#ece4f6", "#e2f2f2", "#eeeeee", "#f6f0d8"]


def floors() -> list[list[str]]:
    """The rooms of each floor that exist, from the top one down."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "floors")
    rows = [[room.strip(" ()") for room in layer.split("|")] for layer in layers]
    home = ROOT / "src/klopf"
    built = [[room for room in row if (home / room).is_dir() or (home / f"{room}.py").exists()] for row in rows]
    return [row for row in built if row]


def draw(rows: list[list[str]]) -> str:
    """The picture: a band for each floor, a box for each room; an import may only point down."""
    height = len(rows) * (TALL + GAP) + 2 * GAP + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" text-anchor="middle">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<path d="M{WIDTH - 26} {GAP} V{height - 40} m-6 -10 l6 10 l6 -10" fill="none" stroke="#667085" '
        'stroke-width="1.5"/>',
    ]
    inner = WIDTH - LEFT - 52
    for i, row in enumerate(rows):
        y = GAP + i * (TALL + GAP)
        wide = (inner - GAP * (len(row) - 1)) / len(row)
        for j, room in enumerate(row):
            x = LEFT + j * (wide + GAP)
            middle = x + wide / 2
            parts += [
                f'<rect x="{x:.0f}" y="{y}" width="{wide:.0f}" height="{TALL}" rx="6" fill="{COLOURS[i % 9]}" '
                'stroke="#98a2b3"/>',
                f'<text x="{middle:.0f}" y="{y + 27}" font-size="17" font-weight="600" fill="#101828">{room}</text>',
                f'<text x="{middle:.0f}" y="{y + 48}" font-size="13" fill="#475467">{escape(SAYS[room])}</text>',
            ]
    parts.append(
        f'<text x="{WIDTH / 2:.0f}" y="{height - 14}" font-size="13" fill="#475467">A room imports only from floors '
        "below its own; rooms on one floor do not know each other.</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs/floors.svg").write_text(draw(floors()))
