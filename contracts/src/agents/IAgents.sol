// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the three views of ERC-8004 refuse
interface IAgents {
    /// @notice These are views: whoever joins, moves or leaves does so in the network's own contracts.
    error ReadOnly();

    /// @notice No contract of the network keeps this.
    error NotKept();

    /// @notice Nobody who takes part has this id.
    /// @param agentId Id of the participant.
    error UnknownAgent(uint256 agentId);
}
