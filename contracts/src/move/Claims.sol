// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IClaims} from "./IClaims.sol";

/// @title What people had on the chain that the network moved from
/// @notice Only in a network that moved. Holds every token of its genesis; each owner on the old chain takes out what it
///         had there, once, whenever it likes. Claims do not expire, and nobody can change the root.
contract Claims is IClaims {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    IERC20 public immutable token;
    bytes32 public immutable root; // over (index, owner, amount), leaves hashed twice

    BitMaps.BitMap private _taken;

    constructor(IDirectory d, bytes32 root_) {
        token = IERC20(d.addressOf("Token"));
        root = root_;
    }

    /// @inheritdoc IClaims
    function restore(uint256 index, address owner, uint256 amount, bytes32[] calldata proof) external {
        // CHECK
        if (_taken.get(index)) revert AlreadyRestored(index);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, owner, amount))));
        if (!MerkleProof.verifyCalldata(proof, root, leaf)) revert NotInRoot(index);
        // APPLY
        _taken.set(index);
        token.safeTransfer(owner, amount);
        // EMIT
        emit Restored(index, owner, amount);
    }

    /// @inheritdoc IClaims
    function restored(uint256 index) external view returns (bool) {
        return _taken.get(index);
    }
}
