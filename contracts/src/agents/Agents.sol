// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IAgents} from "./IAgents.sol";

/// @title Who is an agent
abstract contract Agents is IAgents {
    IRegistry public immutable registry;

    constructor(address registry_) {
        registry = IRegistry(registry_);
    }

    /// @dev The participant; nobody who has left or never came is one.
    function _agent(uint256 agentId) internal view returns (IMembers.Participant memory p) {
        if (agentId <= type(uint32).max) p = registry.participant(uint32(agentId));
        if (p.role == IMembers.Role.None) revert UnknownAgent(agentId);
    }

    function _same(string memory a, string memory b) internal pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
