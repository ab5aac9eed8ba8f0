// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Members} from "./Members.sol";
import {Registry} from "./Registry.sol";
import {Stake} from "./Stake.sol";
import {Upgradeable} from "./Upgradeable.sol";
import {Wiring} from "./Wiring.sol";

/// @title Many answers in one call
/// @notice Reads only; a DAO may replace it by a wiser one.
contract Lens is Upgradeable {
    struct Seen {
        uint32 id;
        Members.Participant participant;
        uint32 age;
        uint256 heard;
        uint128 staked;
    }

    Registry public immutable registry;
    Stake public immutable stake;

    constructor(Wiring memory w, address timelock_) Upgradeable(timelock_) {
        registry = Registry(w.registry);
        stake = Stake(w.stake);
    }

    /// @notice Participants `from` to `from + length - 1`, as far as there are any.
    function participants(uint32 from, uint32 length) external view returns (Seen[] memory page) {
        uint32 last = registry.count();
        if (from == 0) from = 1;
        if (from > last) return page;
        if (length > last - from + 1) length = last - from + 1;
        page = new Seen[](length);
        for (uint32 i = 0; i < length; i++) {
            uint32 id = from + i;
            page[i] = Seen(
                id, registry.participant(id), registry.ageOf(id), registry.heardBy(id), stake.account(id).staked
            );
        }
    }
}
