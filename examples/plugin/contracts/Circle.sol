// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "@klopf/core/IDirectory.sol";
import {IRegistry} from "@klopf/core/IRegistry.sol";

/// @title Circles of participants: whoever is in one is known to be in it, and how many there are
contract Circle {
    /// @notice A participant is in a circle. Another contract has an event of the same name; this one is known by both.
    /// @param circle Number of the circle.
    /// @param participant Its id in the registry.
    event Joined(uint256 indexed circle, uint32 indexed participant);

    /// @notice Nobody joins twice.
    /// @param circle Number of the circle.
    /// @param participant Its id in the registry.
    error AlreadyThere(uint256 circle, uint32 participant);

    IRegistry public immutable registry;

    mapping(uint256 circle => uint256) public size;
    mapping(uint256 circle => mapping(uint32 participant => bool)) public has;

    /// @param directory Where the network's contracts are.
    constructor(IDirectory directory) {
        registry = IRegistry(directory.addressOf("Registry"));
    }

    /// @notice Join a circle. Only the participant's own key or its owner may.
    /// @param circle Number of the circle.
    /// @param participant Its id in the registry.
    function join(uint256 circle, uint32 participant) external {
        // CHECK
        registry.requireActor(participant, msg.sender);
        if (has[circle][participant]) revert AlreadyThere(circle, participant);
        // APPLY, EMIT
        has[circle][participant] = true;
        size[circle] += 1;
        emit Joined(circle, participant);
    }
}
