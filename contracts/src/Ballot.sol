// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice The arithmetic of audits: who is drawn, what the median is, who is far from it.
library Ballot {
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

    /// @notice Up to `seats` of `ids` by weight, without replacement, in the order drawn.
    function draw(bytes32 seed, uint32 neuron, uint32[] memory ids, uint256[] memory weights, uint256 seats)
        internal
        pure
        returns (uint32[] memory picked)
    {
        uint256 total = 0;
        uint256[] memory left = new uint256[](weights.length);
        for (uint256 i = 0; i < weights.length; i++) {
            left[i] = weights[i];
            total += weights[i];
        }
        picked = new uint32[](seats);
        uint256 n = 0;
        while (n < seats && total != 0) {
            uint256 ticket = uint256(keccak256(abi.encode(seed, neuron, n))) % total;
            uint256 i = 0;
            while (ticket >= left[i]) {
                ticket -= left[i];
                i++;
            }
            picked[n++] = ids[i];
            total -= left[i];
            left[i] = 0;
        }
        assembly ("memory-safe") {
            mstore(picked, n)
        }
    }

    function contains(uint32[] memory ids, uint32 id) internal pure returns (bool) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == id) return true;
        }
        return false;
    }
}
