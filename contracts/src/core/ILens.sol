// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMembers} from "./IMembers.sol";

/// @title Many answers in one call
/// @notice Reads only; a DAO may replace it by a wiser one.
interface ILens {
    struct Seen {
        uint32 id;
        IMembers.Participant participant;
        uint32 age;
        uint256 heard;
        uint128 staked;
    }

    /// @notice Participants `from` to `from + length - 1`, as far as there are any.
    /// @param from The first id.
    /// @param length The most to answer with.
    /// @return page A page of them.
    function participants(uint32 from, uint32 length) external view returns (Seen[] memory page);
}
