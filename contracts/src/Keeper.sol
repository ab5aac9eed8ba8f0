// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Audits} from "./Audits.sol";
import {Registry} from "./Registry.sol";
import {Settlement} from "./Settlement.sol";
import {Wiring} from "./Wiring.sol";

/// @title One transaction that settles an epoch for everybody
/// @notice Holds nothing and may do nothing that anybody could not do: it saves transactions.
contract Keeper {
    Settlement public immutable settlement;
    Audits public immutable audits;
    Registry public immutable registry;

    constructor(Wiring memory w) {
        settlement = Settlement(w.settlement);
        audits = Audits(w.audits);
        registry = Registry(w.registry);
    }

    /// @notice Collect, then conclude, `epoch` for each of `ids`; and tidy the list of auditors a little.
    function settle(uint32 epoch, uint32[] calldata ids) external {
        settlement.collect(epoch, ids);
        audits.conclude(epoch, ids);
        registry.delist(4);
    }
}
