// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What a listener told that nobody could know: its weights against those of others, both against a forecast.
/// @dev All shares in 1/10,000. What is signed rounds toward zero, all else down.
library News {
    int256 internal constant ONE = 1e4;
    int256 internal constant MOST = 5e3; // more than a half above or below what was expected counts as a half
    uint256 internal constant FINE = 1 << 16; // forecasts are finer than weights
    uint16 internal constant MANY = 20_000; // comparisons of a listener in an epoch
    int256 internal constant WEAK = 7500; // of the usual skill: up to which nothing is paid
    int256 internal constant LOUD = 14500; // of the usual variance: from which on nothing is paid
    int256 internal constant NARROW = 6500; // of the usual breadth: up to which nothing is paid
    int256 internal constant STEEP = 4; // a quarter of what is usual on the other side of each is paid in full
    int256 internal constant LUCK = 36; // so many times what chance gives on average is forgiven,
    int256 internal constant MOST_LUCK = 2500; // a quarter of the usual skill at most
    int256 internal constant STILL = 300; // usual skill up to which a network is still, and
    int256 internal constant MOVING = 900; // from which on it is not
    int256 internal constant STILL_LOUD = 1500; // what more of the usual variance is paid where it is
    int256 internal constant STEP = 8; // nobody counts as further from what is usual than an eighth of it
    int256 internal constant LEAST = 100; // what is usual is no less
    uint32 internal constant DAY = 24; // epochs after which a listener is known

    /// @dev What a speaker was heard with, in 1/FINE of a weight.
    struct Forecast {
        uint32 last;
        uint32 slow; // of the first ten claims the mean, then each claim counts a tenth
        uint8 claims; // ten at most
    }

    /// @dev How much of what was said last, beyond the average, is said again: a regression over all speakers.
    struct Drift {
        int64 moved;
        uint64 squares;
        uint32 epoch;
        uint16 share;
        uint32 began; // the first epoch in which anything was compared
    }

    /// @dev A listener's news (x) and the others' (y), summed over an epoch in which it posted.
    struct Said {
        int40 xy;
        uint40 xx;
        uint40 yy;
        int32 x;
        int32 y;
        uint16 n;
        uint24 heard; // what the speakers hold of all stake, in millionths
        uint32 epoch;
    }

    /// @dev Covariance and variances of late; n in thousandths.
    struct Skill {
        int64 xy;
        uint64 xx;
        uint64 yy;
        uint32 n;
        uint32 through; // the epoch that was added last
    }

    /// @dev What those to whom a listener listened hold of all stake, beside those to whom it was bound, and how much of its
    ///      attention agreed: sums of late, an epoch counting 0.97 of the next in which it posts. By stake, not by heads:
    ///      whoever speaks under many names is not more to listen to.
    struct Reach {
        uint48 told; // in millionths of all stake
        uint48 bound; // on average, in millionths
        uint32 agreed; // of 65535 in an epoch
        uint16 epochs; // in thousandths
        uint32 posted; // the epoch of its last post,
        uint40 due; // and to what part of all stake it was bound then, on average, in millionths
        uint32 first; // the first epoch before which something that it said was compared; 0 for none
    }

    /// @dev What is usual among listeners, by stake; an epoch's posts count from the next on.
    struct Usual {
        int128 skills; // of those who posted in `epoch`: how far each is from what is usual, times its stake
        int128 louds;
        int128 attentions;
        int128 breadths;
        uint96 stake;
        uint32 epoch;
        uint16 skill; // squared correlation, less what chance gives on average
        uint32 loud; // variance of what is told
        uint16 attention; // of 65535
        uint16 breadth;
    }

    /// @notice How much more than `expected` a weight is, within a half.
    function above(uint256 weight, uint256 expected) internal pure returns (int256) {
        return _within(int256((weight * FINE * uint256(ONE)) / expected) - ONE);
    }

    function forecast(Forecast memory f, uint256 share) internal pure returns (uint256) {
        return (f.slow * (uint256(ONE) - share) + f.last * share) / uint256(ONE);
    }

    function next(Forecast memory f, uint256 weight) internal pure returns (Forecast memory) {
        uint256 fine = weight * FINE;
        uint256 claims = f.claims == 10 ? 10 : f.claims + 1;
        return Forecast(uint32(fine), uint32((uint256(f.slow) * (claims - 1) + fine) / claims), uint8(claims));
    }

    function open(Drift memory d, uint32 epoch) internal pure {
        if (d.epoch == epoch) return;
        if (d.squares != 0) {
            int256 share = (int256(d.moved) * ONE) / int256(uint256(d.squares));
            d.share = uint16(uint256(share < 0 ? int256(0) : share > ONE ? ONE : share));
        } else if (d.epoch == 0) {
            d.share = uint16(uint256(ONE) / 2);
        }
        d.moved = int64((int256(d.moved) * 95) / 100);
        d.squares = uint64((uint256(d.squares) * 95) / 100);
        d.epoch = epoch;
    }

    function add(Drift memory d, Forecast memory f, uint256 weight) internal pure {
        int256 before = _within(int256((uint256(f.last) * uint256(ONE)) / f.slow) - ONE);
        d.moved += int64(before * above(weight, f.slow));
        d.squares += uint64(uint256(before * before));
    }

    /// @dev `part` of all stake, in millionths, is the speaker's. More than MANY comparisons would not fit.
    function add(Said memory s, int256 x, int256 y, uint256 part) internal pure {
        if (s.n == MANY) return;
        s.n += 1;
        s.heard += uint24(part);
        s.x += int32(x);
        s.y += int32(y);
        s.xy += int40(x * y);
        s.xx += uint40(uint256(x * x));
        s.yy += uint40(uint256(y * y));
    }

    /// @notice A skill with an epoch more. What all comparisons of an epoch share, as the number of speakers does, is no
    ///         news.
    function next(Skill memory k, Said memory s) internal pure returns (Skill memory) {
        if (s.n == 0 || s.epoch == k.through) return k;
        int256 n = int256(uint256(s.n));
        int256 x = s.x;
        int256 y = s.y;
        return Skill(
            int64((int256(k.xy) * 97) / 100 + s.xy - (x * y) / n),
            uint64((uint256(k.xx) * 97) / 100 + s.xx - uint256((x * x) / n)),
            uint64((uint256(k.yy) * 97) / 100 + s.yy - uint256((y * y) / n)),
            uint32((uint256(k.n) * 97) / 100 + (uint256(s.n) - 1) * 1000),
            s.epoch
        );
    }

    /// @notice With the last post weighed, in which `heard` of all stake was listened to if it `counts`, and another in
    ///         `epoch`.
    function next(Reach memory r, uint256 heard, uint256 agreed, bool counts, uint32 epoch, uint256 due)
        internal
        pure
        returns (Reach memory)
    {
        if (r.posted == 0) return Reach(0, 0, 0, 0, epoch, uint40(due), 0);
        return Reach(
            counts ? uint48((uint256(r.told) * 97) / 100 + heard) : r.told,
            counts ? uint48((uint256(r.bound) * 97) / 100 + r.due) : r.bound,
            uint32((uint256(r.agreed) * 97) / 100 + agreed),
            uint16((uint256(r.epochs) * 97) / 100 + 1000),
            epoch,
            uint40(due),
            r.first
        );
    }

    /// @notice Before the first post of an epoch; within one nothing moves, whatever the order of posts.
    function open(Usual memory u, uint32 epoch) internal pure {
        if (u.epoch == epoch) return;
        if (u.epoch == 0) {
            (u.skill, u.loud, u.attention, u.breadth) = (700, 9_000_000, 45_875, 6500);
        } else if (u.stake != 0) {
            int256 stake = int256(uint256(u.stake));
            u.skill = uint16(_moved(u.skill, u.skills, stake));
            u.loud = uint32(_moved(u.loud, u.louds, stake));
            u.attention = uint16(_moved(u.attention, u.attentions, stake));
            u.breadth = uint16(_moved(u.breadth, u.breadths, stake));
        }
        (u.skills, u.louds, u.attentions, u.breadths, u.stake, u.epoch) = (0, 0, 0, 0, 0, epoch);
    }

    function add(Usual memory u, uint96 stake_, Skill memory k, Reach memory r) internal pure {
        int256 stake = int256(uint256(stake_));
        u.stake += stake_;
        u.skills += int128(stake * _step(skillOf(k), u.skill));
        u.louds += int128(stake * _step(int256(loudOf(k)), u.loud));
        u.attentions += int128(stake * _step(int256(attentionOf(r)), u.attention));
        u.breadths += int128(stake * _step(int256(breadthOf(r)), u.breadth));
    }

    /// @notice The square of the correlation, with its sign, less what chance gives on average.
    function skillOf(Skill memory k) internal pure returns (int256) {
        int256 product = int256(uint256(k.xx) * k.yy);
        int256 xy = k.xy;
        int256 explained = product == 0 ? int256(0) : (xy * (xy < 0 ? -xy : xy) * ONE) / product;
        return explained - _chance(k);
    }

    /// @notice The variance of what it told.
    function loudOf(Skill memory k) internal pure returns (uint256) {
        return k.n == 0 ? 0 : (uint256(k.xx) * 1000) / k.n;
    }

    /// @notice To how much stake it listened, of what it was bound to; twice as much at most.
    function breadthOf(Reach memory r) internal pure returns (uint256 part) {
        if (r.bound == 0) return 0;
        part = (uint256(r.told) * uint256(ONE)) / r.bound;
        if (part > 2 * uint256(ONE)) part = 2 * uint256(ONE);
    }

    /// @notice How much of its attention agreed, of 65535.
    function attentionOf(Reach memory r) internal pure returns (uint256) {
        return r.epochs == 0 ? 0 : (uint256(r.agreed) * 1000) / r.epochs;
    }

    /// @notice How little can be told: all of it where next to nobody is confirmed.
    function still(Usual memory u) internal pure returns (uint256) {
        return _within01(((MOVING - int256(uint256(u.skill))) * ONE) / (MOVING - STILL));
    }

    /// @notice The part of its reward that a listener is paid: less where it is confirmed well less than is usual, unless the
    ///         network is still; where what it tells varies well more; where it is silent about more to whom it is bound;
    ///         and, where not all are bound to all (`lots`), as far as its attention agreed.
    function paid(Skill memory k, Usual memory u, Reach memory r, bool lots) internal pure returns (uint16) {
        if (k.n == 0) return 0;
        int256 calm = int256(still(u));
        int256 luck = LUCK * _chance(k);
        if (luck > MOST_LUCK) luck = MOST_LUCK;
        uint256 part = Math.max(uint256(calm), _part(_of(skillOf(k), u.skill) + luck - WEAK));
        part *= _part(LOUD + (STILL_LOUD * calm) / ONE - _of(int256(loudOf(k)), u.loud));
        part *= _part(_of(int256(breadthOf(r)), u.breadth) - NARROW);
        part *= lots ? _within01(_of(int256(attentionOf(r)), u.attention)) : uint256(ONE);
        return uint16(part / uint256(ONE) ** 3);
    }

    /// @notice Of what was held back a day before `epoch` from a listener of which too little was known then, the part that
    ///         it is paid, if it has earned `news` by now: where next to nobody is confirmed it was held back by chance.
    function rest(Reach memory r, Usual memory u, uint256 news, uint32 epoch) internal pure returns (uint16) {
        if (epoch <= DAY || epoch - DAY >= r.first + DAY) return 0;
        return uint16((news * still(u)) / uint256(ONE)); // rounds down
    }

    /// @notice The part `rest` of what was held back of a reward of which the part `news` was paid.
    function restDown(uint256 reward, uint256 news, uint256 rest_) internal pure returns (uint256) {
        return ((reward - (reward * news) / uint256(ONE)) * rest_) / uint256(ONE);
    }

    /// @notice The sums of stakes up to each entry.
    function sumsOf(uint96[] memory stakes, uint256 count) internal pure returns (uint256[] memory sums) {
        sums = new uint256[](count);
        uint256 reached = 0;
        for (uint256 i = 0; i < count; i++) {
            reached += stakes[i];
            sums[i] = reached;
        }
    }

    /// @notice The first place whose sum is `least` or more: the largest weight that so much stake gives, or more, where
    ///         the heaviest weight is first.
    function placeOf(uint256[] memory sums, uint256 least) internal pure returns (uint256 low) {
        uint256 high = sums.length - 1;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (sums[middle] >= least) high = middle;
            else low = middle + 1;
        }
    }

    /// @notice The place whose weight half of the stake without entry `i` gives, or more.
    function placeWithout(uint256[] memory sums, uint256 i) internal pure returns (uint256 place) {
        uint256 own = i == 0 ? sums[0] : sums[i] - sums[i - 1];
        uint256 half = (sums[sums.length - 1] - own + 1) / 2; // rounds up
        place = placeOf(sums, half);
        if (place >= i) place = placeOf(sums, half + own);
    }

    /// @dev The square of the correlation that chance gives, on average.
    function _chance(Skill memory k) private pure returns (int256) {
        return (1000 * ONE) / int256(uint256(k.n));
    }

    /// @dev In 1/ONE of what is usual.
    function _of(int256 found, uint256 usual) private pure returns (int256) {
        return (found * ONE) / int256(usual);
    }

    function _part(int256 above_) private pure returns (uint256) {
        return _within01(STEEP * above_);
    }

    function _within01(int256 part) private pure returns (uint256) {
        return part < 0 ? 0 : uint256(part > ONE ? ONE : part);
    }

    function _step(int256 found, uint256 usual) private pure returns (int256) {
        int256 most = int256(usual) / STEP;
        int256 step = found - int256(usual);
        return step < -most ? -most : step > most ? most : step;
    }

    function _moved(uint256 usual, int256 steps, int256 stake) private pure returns (uint256) {
        int256 found = int256(usual) + steps / stake;
        return uint256(found < LEAST ? LEAST : found);
    }

    function _within(int256 x) private pure returns (int256) {
        return x < -MOST ? -MOST : x > MOST ? MOST : x;
    }
}
