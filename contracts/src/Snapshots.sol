// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Upgradeable} from "./Upgradeable.sol";

/// @title A snapshot of the network's graph as a token (L7)
/// @notice The token is the claim that the graph up to `block_` hashes to `hash`; anybody can rebuild the graph from the
///         events and check it. One token a hash: whoever is first.
contract Snapshots is ERC721, Upgradeable {
    struct Snapshot {
        bytes32 hash;
        uint64 block_;
        string place; // where the graph can be had: a CID, a URL
    }

    uint256 public count;
    mapping(uint256 id => Snapshot) private _snapshots;
    mapping(bytes32 hash => uint256 id) public idOf;

    event Taken(uint256 indexed id, address indexed by, bytes32 hash, uint64 block_, string place);

    error AlreadyTaken(bytes32 hash, uint256 id);
    error NotYet(uint64 block_);

    constructor(address timelock_) ERC721("", "") Upgradeable(timelock_) {}

    /// @dev In code, not in storage: behind a proxy the constructor's storage is not there.
    function name() public pure override returns (string memory) {
        return "Klopf snapshot";
    }

    function symbol() public pure override returns (string memory) {
        return "KLPS";
    }

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

    function snapshot(uint256 id) external view returns (Snapshot memory) {
        return _snapshots[id];
    }
}
