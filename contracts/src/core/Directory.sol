// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "./IDirectory.sol";
import {IRules} from "./IRules.sol";

/// @title Where the contracts of a network are: one address leads to all others
/// @notice It is created first, with the addresses that the others will have: they are computed beforehand. Each of them
///         reads here, while it is created, whom it will call and obey, and keeps that in its code.
contract Directory is IDirectory {
    uint256 public immutable firstBlock;

    bytes32[] private _packs;
    mapping(bytes32 pack => bytes32[]) private _contracts;
    mapping(bytes32 name => address) private _places;

    constructor(Pack[] memory begins) {
        firstBlock = block.number;
        for (uint256 i = 0; i < begins.length; i++) {
            _enter(begins[i].name, begins[i].names, begins[i].addresses);
        }
    }

    /// @inheritdoc IDirectory
    function add(bytes32 pack, bytes32[] calldata names, address[] calldata addresses) external {
        // CHECK
        if (msg.sender != IRules(addressOf("Rules")).owner()) revert NotOwner(msg.sender);
        for (uint256 i = 0; i < addresses.length; i++) {
            if (addresses[i].code.length == 0) revert WrongPack(pack);
        }
        // APPLY, EMIT
        _enter(pack, names, addresses);
    }

    /// @inheritdoc IDirectory
    function packs() external view returns (bytes32[] memory) {
        return _packs;
    }

    /// @inheritdoc IDirectory
    function contractsOf(bytes32 pack) external view returns (bytes32[] memory names, address[] memory addresses) {
        names = _contracts[pack];
        addresses = new address[](names.length);
        for (uint256 i = 0; i < names.length; i++) {
            addresses[i] = _places[names[i]];
        }
    }

    /// @inheritdoc IDirectory
    function addressOf(bytes32 name) public view returns (address place) {
        place = _places[name];
        if (place == address(0)) revert Unknown(name);
    }

    /// @inheritdoc IDirectory
    function find(bytes32 name) external view returns (address) {
        return _places[name];
    }

    function _enter(bytes32 pack, bytes32[] memory names, address[] memory addresses) private {
        if (pack == 0 || names.length == 0 || names.length != addresses.length) revert WrongPack(pack);
        if (_contracts[pack].length != 0) revert AlreadyThere(pack);
        for (uint256 i = 0; i < names.length; i++) {
            if (names[i] == 0 || addresses[i] == address(0)) revert WrongPack(pack);
            if (_places[names[i]] != address(0)) revert AlreadyThere(names[i]);
            _places[names[i]] = addresses[i];
        }
        _packs.push(pack);
        _contracts[pack] = names;
        emit PackAdded(pack, names, addresses);
    }
}
