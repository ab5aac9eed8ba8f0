// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Who is bound to listen to whom: a lot for each pair, weighted by stake, that anybody can draw by himself.
/// @dev A listener with stake s of S is bound with s where that is a seat or more (S / seats), and else with one seat by a
///      chance of s * seats / S. Either way it counts s on average, and a committee S. Where there are no more neurons
///      than seats all are bound with what they have.
library Committee {
    /// @notice The stake with which `listener` counts in what is heard of `speaker`; 0 where it is not bound.
    function weightOf(
        bytes32 seed,
        uint32 listener,
        uint32 speaker,
        uint256 stake,
        uint256 total,
        uint256 count,
        uint256 seats
    ) internal pure returns (uint256) {
        if (count <= seats || stake * seats >= total) return stake;
        uint256 lot = uint256(keccak256(abi.encode(seed, listener, speaker))) % total;
        return lot < stake * seats ? total / seats : 0; // rounds down
    }

    /// @notice What those to whom a listener is bound hold of all stake on average, in millionths.
    function expected(uint256 stake, uint256 total, uint256 count, uint256 seats) internal pure returns (uint256) {
        uint256 all = ((total - stake) * 1e6) / total; // rounds down
        return count <= seats || stake * seats >= total ? all : (all * stake * seats) / total; // rounds down
    }
}
