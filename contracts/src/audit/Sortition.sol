// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Who audits whom: a draw by lot, weighted by stake.
library Sortition {
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
