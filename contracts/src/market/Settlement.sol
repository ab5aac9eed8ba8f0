// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fixed} from "../core/Fixed.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {Consensus} from "./Consensus.sol";
import {ISettlement} from "./ISettlement.sol";
import {News} from "./News.sol";

/// @title Pay follows listening
/// @notice When an epoch is over its emission is split by rank: at once, or once the dispute window has ended. Whoever is
///         paid for speaking has to listen: where neurons are many, each is paid that part of its reward which it has
///         earned by listening as others do (`Listening`); where they are few and bound by lot, that part with which its
///         own attention agreed with the consensus. What was held back in a neuron's first day, of whom little was known
///         then, is paid a day later by what is known of it then. What a speaker claims is in `Consensus`.
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
        uint32 before = p.rest == 0 ? 0 : epoch - News.DAY;
        if (p.disputes != 0 || block.timestamp < until || posts[before][id].disputes != 0) return;
        uint256 reward = _full(epoch, id);
        if (e.crowd) reward = (reward * p.news) / 1e4; // rounds down
        else if (e.lots) reward = (reward * p.agreed) / ATTENTION; // rounds down
        if (epochs[before].crowd && posts[before][id].stake != 0) {
            reward += News.restDown(_full(before, id), posts[before][id].news, p.rest);
        }
        // APPLY
        c.pay = Pay.Collected;
        if (reward != 0) emission.pay(owner, reward);
        // EMIT
        emit Collected(epoch, id, owner, reward);
    }

    /// @dev What an epoch owes to whoever was heard so, however it listened.
    function _full(uint32 epoch, uint32 id) private view returns (uint256) {
        Column storage c = columns[epoch][id];
        uint256 all = epochs[epoch].rank;
        return all == 0 || c.voided ? 0 : (uint256(epochs[epoch].pool) * c.rank) / all; // rounds down
    }
}
