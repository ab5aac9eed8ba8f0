// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice A draw by lot, weighted by what each had when the epoch opened, in steps that grow with the logarithm of how
///         many there are. What changes within an epoch counts from the next.
/// @dev A tree of partial sums (Fenwick, Software: Practice and Experience 24(3), 1994) whose every number is kept
///      twice: as it was when the epoch of its last change opened, and as it is now. Places are given in the order of
///      coming, and never again. All weights together fit in 96 bits.
library Sortition {
    struct Sum {
        uint96 opened;
        uint96 now_;
        uint32 epoch; // in which it last changed
        uint32 id; // whose place it is; 0 in a sum over several
    }

    struct Tree {
        uint32 places;
        mapping(uint32 id => uint32) placeOf; // from 1 on
        mapping(uint256 place => Sum) parts; // one's weight; that of place 0 is the sum of all
        mapping(uint256 place => Sum) sums; // over as many places up to this one as its lowest bit says
    }

    /// @notice One who is drawn, and where its weight lies among all weights in a row.
    struct Seat {
        uint256 start;
        uint256 weight;
    }

    /// @notice From the next epoch on `id` has this weight.
    function weigh(Tree storage t, uint32 id, uint96 weight, uint32 epoch) internal {
        uint256 place = t.placeOf[id];
        if (place == 0) {
            if (weight == 0) return;
            place = ++t.places;
            t.placeOf[id] = uint32(place);
            t.parts[place].id = id;
            _open(t, place);
        }
        uint96 before = t.parts[place].now_;
        if (before == weight) return;
        _change(t.parts[place], before, weight, epoch);
        _change(t.parts[0], before, weight, epoch);
        for (uint256 i = place; i <= t.places; i += _lowest(i)) {
            _change(t.sums[i], before, weight, epoch);
        }
    }

    /// @notice Up to `seats` ids by their weights at the opening of `epoch`, which is the running one, without
    ///         replacement, in the order drawn.
    function draw(Tree storage t, bytes32 seed, uint32 subject, uint256 seats, uint32 epoch)
        internal
        view
        returns (uint32[] memory ids)
    {
        uint256 left = _at(t.parts[0], epoch);
        Seat[] memory taken = new Seat[](seats); // by where they lie
        ids = new uint32[](seats);
        uint256 n = 0;
        for (; n < seats && left != 0; n++) {
            uint256 ticket = uint256(keccak256(abi.encode(seed, subject, n))) % left;
            uint256 k = 0;
            for (; k < n && ticket >= taken[k].start; k++) {
                ticket += taken[k].weight;
            }
            (uint256 place, uint256 start) = _find(t, ticket, epoch);
            uint256 weight = _at(t.parts[place], epoch);
            for (uint256 m = n; m > k; m--) {
                taken[m] = taken[m - 1];
            }
            taken[k] = Seat(start, weight);
            ids[n] = t.parts[place].id;
            left -= weight;
        }
        assembly ("memory-safe") {
            mstore(ids, n)
        }
    }

    /// @notice What `id` weighs now.
    function weightOf(Tree storage t, uint32 id) internal view returns (uint96) {
        uint256 place = t.placeOf[id];
        return place == 0 ? 0 : t.parts[place].now_;
    }

    /// @notice What `id` weighed when `epoch` opened, which is the running one.
    function weightAt(Tree storage t, uint32 id, uint32 epoch) internal view returns (uint96) {
        uint256 place = t.placeOf[id];
        return place == 0 ? 0 : _at(t.parts[place], epoch);
    }

    /// @notice What all weighed when `epoch` opened, which is the running one.
    function allAt(Tree storage t, uint32 epoch) internal view returns (uint96) {
        return _at(t.parts[0], epoch);
    }

    /// @dev Whose weight holds `ticket` when all lie in a row, and where that weight starts.
    function _find(Tree storage t, uint256 ticket, uint32 epoch) private view returns (uint256 place, uint256 start) {
        uint256 places = t.places;
        for (uint256 step = 1 << Math.log2(places); step != 0; step >>= 1) {
            if (place + step > places) continue;
            uint256 sum = _at(t.sums[place + step], epoch);
            if (start + sum <= ticket) (place, start) = (place + step, start + sum);
        }
        place += 1;
    }

    /// @dev The sum that ends at a new place, of what its places before it have.
    function _open(Tree storage t, uint256 place) private {
        uint96 before = 0;
        uint96 now_ = 0;
        uint32 epoch = 0;
        uint256 first = place - _lowest(place);
        for (uint256 i = place - 1; i > first; i -= _lowest(i)) {
            if (t.sums[i].epoch > epoch) epoch = t.sums[i].epoch;
        }
        for (uint256 i = place - 1; i > first; i -= _lowest(i)) {
            before += _at(t.sums[i], epoch);
            now_ += t.sums[i].now_;
        }
        (t.sums[place].opened, t.sums[place].now_, t.sums[place].epoch) = (before, now_, epoch);
    }

    function _change(Sum storage s, uint96 before, uint96 weight, uint32 epoch) private {
        if (s.epoch != epoch) (s.opened, s.epoch) = (s.now_, epoch);
        s.now_ = s.now_ - before + weight;
    }

    function _at(Sum storage s, uint32 epoch) private view returns (uint96) {
        return s.epoch == epoch ? s.opened : s.now_;
    }

    function _lowest(uint256 i) private pure returns (uint256) {
        return i & (~i + 1);
    }
}
