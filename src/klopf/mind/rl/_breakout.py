"""Breakout on a grid of 10 x 10, in MinAtar's form (Young and Tian 2019, arXiv 1903.03176), written from its
description.

Four channels: paddle, ball, the ball's last place, bricks. Three rows of bricks; a brick pays 1; the ball moves one
cell a step along a diagonal and bounces off walls, bricks and the paddle; when all bricks are gone and the ball is at
the bottom, three new rows come. The episode ends when the ball gets past the paddle. Three actions: stay, left, right.
With probability ``sticky`` (0.1) the last action is repeated instead of the one chosen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Breakout"]

SIZE = 10
PADDLE, BALL, TRAIL, BRICK = range(4)


class Breakout:
    """The game. ``state`` is everything it is: ball x, y, its direction (-1 or 1 each), paddle, last x, y, last
    action."""

    def __init__(self, sticky: float = 0.1) -> None:
        self.sticky = sticky
        self.state = np.zeros(8, np.int64)
        self.bricks = np.zeros((SIZE, SIZE), np.int64)

    def reset(self, rng: np.random.Generator) -> None:
        """A new game: the ball starts under the bricks at the left or the right wall, and falls."""
        left = rng.random() < 0.5
        x = 0 if left else SIZE - 1
        self.state[:] = (x, 3, 1 if left else -1, 1, SIZE // 2 - 1, x, 3, 0)
        self.bricks[:] = 0
        self.bricks[1:4] = 1

    def step(self, action: int, rng: np.random.Generator) -> tuple[float, bool]:
        """Play one step; returns the reward and whether the ball is lost."""
        if rng.random() < self.sticky:
            action = int(self.state[7])
        x, y, dx, dy, paddle, _, _, _ = (int(v) for v in self.state)
        if action == 1:
            paddle = max(0, paddle - 1)
        elif action == 2:
            paddle = min(SIZE - 1, paddle + 1)
        last = (x, y)
        reward, lost = 0.0, False
        if not 0 <= x + dx < SIZE:
            dx = -dx
        to_x, to_y = x + dx, y + dy
        if to_y < 0:
            to_y, dy = 0, 1
        elif self.bricks[to_y, to_x]:
            self.bricks[to_y, to_x] = 0
            reward = 1.0
            to_y, dy = y, -dy
        elif to_y == SIZE - 1:
            if not self.bricks.any():
                self.bricks[1:4] = 1
            if x == paddle:  # straight above it: bounces back up
                to_y, dy = y, -1
            elif to_x == paddle:  # caught at its corner: goes back the way it came
                to_y, dy, dx = y, -1, -dx
            else:
                lost = True
        self.state[:] = (to_x, to_y, dx, dy, paddle, *last, action)
        return reward, lost

    def picture(self) -> NDArray[np.float64]:
        """The four channels, shape ``(10, 10, 4)``, of zeros and ones."""
        x, y, _, _, paddle, last_x, last_y, _ = (int(v) for v in self.state)
        grid = np.zeros((SIZE, SIZE, 4))
        grid[SIZE - 1, paddle, PADDLE] = 1.0
        grid[y, x, BALL] = 1.0
        grid[last_y, last_x, TRAIL] = 1.0
        grid[:, :, BRICK] = self.bricks
        return grid

    def image(self, scale: int = 16) -> NDArray[np.uint8]:
        """For people: an image of ``10 * scale`` pixels square."""
        grid = self.picture().astype(bool)
        image = np.full((SIZE, SIZE, 3), 20, np.uint8)
        for channel, colour in ((BRICK, (180, 70, 60)), (TRAIL, (70, 70, 80)), (BALL, (240, 240, 240)),
                                (PADDLE, (80, 150, 240))):  # fmt: skip
            image[grid[:, :, channel]] = colour
        return image.repeat(scale, 0).repeat(scale, 1)
