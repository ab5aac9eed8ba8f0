// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IListening} from "./IListening.sol";
import {News} from "./News.sol";
import {SignedReceipt} from "./Receipts.sol";

/// @title Listening: who told something that others confirm
/// @notice A listener's weight, and the weight that the others bound to the same speaker agree on, are compared with a
///         forecast that anybody can make. Roots are posted before any claim shows a weight, so nobody knows what others
///         say. Nothing here depends on the order in which claims come.
abstract contract Listening is IListening {
    using News for *;

    uint256 public constant FEW = 8;
    uint256 private constant LEAST = 3;

    News.Drift public drift;
    News.Usual public usual;
    mapping(uint32 id => News.Forecast) public forecasts;
    mapping(uint32 id => News.Skill) public skills;
    mapping(uint32 id => News.Said) public saids;
    mapping(uint32 id => News.Reach) public reaches;

    /// @dev When a listener posts, bound with `stake`: what it said when it posted last is known by now, and how much of its
    ///      attention `agreed` then. `due`: to what part of all stake it is bound now on average; `lots`: not all are bound to all.
    ///      Until a first comparison was made nothing is known of anybody, and all are paid.
    /// @return news The part of this epoch's reward that it has earned, in 1/10,000.
    /// @return rest The part that it is paid of what was held back a day before.
    function _weighNews(uint32 epoch, uint32 id, uint96 stake, uint256 agreed, uint256 due, bool lots)
        internal
        returns (uint16 news, uint16 rest)
    {
        if (stake == 0) return (0, 0);
        News.Said memory s = saids[id];
        News.Skill memory k = skills[id];
        bool told = s.epoch != k.through;
        if (told) {
            k = k.next(s);
            skills[id] = k;
        }
        News.Reach memory r = reaches[id];
        uint32 began = drift.began;
        r = r.next(told ? s.heard : 0, agreed, began != 0 && began <= r.posted, epoch, due);
        if (r.first == 0 && began != 0 && k.n != 0) r.first = epoch;
        reaches[id] = r;
        if (began == 0) return (uint16(uint256(News.ONE)), 0);
        if (k.n == 0) return (0, 0);
        News.Usual memory u = usual;
        u.open(epoch);
        u.add(stake, k, r);
        usual = u;
        news = k.paid(u, r, lots);
        rest = r.rest(u, news, epoch);
    }

    /// @dev From a claim: `stakes` with which each receipt's listener is bound, the heaviest weight first; `part` of all
    ///      stake, in millionths, is the speaker's.
    function _learn(
        uint32 epoch,
        uint32 speaker,
        uint256 part,
        SignedReceipt[] calldata column,
        uint96[] memory stakes
    ) internal {
        uint16[] memory weights = new uint16[](column.length);
        uint32[] memory ids = new uint32[](column.length);
        uint96[] memory bound = new uint96[](column.length);
        uint256 count = 0;
        for (uint256 i = 0; i < column.length; i++) {
            if (stakes[i] == 0 || column[i].receipt.weight == 0) continue;
            (bound[count], weights[count]) = (stakes[i], column[i].receipt.weight);
            ids[count++] = column[i].receipt.listener;
        }
        if (count < LEAST) return;
        News.Drift memory d = drift;
        d.open(epoch);
        News.Forecast memory f = forecasts[speaker];
        uint256[] memory sums = News.sumsOf(bound, count);
        uint256 weight = weights[News.placeOf(sums, (sums[count - 1] + 1) / 2)];
        if (f.slow != 0) {
            if (d.began == 0) d.began = epoch;
            uint256 expected = f.forecast(d.share);
            for (uint256 i = 0; i < count; i++) {
                News.Said memory s = saids[ids[i]];
                if (s.epoch != epoch) s = News.Said(0, 0, 0, 0, 0, 0, 0, epoch);
                s.add(
                    News.above(weights[i], expected),
                    News.above(weights[News.placeWithout(sums, i)], expected),
                    part
                );
                saids[ids[i]] = s;
            }
            d.add(f, weight);
        }
        drift = d;
        forecasts[speaker] = f.next(weight);
    }
}
