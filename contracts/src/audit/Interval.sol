// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice From what was counted to a score and its 95 % interval, in whole numbers.
/// @dev Each of `asked` questions scores so many 1/10,000: 10,000 for right and 0 for wrong where there is only that,
///      else what it adds to the mean. The interval is Wilson's with the variance of the scores where that of a coin
///      would be: the same where there is only right and wrong, narrower for what varies less, never without width.
library Interval {
    /// @notice A question's score lies between this and its negative.
    int256 internal constant MOST = 16e4;
    int256 private constant ONE = 1e4;
    int256 private constant SQUARE = 38_416; // of the 1.96 standard deviations that hold 95 %, in 1/10,000

    /// @notice Whether so many scores can add up to this, and their squares to that.
    function possible(uint16 asked, int64 sum, uint64 squares) internal pure returns (bool) {
        int256 n = int256(uint256(asked));
        int256 q = int256(uint256(squares));
        return n != 0 && q <= n * MOST * MOST && int256(sum) * sum <= n * q;
    }

    /// @notice The mean and its interval, both cut to what a score can be; the interval is rounded outward.
    function around(uint16 asked, int64 sum, uint64 squares)
        internal
        pure
        returns (uint16 value, uint16 low, uint16 high)
    {
        int256 n = int256(uint256(asked));
        int256 s = int256(sum);
        int256 spread = n * int256(uint256(squares)) - s * s; // n² times the variance
        uint256 under = uint256(SQUARE * (4 * ONE * spread + SQUARE * n * ONE * ONE));
        int256 reach = int256(Math.sqrt(Math.ceilDiv(under, uint256(4 * n)), Math.Rounding.Ceil));
        int256 middle = ONE * s + SQUARE * ONE / 2;
        int256 scale = ONE * n + SQUARE;
        value = _cut(2 * s + n, 2 * n);
        low = _cut(middle - reach, scale);
        high = _cut(middle + reach + scale - 1, scale);
        if (low > value) low = value;
        if (high < value) high = value;
    }

    function _cut(int256 above, int256 below) private pure returns (uint16) {
        if (above <= 0) return 0;
        int256 whole = above / below;
        return whole > ONE ? uint16(uint256(ONE)) : uint16(uint256(whole));
    }
}
