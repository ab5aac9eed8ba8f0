// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "./IDirectory.sol";
import {ILens} from "./ILens.sol";
import {IRegistry} from "./IRegistry.sol";
import {IStake} from "./IStake.sol";
import {Upgradeable} from "./Upgradeable.sol";

/// @title Many answers in one call
/// @notice Reads only; a DAO may replace it by a wiser one.
contract Lens is ILens, Upgradeable {
    uint256 public constant PAGE_BYTES = 16_384;

    IRegistry public immutable registry;
    IStake public immutable stake;

    constructor(IDirectory d) Upgradeable(d) {
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
    }

    /// @inheritdoc ILens
    function participants(uint32 from, uint32 length) external view returns (Seen[] memory page) {
        uint32 last = registry.count();
        if (from == 0) from = 1;
        if (from > last) return page;
        if (length > last - from + 1) length = last - from + 1;
        page = new Seen[](length);
        uint256 text = 0;
        for (uint32 i = 0; i < length; i++) {
            if (text > PAGE_BYTES) {
                assembly ("memory-safe") {
                    mstore(page, i)
                }
                break;
            }
            uint32 id = from + i;
            page[i] = Seen(
                id, registry.participant(id), registry.ageOf(id), registry.heardBy(id), stake.account(id).staked
            );
            text += bytes(page[i].participant.endpoint).length + bytes(page[i].participant.model).length + 64;
        }
    }
}
