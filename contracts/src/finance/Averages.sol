// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Averages of a price over time, from what it came to at three moments. Each price is summed with the seconds
///         that it stood, in both directions, as fractions of 112 bits; sums may wrap, their differences do not. What each second's price
///         was rounded down by, less than one of these fractions, is made good in full.
library Averages {
    struct Sums {
        uint256 up; // of the second token per first
        uint256 down; // of the first per second
    }

    struct Mark {
        Sums sums;
        uint64 time; // seconds since 1970; 0 where there is none
    }

    /// @return s The sums after the price of these reserves, neither of which is 0, has stood for some seconds.
    function stood(Sums memory s, uint256 reserve0, uint256 reserve1, uint256 seconds_)
        internal
        pure
        returns (Sums memory)
    {
        unchecked {
            s.up += ((reserve1 << 112) / reserve0) * seconds_;
            s.down += ((reserve0 << 112) / reserve1) * seconds_;
        }
        return s;
    }

    /// @notice The harmonic mean: what stood for a part of the time only can hardly raise it.
    /// @param part By how much the sum of the inverse grew.
    /// @return price With 36 decimals; rounds down.
    function harmonicDown(uint256 part, uint256 seconds_) internal pure returns (uint256 price) {
        return Math.mulDiv(seconds_ << 112, 1e36, part + seconds_);
    }

    /// @notice The arithmetic mean: what stood for a part of the time only can hardly lower it.
    /// @param part By how much the sum grew.
    /// @return price With 36 decimals; rounds up.
    function arithmeticUp(uint256 part, uint256 seconds_) internal pure returns (uint256 price) {
        return Math.mulDiv(part + seconds_, 1e36, seconds_ << 112, Math.Rounding.Ceil);
    }
}
