"""``klopf picture``: who is heard, as a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.command import Command
from klopf.errors import PeersError

if TYPE_CHECKING:
    from klopf.network import Summary

__all__ = ["Picture"]

STYLE = (
    "svg{--ink:#1c2230;--paper:#fbfaf7;--faint:#8a8f9c;--accent:#1f5fa8;--warn:#b3261e;background:#fbfaf7}"
    "text{fill:#1c2230;font:13px system-ui,sans-serif}"
)


class Picture(Command):
    help = "Draw the network of a run as it stands: who listens to whom, as an SVG or PNG file."
    extra = "network"

    def run(self, folder: Path, *, out: Annotated[Path, Parameter(name=["--out", "-o"])]) -> None:
        """The picture of the run's report. A PNG file takes the extra `plot`.

        Example: klopf picture RUN -o network.svg

        Parameters
        ----------
        folder
            A run folder.
        out
            The file, which ends in .svg or .png.
        """
        from klopf import files
        from klopf.network import read_run, summarise

        if out.suffix not in (".svg", ".png"):
            raise PeersError(f"--out {out}: name a file that ends in .svg or .png")
        summary = summarise(read_run(folder), None, 0.0, [])
        if out.suffix == ".svg":
            files.replace(out, _svg(summary))
        else:
            files.replace(out, [_png(summary)])


def _svg(summary: Summary) -> str:
    from klopf.network import PANELS

    panel = PANELS.load("network")()
    drawn: str = panel.html(panel.data(summary))
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{STYLE}</style>", 1
    )


def _png(summary: Summary) -> bytes:
    """The same places and sizes, drawn by matplotlib."""
    from klopf.extras import require
    from klopf.network import PANELS
    from klopf.network._panels import picture as drawn

    require("plot", "a PNG picture")
    from matplotlib.colors import hsv_to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    data = PANELS.load("network")().data(summary)
    few = len(data["neurons"]) <= drawn.FEW
    place, radius = drawn.places(data["neurons"])
    figure = Figure((drawn.WIDTH / 72, drawn.HEIGHT / 72), dpi=160, facecolor="#fbfaf7")
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, drawn.WIDTH), ylim=(drawn.HEIGHT, 0), aspect="equal")
    axes.axis("off")
    for link in drawn.strongest(data["links"]):
        if link["weight"] < drawn.LEAST or link["speaker"] not in place or link["listener"] not in place:
            continue
        arrow = {"arrowstyle": "-|>", "color": "#8a8f9c", "alpha": 0.55, "lw": 0.5 + 4 * link["weight"],
                 "shrinkA": radius[link["listener"]], "shrinkB": radius[link["speaker"]] + 4,
                 "connectionstyle": "arc3,rad=0.08"}  # fmt: skip
        axes.annotate("", place[link["speaker"]], place[link["listener"]], arrowprops=arrow)
    for row in data["neurons"]:
        at, r = place[row["name"]], radius[row["name"]]
        part = (row["rank"] - 1) / max(1, len(data["neurons"]) - 1)
        dash = {"backbone": "-", "fringe": "--"}.get(row["standing"], ":")
        axes.add_patch(Circle(at, r + (4 if few else 2.5), fill=False, ls=dash, ec="#1c2230", lw=1.5))
        axes.add_patch(Circle(at, r, fc=hsv_to_rgb((212 / 360, 0.6 - 0.4 * part, 0.3 + 0.65 * part)), ec="none"))
        if r > 10:
            ink = "white" if part < 0.5 else "#111111"
            axes.text(*at, str(row["rank"]), color=ink, ha="center", va="center", weight="bold", parse_math=False)
        if row["standing"] == "silent":
            axes.plot((at[0] - r, at[0] + r), (at[1] - r, at[1] + r), color="#b3261e", lw=2)
        if few:
            axes.text(at[0], at[1] + r + 14, row["name"], ha="center", fontsize=9, parse_math=False)
    for down, line in enumerate([] if few else drawn.first(data["neurons"])):
        axes.text(drawn.LIST, 40 + 24 * down, line, fontsize=9, color="#1c2230", parse_math=False)
    drawing = io.BytesIO()
    figure.savefig(drawing, format="png")
    return drawing.getvalue()
