// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Fractions with 18 decimals. Every function says in its name which way it rounds.
library Fixed {
    uint256 internal constant ONE = 1e18;

    /// @return floor(a*b / 1e18)
    function mulDown(uint256 a, uint256 b) internal pure returns (uint256) {
        return (a * b) / ONE;
    }

    /// @return floor(a*1e18 / b)
    function divDown(uint256 a, uint256 b) internal pure returns (uint256) {
        return (a * ONE) / b;
    }

    /// @notice base**n by squaring, rounding down after every product; at most 64 products.
    function powDown(uint256 base, uint32 n) internal pure returns (uint256 result) {
        result = ONE;
        while (n != 0) {
            if (n & 1 == 1) result = mulDown(result, base);
            n >>= 1;
            if (n != 0) base = mulDown(base, base);
        }
    }
}
