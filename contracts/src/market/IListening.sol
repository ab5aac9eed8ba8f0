// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Listening: who told something that others confirm
/// @notice Where more than FEW neurons are bound to listen, a reward is paid as far as the weights that its neuron gives
///         agree with those of others in what nobody could forecast: by the square of their correlation over the epochs
///         of late. A quarter or more is paid in full.
interface IListening {
    /// @notice Where so many neurons or fewer are bound to listen, nobody is asked for news.
    function FEW() external view returns (uint256);

    /// @notice How much of what was said last, beyond the average, is said again.
    function drift() external view returns (int64 moved, uint64 squares, uint32 epoch, uint16 share);

    /// @notice What a speaker was heard with, in 1/65536 of a weight.
    /// @param id Id of the participant.
    function forecasts(uint32 id) external view returns (uint32 last, uint32 slow);

    /// @notice Covariance and variances of a listener's news and the others', of late.
    /// @param id Id of the participant.
    function skills(uint32 id) external view returns (int64 xy, uint64 xx, uint64 yy, uint32 n, uint32 through);

    /// @notice Sums of a listener's news (x) and the others' (y) in the last epoch in which it posted.
    /// @param id Id of the participant.
    function saids(
        uint32 id
    ) external view returns (int48 xy, uint48 xx, uint48 yy, int32 x, int32 y, uint16 n, uint32 epoch);
}
