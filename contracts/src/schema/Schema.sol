// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {ISchema} from "./ISchema.sol";

/// @title What a network is for: what goes in and what comes out, agreed once
/// @notice The block's number says where the text is, and nothing else.
contract Schema is ISchema {
    IRules public immutable rules;

    bytes32 public digest;
    uint256 public agreedIn;

    constructor(IDirectory d) {
        rules = IRules(d.addressOf("Rules"));
    }

    /// @inheritdoc ISchema
    function agree(string calldata text) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (digest != 0) revert AlreadyAgreed();
        if (bytes(text).length == 0 || bytes(text).length > 100_000) revert WrongLength(bytes(text).length);
        // APPLY
        (digest, agreedIn) = (sha256(bytes(text)), block.number);
        // EMIT
        emit Agreed(digest, text);
    }
}
