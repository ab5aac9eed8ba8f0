// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a listener told that nobody could know: its weights against those of others, both against a forecast.
/// @dev All shares in 1/10,000. What is signed rounds toward zero, all else down.
library News {
    int256 internal constant ONE = 1e4;
    int256 internal constant MOST = 5e3; // more than a half above or below what was expected counts as a half
    uint256 internal constant FINE = 1 << 16; // forecasts are finer than weights
    uint256 internal constant CHANCE = 4; // squared correlations that chance gives, shared by all comparisons
    uint256 internal constant FULL = 4; // a quarter explained is paid in full

    /// @dev What a speaker was heard with, in 1/FINE of a weight.
    struct Forecast {
        uint32 last;
        uint32 slow; // on average, each epoch counting a tenth
    }

    /// @dev How much of what was said last, beyond the average, is said again: a regression over all speakers.
    struct Drift {
        int64 moved;
        uint64 squares;
        uint32 epoch;
        uint16 share;
    }

    /// @dev A listener's news (x) and the others' (y), summed over an epoch in which it posted.
    struct Said {
        int48 xy;
        uint48 xx;
        uint48 yy;
        int32 x;
        int32 y;
        uint16 n;
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

    /// @notice How much more than `expected` a weight is, within a half.
    function above(uint256 weight, uint256 expected) internal pure returns (int256) {
        return _within(int256((weight * FINE * uint256(ONE)) / expected) - ONE);
    }

    function forecast(Forecast memory f, uint256 share) internal pure returns (uint256) {
        return (f.slow * (uint256(ONE) - share) + f.last * share) / uint256(ONE);
    }

    function next(Forecast memory f, uint256 weight) internal pure returns (Forecast memory) {
        uint256 fine = weight * FINE;
        return Forecast(uint32(fine), uint32(f.slow == 0 ? fine : (uint256(f.slow) * 9 + fine) / 10));
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

    function add(Said memory s, int256 x, int256 y) internal pure {
        s.n += 1;
        s.x += int32(x);
        s.y += int32(y);
        s.xy += int48(x * y);
        s.xx += uint48(uint256(x * x));
        s.yy += uint48(uint256(y * y));
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

    /// @notice The part of its reward that a listener is paid: four times the square of the correlation, less chance.
    function paid(Skill memory k) internal pure returns (uint16) {
        uint256 product = uint256(k.xx) * k.yy;
        if (k.xy <= 0 || k.n == 0 || product == 0) return 0;
        uint256 explained = (uint256(int256(k.xy)) * uint256(int256(k.xy)) * uint256(ONE)) / product;
        uint256 chance = (CHANCE * 1000 * uint256(ONE)) / k.n;
        if (explained <= chance) return 0;
        uint256 part = FULL * (explained - chance);
        return uint16(part > uint256(ONE) ? uint256(ONE) : part);
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

    function _within(int256 x) private pure returns (int256) {
        return x < -MOST ? -MOST : x > MOST ? MOST : x;
    }
}
