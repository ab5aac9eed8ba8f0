"""One episode of a saved agent as a film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from klopf.errors import MindError
from klopf.extras import require
from klopf.mind.rl._many import seed_file
from klopf.mind.rl._run import load

__all__ = ["film"]


def film(
    folder: str | Path, seed: int, out: str | Path, steps: int = 1000, every: int = 2, height: int = 240
) -> tuple[float, int]:
    """Let the saved agent live one more episode and write what is seen to ``out`` (GIF or MP4).

    The agent goes on learning during the film; nothing of that is saved. Returns the episode's return and length.

    Raises:
        MindError: there is no such agent, or its environment cannot be pictured, or ``out`` cannot be written.
    """
    out = Path(out)
    if out.suffix not in (".gif", ".mp4"):
        raise MindError(f"{out} is neither a .gif nor a .mp4")
    folder = Path(folder)
    if not seed_file(folder, seed).exists():
        others = sorted(folder.glob("seed-*.life"))
        kept = f"; it has {', '.join(file.stem for file in others)}" if others else " (`klopf learn --save` keeps some)"
        raise MindError(f"there is no saved life of seed {seed} in {folder}{kept}")
    if steps < 1 or every < 1 or height < 1:
        raise MindError("--steps, --every and --height must be at least 1")
    if not out.absolute().parent.is_dir():
        raise MindError(f"there is no folder {out.parent} to write the film to")
    require("rl", "a film")
    from imageio import v2 as imageio

    from klopf.mind.rl._gymnasium import make

    life, _, _ = load(seed_file(folder, seed))
    agent, task = life.agent, life.task
    if agent.settings.algorithm == "td":
        raise MindError(f"{task.agent} predicts and does not act: there is no episode of its own to show")
    world = make(task.environment, task.change, render=True)
    pictures: list[Any] = []
    try:
        if task.change is not None:
            world.env.lived = life.steps  # the world as it is where the agent stopped
        if agent.observations != world.observations:
            world.tile()
        total, length = 0.0, 0
        action = agent.begin(world.reset(task.seed + 1_000_000))
        while length < steps:
            if length % every == 0:
                pictures.append(_picture(world, height))
            seen, reward, terminated, truncated = world.step(action)
            action = agent.step(seen, reward, terminated, truncated)
            total += float(reward)
            length += 1
            if terminated or truncated:
                break
        pictures.append(_picture(world, height))
        rate = float(world.env.metadata.get("render_fps") or 30) / every
    finally:
        world.close()
    try:
        if out.suffix == ".gif":
            imageio.mimsave(out, pictures, duration=1000 / min(rate, 50), loop=0)
        else:
            imageio.mimsave(out, pictures, fps=rate)
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        if "backend" in why:
            why = "imageio-ffmpeg is not installed; install it, or ask for a .gif"
        raise MindError(f"cannot write {out}: {why}") from error
    return total, length


def _picture(world: Any, height: int) -> Any:
    try:
        picture = world.render()
    except Exception as error:
        raise MindError(
            f"{world.name} cannot be pictured here: {' '.join(str(error).split())[:200]}; "
            "MuJoCo needs MUJOCO_GL=egl or osmesa and its library, classic control needs pygame"
        ) from error
    if picture is None:
        raise MindError(f"{world.name} has no pictures to show")
    by = -(-picture.shape[0] // height)
    return picture[::by, ::by]
