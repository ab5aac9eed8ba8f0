// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a neuron's audits must reach
/// @notice A list of tasks, each with the least median that passes; it belongs to whoever owns the rules. A task that is
///         not in it may be audited all the same: it is recorded, those far from its median are punished, and it decides
///         nothing.
interface IMarks {
    /// @notice One slot each.
    struct Mark {
        bytes26 task; // its name in ASCII
        uint16 least; // median, in 1/10,000
    }

    /// @notice Another list counts from `from` on.
    /// @param from The first epoch in which the list counts.
    /// @param marks A list, by task.
    event Proposed(uint32 indexed from, Mark[] marks);

    /// @notice The list is not sorted, or names something twice.
    /// @param index Place in the list, from 0.
    error NotSorted(uint256 index);

    /// @notice The number is outside its range.
    /// @param index Place in the list, from 0.
    error OutOfRange(uint256 index);

    /// @notice The first epoch in which the last proposal counts.
    function from() external view returns (uint32);

    /// @notice What counts in the running epoch.
    /// @return Those of now.
    function current() external view returns (Mark[] memory);

    /// @notice What counted in an epoch: its audits are judged by that, unless what counts since is easier.
    /// @param epoch Number of the epoch.
    /// @return Those of then.
    function countedIn(uint32 epoch) external view returns (Mark[] memory);

    /// @notice Change the list from the next epoch on. A later proposal replaces an earlier one.
    /// @param marks A list, by task.
    function propose(Mark[] calldata marks) external;
}
