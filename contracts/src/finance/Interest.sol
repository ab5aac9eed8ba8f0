// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What borrowed tokens grow by: a rate that rises slowly with use up to four fifths, and steeply beyond.
library Interest {
    uint256 internal constant ONE = 1e18;
    uint256 internal constant KINK = 0.8e18;
    uint256 internal constant YEAR = 365 days;

    /// @param lent Of all that was supplied, in the token's units; `supplied` is more or as much.
    /// @param atKink What a year costs at four fifths, with 18 decimals.
    /// @param atFull What it costs where everything is lent.
    /// @return rate Of a year; rounds down.
    function rateDown(uint256 lent, uint256 supplied, uint256 atKink, uint256 atFull) internal pure returns (uint256 rate) {
        if (supplied == 0) return 0;
        uint256 used = (lent * ONE) / supplied;
        if (used <= KINK) return (atKink * used) / KINK;
        return atKink + ((atFull - atKink) * (used - KINK)) / (ONE - KINK);
    }

    /// @notice Compounded all the time: x + x²/2 + x³/6 of e^x - 1, where x is the rate times the time.
    /// @return interest Rounds down.
    function onDown(uint256 lent, uint256 rate, uint256 seconds_) internal pure returns (uint256 interest) {
        uint256 x = (rate * seconds_) / YEAR;
        uint256 second = (x * x) / (2 * ONE);
        uint256 third = (second * x) / (3 * ONE);
        return Math.mulDiv(lent, x + second + third, ONE);
    }
}
