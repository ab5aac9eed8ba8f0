// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Listening: who told something that others confirm
/// @notice Where more than FEW neurons are bound to listen, a reward is paid as far as its neuron listens as others do. The
///         weights that it gives are compared with those of others in what nobody could forecast: who is confirmed well
///         less than is usual is paid nothing, unless the network is still, where next to nobody is since nothing
///         changes. Nor is who tells what varies well more than is usual, or is silent about more speakers.
interface IListening {
    /// @notice Where so many neurons or fewer are bound to listen, nobody is asked for news.
    function FEW() external view returns (uint256);

    /// @notice How much of what was said last, beyond the average, is said again; and the first epoch in which anything was
    ///         compared.
    function drift() external view returns (int64 moved, uint64 squares, uint32 epoch, uint16 share, uint32 began);

    /// @notice What is usual among listeners, by stake: the squared correlation less what chance gives, in 1/10,000, the
    ///         variance of what is told, in 1/10,000 squared, the attention that agreed, of 65535, and what those
    ///         hold to whom they listen of what those do to whom they are bound, in 1/10,000. An epoch's posts move all from the next epoch on.
    /// @return skills Of those who posted in `epoch`: how far each is from `skill`, times its stake.
    /// @return louds Likewise for `loud`.
    /// @return attentions Likewise for `attention`.
    /// @return breadths Likewise for `breadth`.
    /// @return stake Their stake.
    function usual()
        external
        view
        returns (
            int128 skills,
            int128 louds,
            int128 attentions,
            int128 breadths,
            uint96 stake,
            uint32 epoch,
            uint16 skill,
            uint32 loud,
            uint16 attention,
            uint16 breadth
        );

    /// @notice What a speaker was heard with, in 1/65536 of a weight, and in how many claims, ten at most.
    /// @param id Id of the participant.
    function forecasts(uint32 id) external view returns (uint32 last, uint32 slow, uint8 claims);

    /// @notice Covariance and variances of a listener's news and the others', of late.
    /// @param id Id of the participant.
    function skills(uint32 id) external view returns (int64 xy, uint64 xx, uint64 yy, uint32 n, uint32 through);

    /// @notice Sums of a listener's news (x) and the others' (y) in the last epoch in which it posted, and what those hold of
    ///         whom it told them, in millionths of all stake.
    /// @param id Id of the participant.
    function saids(
        uint32 id
    ) external view returns (int40 xy, uint40 xx, uint40 yy, int32 x, int32 y, uint16 n, uint24 heard, uint32 epoch);

    /// @notice What those hold to whom a listener listened, and those to whom it was bound, in millionths of all stake, and
    ///         how much of its attention agreed, of late; and the first epoch before which something that it said was
    ///         compared, 0 for none.
    /// @param id Id of the participant.
    function reaches(
        uint32 id
    )
        external
        view
        returns (uint48 told, uint48 bound, uint32 agreed, uint16 epochs, uint32 posted, uint40 due, uint32 first);
}
