// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What auditors say together, and who is far from it.
library Median {
    /// @notice The least value such that values up to it hold at least half of all weight. At most 16 values.
    function medianDown(uint16[] memory values, uint256[] memory weights) internal pure returns (uint16 median) {
        uint256 total = 0;
        for (uint256 i = 0; i < values.length; i++) {
            total += weights[i];
        }
        median = type(uint16).max;
        for (uint256 i = 0; i < values.length; i++) {
            uint256 upTo = 0;
            for (uint256 k = 0; k < values.length; k++) {
                if (values[k] <= values[i]) upTo += weights[k];
            }
            if (upTo * 2 >= total && values[i] < median) median = values[i];
        }
    }

    /// @notice Whether |score - median| > 3 * max(half interval, floor), everything doubled to stay whole.
    function outlies(uint16 score, uint16 low, uint16 high, uint16 median, uint16 floorBps)
        internal
        pure
        returns (bool)
    {
        uint256 distance = score > median ? score - median : median - score;
        uint256 width = high - low;
        if (width < 2 * uint256(floorBps)) width = 2 * uint256(floorBps);
        return 2 * distance > 3 * width;
    }
}
