// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What is earned becomes payable evenly over ninety days
library Vesting {
    uint256 internal constant VEST = 90 days;

    /// @notice What of `amount` is payable now; rounds down.
    /// @param amount What was earned.
    /// @param since When it begins, in seconds since 1970.
    function vestedDown(uint256 amount, uint256 since) internal view returns (uint256) {
        if (block.timestamp <= since) return 0;
        uint256 passed = block.timestamp - since;
        return passed >= VEST ? amount : (amount * passed) / VEST;
    }
}
