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

    /// @notice A page ends where so many bytes are said in it.
    function PAGE_BYTES() external view returns (uint256);

    /// @notice Participants `from` to `from + length - 1`, as far as there are any; fewer where they say
    ///         more than PAGE_BYTES.
    /// @param from The first id.
    /// @param length The most to answer with.
    /// @return page A page of them.
    function participants(uint32 from, uint32 length) external view returns (Seen[] memory page);
}
