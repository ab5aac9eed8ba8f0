// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAudits} from "../audit/IAudits.sol";
import {IBeacon} from "../core/IBeacon.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IBatch} from "./IBatch.sol";
import {ISettlement} from "./ISettlement.sol";

/// @title One transaction that settles an epoch for everybody
/// @notice Holds nothing and may do nothing that anybody could not do: it saves transactions.
contract Batch is IBatch {
    ISettlement public immutable settlement;
    IRegistry public immutable registry;
    IAudits public immutable audits;
    IBeacon public immutable beacon;

    constructor(IDirectory d) {
        settlement = ISettlement(d.addressOf("Settlement"));
        registry = IRegistry(d.addressOf("Registry"));
        audits = IAudits(d.find("Audits"));
        beacon = IBeacon(d.addressOf("Beacon"));
    }

    /// @inheritdoc IBatch
    function settle(uint32 epoch, uint32[] calldata ids) external {
        settlement.collect(epoch, ids);
        if (address(audits) != address(0)) {
            audits.conclude(epoch, ids);
            audits.absent(epoch, ids);
            audits.punish(epoch, ids);
        }
        beacon.settle(ids);
        registry.delist(4);
    }
}
