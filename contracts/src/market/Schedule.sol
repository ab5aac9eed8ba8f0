// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Compute rewards per cycle of 24 hours (L3), in closed form. Rewards are whole units of 1e-18 KLP.
///
///         Before the milestone, a cycle's reward is that of the highest threshold that the network's effort has
///         crossed. From the milestone on, it is floor(first / 2**k) in the k-th period of `period` cycles, where
///         first = floor(left / (2 * period)) and left is what the reserve holds when the halving begins: since
///         period * (first + first/2 + ...) < 2 * period * first <= left, the sum never exceeds it. Where the owner
///         changes the period, the halving begins again, with a first reward from what is left then.
library Schedule {
    /// @notice Reward of a cycle that follows one of `effort`, before the milestone.
    function beforeMilestone(uint128[8] memory thresholds, uint128[8] memory rewards, uint256 effort)
        internal
        pure
        returns (uint256 reward)
    {
        for (uint256 i = 0; i < 8; i++) {
            if (effort >= thresholds[i]) reward = rewards[i];
        }
    }

    /// @notice Reward of the first cycle of a halving that begins with `left` in the reserve; rounds down.
    function firstDown(uint256 left, uint256 period) internal pure returns (uint256) {
        return left / (2 * period);
    }

    /// @notice Reward of cycle `n` (from 0) of a halving; rounds down.
    function halvedDown(uint256 first, uint256 period, uint256 n) internal pure returns (uint256) {
        uint256 k = n / period;
        return k > 255 ? 0 : first >> k;
    }

    /// @notice Sum of the rewards of the first `n` cycles of a halving, without a loop over cycles or periods.
    ///         sum_{k < p} floor(x / 2**k) = 2x - ones(x) - (2y - ones(y)) with y = floor(x / 2**p).
    function sumHalved(uint256 first, uint256 period, uint256 n) internal pure returns (uint256) {
        uint256 p = n / period;
        uint256 y = p > 255 ? 0 : first >> p;
        return period * (2 * first - ones(first) - (2 * y - ones(y))) + (n % period) * y;
    }

    /// @notice How many bits of `x` are set.
    function ones(uint256 x) internal pure returns (uint256 n) {
        while (x != 0) {
            x &= x - 1;
            n++;
        }
    }
}
