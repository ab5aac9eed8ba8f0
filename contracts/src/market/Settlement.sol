// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fixed} from "../core/Fixed.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {Consensus} from "./Consensus.sol";
import {ISettlement} from "./ISettlement.sol";

/// @title Pay follows listening
/// @notice When an epoch is over its emission is split by rank: at once, or once the dispute window has ended. Whoever is
///         paid for speaking has to listen: where neurons are many, each is paid that part of its reward which it has
///         earned by listening as others do (`Listening`); where they are few and bound by lot, that part with which its
///         own attention agreed with the consensus. What a speaker claims is in `Consensus`.
contract Settlement is ISettlement, Consensus {
    address public immutable disputes;

    constructor(IDirectory d) Consensus(d) {
        disputes = d.find("Disputes");
    }

    /// @inheritdoc ISettlement
    function collect(uint32 epoch, uint32[] calldata ids) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        for (uint256 i = 0; i < ids.length; i++) {
            _collect(epoch, ids[i]);
        }
    }

    /// @inheritdoc ISettlement
    function hold(uint32 epoch, uint32 listener) external {
        if (msg.sender != disputes) revert OnlyDisputes();
        posts[epoch][listener].disputes += 1;
    }

    /// @inheritdoc ISettlement
    function release(uint32 epoch, uint32 listener, bool kept) external {
        if (msg.sender != disputes) revert OnlyDisputes();
        posts[epoch][listener].disputes -= 1;
        if (!kept) columns[epoch][listener].voided = true;
    }

    function _collect(uint32 epoch, uint32 id) private {
        // CHECK
        Column storage c = columns[epoch][id];
        address owner = registry.ownerOf(id);
        if (c.pay == Pay.Collected || owner == address(0)) return;
        // ACCRUE
        Epoch storage e = epochs[epoch];
        if (c.pay == Pay.Due) {
            c.pay = Pay.Weighed;
            registry.onHeard(id, epoch, e.rank == 0 ? 0 : Fixed.divDown(c.rank, e.rank));
        }
        (uint64 until,) = clock.windowOf(epoch);
        Post storage p = posts[epoch][id];
        if (p.disputes != 0 || block.timestamp < until) return;
        uint256 reward = e.rank == 0 || c.voided ? 0 : (uint256(e.pool) * c.rank) / e.rank; // rounds down
        if (e.crowd) reward = (reward * p.news) / 1e4; // rounds down
        else if (e.lots) reward = (reward * p.agreed) / ATTENTION; // rounds down
        // APPLY
        c.pay = Pay.Collected;
        if (reward != 0) emission.pay(owner, reward);
        // EMIT
        emit Collected(epoch, id, owner, reward);
    }
}
