// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a token is worth in another: between two bounds, neither of which one moment can move far
interface IPrices {
    /// @notice What one unit of a token is worth in units of another, with 36 decimals.
    /// @param token What is valued.
    /// @param inToken What it is valued in.
    /// @return low Rounds down: to lend by. Held up for a part q of the time it looks at, it rises by 1/(1-q) at most.
    /// @return high Rounds up: to sell off by. Held down for a part q of that time, it falls by q at most.
    function boundsOf(address token, address inToken) external view returns (uint256 low, uint256 high);
}
