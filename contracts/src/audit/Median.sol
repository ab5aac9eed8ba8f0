// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What auditors say together, and who is far from it.
library Median {
    /// @notice No interval counts for wider than this, in 1/10,000: doubt is no licence.
    uint256 internal constant WIDEST = 2_000;

    /// @notice The least value such that values up to it hold at least half of all weight; where they hold exactly half,
    ///         the middle between it and the next, rounded down. At most 16 values.
    function medianDown(uint16[] memory values, uint256[] memory weights) internal pure returns (uint16 median) {
        uint256 total = 0;
        for (uint256 i = 0; i < values.length; i++) {
            total += weights[i];
        }
        median = type(uint16).max;
        bool tie = false;
        for (uint256 i = 0; i < values.length; i++) {
            if (values[i] >= median) continue;
            uint256 upTo = 0;
            for (uint256 k = 0; k < values.length; k++) {
                if (values[k] <= values[i]) upTo += weights[k];
            }
            if (upTo * 2 >= total) (median, tie) = (values[i], upTo * 2 == total);
        }
        if (!tie) return median;
        uint16 next = type(uint16).max;
        for (uint256 i = 0; i < values.length; i++) {
            if (weights[i] != 0 && values[i] > median && values[i] < next) next = values[i];
        }
        if (next != type(uint16).max) median = uint16((uint256(median) + next) / 2);
    }

    /// @notice Whether |score - median| > 3 * max(half interval, floor), everything doubled to stay whole; an interval
    ///         counts for no wider than `WIDEST`.
    function outlies(uint16 score, uint16 low, uint16 high, uint16 median, uint16 floorBps)
        internal
        pure
        returns (bool)
    {
        uint256 distance = score > median ? score - median : median - score;
        uint256 width = high - low;
        if (width > WIDEST) width = WIDEST;
        if (width < 2 * uint256(floorBps)) width = 2 * uint256(floorBps);
        return 2 * distance > 3 * width;
    }
}
