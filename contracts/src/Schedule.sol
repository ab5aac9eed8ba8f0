// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Compute rewards per cycle of 24 hours (L3), in closed form. Rewards are whole units of 1e-18 KLP.
///
///         Before the milestone of 1,000,000 units of effort, a cycle's reward is that of the highest threshold that
///         the network's effort has crossed. From the milestone on, it is floor(first / 2**k) in the k-th period of
///         1095 cycles (three years), where first = floor(left / 2190) and left is what the reserve holds at the
///         milestone: since 1095 * (first + first/2 + ...) < 2190 * first <= left, the sum never exceeds the reserve.
library Schedule {
    uint256 internal constant PERIOD = 1095;
    uint256 internal constant MILESTONE = 1_000_000e18; // effort, 18 decimals
    uint256 internal constant STEPS = 8;

    /// @notice The effort that each step begins at, 18 decimals; the milestone ends the last.
    function thresholds() internal pure returns (uint256[STEPS] memory) {
        return [uint256(0), 10e18, 100e18, 1_000e18, 10_000e18, 50_000e18, 100_000e18, 500_000e18];
    }

    /// @notice Reward of one cycle before the milestone.
    function rewards() internal pure returns (uint256[STEPS] memory) {
        return [uint256(100_000e18), 125_000e18, 150_000e18, 175_000e18, 200_000e18, 250_000e18, 300_000e18, 350_000e18];
    }

    /// @notice Reward of a cycle whose network effort was `effort`, before the milestone.
    function beforeMilestone(uint256 effort) internal pure returns (uint256 reward) {
        uint256[STEPS] memory from = thresholds();
        uint256[STEPS] memory amount = rewards();
        for (uint256 i = 0; i < STEPS; i++) {
            if (effort >= from[i]) reward = amount[i];
        }
    }

    /// @notice Reward of the first cycle after the milestone, given what the reserve holds then; rounds down.
    function firstDown(uint256 left) internal pure returns (uint256) {
        return left / (2 * PERIOD);
    }

    /// @notice Reward of cycle `n` (from 0) after the milestone; rounds down.
    function afterMilestoneDown(uint256 first, uint256 n) internal pure returns (uint256) {
        uint256 k = n / PERIOD;
        return k > 255 ? 0 : first >> k;
    }

    /// @notice Sum of the rewards of the first `n` cycles after the milestone, without a loop over cycles or periods.
    ///         sum_{k < p} floor(x / 2**k) = 2x - ones(x) - (2y - ones(y)) with y = floor(x / 2**p).
    function sumAfterMilestone(uint256 first, uint256 n) internal pure returns (uint256) {
        uint256 p = n / PERIOD;
        uint256 y = p > 255 ? 0 : first >> p;
        return PERIOD * (2 * first - ones(first) - (2 * y - ones(y))) + (n % PERIOD) * y;
    }

    /// @notice How many bits of `x` are set.
    function ones(uint256 x) internal pure returns (uint256 n) {
        while (x != 0) {
            x &= x - 1;
            n++;
        }
    }
}
