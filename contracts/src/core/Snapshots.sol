// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IDirectory} from "./IDirectory.sol";
import {ISnapshots} from "./ISnapshots.sol";
import {Upgradeable} from "./Upgradeable.sol";

/// @title A snapshot of the network's graph as a token (L7)
/// @notice The token is the claim that the graph up to `block_` hashes to `hash`; anybody can rebuild the graph from the
///         events and check it. One token a hash: whoever is first.
contract Snapshots is ISnapshots, ERC721, Upgradeable {
    uint256 public count;
    mapping(uint256 id => Snapshot) private _snapshots;
    mapping(bytes32 hash => uint256 id) public idOf;

    constructor(IDirectory d) ERC721("", "") Upgradeable(d) {}

    /// @dev In code, not in storage: behind a proxy the constructor's storage is not there.
    function name() public pure override returns (string memory) {
        return "Klopf snapshot";
    }

    function symbol() public pure override returns (string memory) {
        return "KLPS";
    }

    /// @inheritdoc ISnapshots
    function mint(bytes32 hash, uint64 block_, string calldata place) external returns (uint256 id) {
        // CHECK
        if (idOf[hash] != 0) revert AlreadyTaken(hash, idOf[hash]);
        if (block_ >= block.number) revert NotYet(block_);
        // APPLY
        id = ++count;
        _snapshots[id] = Snapshot(hash, block_, place);
        idOf[hash] = id;
        _mint(msg.sender, id);
        // EMIT
        emit Taken(id, msg.sender, hash, block_, place);
    }

    /// @inheritdoc ISnapshots
    function snapshot(uint256 id) external view returns (Snapshot memory) {
        return _snapshots[id];
    }
}
