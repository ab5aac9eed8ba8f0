// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What `Emission` asks of the contract that counts effort.
interface IEffortTotal {
    /// @notice Effort of a cycle, with bonuses.
    /// @param cycle Number of the cycle of 24 hours.
    /// @return The sum, 18 decimals.
    function totalOf(uint32 cycle) external view returns (uint256);
}

/// @title The only minter: how much of the compute reserve may be paid in each cycle of 24 hours
/// @notice A part of a cycle's reward pays for listening (Settlement), the rest for effort (Effort). What a cycle does
///         not pay stays in the reserve. The schedule is in `Schedule`, in closed form; its terms are in `Economy`.
///         Whatever they become, `promised` never exceeds the reserve: nothing is set aside beyond what is left.
interface IEmission {
    /// @notice A cycle has opened.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param effort Effort of the cycle before.
    /// @param reward Compute reward of the cycle.
    /// @param market The part of it that pays for listening.
    event Rolled(uint32 indexed cycle, uint256 effort, uint256 reward, uint256 market);

    /// @notice Rewards halve from now on.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param first Reward of the first cycle of the halving.
    /// @param period Cycles from one halving to the next.
    event HalvingBegan(uint32 indexed cycle, uint256 first, uint16 period);

    /// @notice Compute rewards were set aside, to be paid.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param amount What was granted.
    event SetAside(uint32 indexed cycle, uint256 amount);

    /// @notice What was set aside for effort, and nobody's work backs, is in the reserve again.
    /// @param over The cycle that it was set aside of.
    /// @param amount In units of 1e-18 KLP.
    event PutBack(uint32 indexed over, uint256 amount);

    /// @notice Compute rewards were paid.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    /// @param forEffort Whether it pays for effort; else for listening.
    event Paid(address indexed to, uint256 amount, bool forEffort);

    /// @notice Only Settlement and Effort may.
    error OnlyPayers();

    /// @notice When the first cycle began, in seconds since 1970.
    function start() external view returns (uint64);

    /// @notice What can ever be emitted.
    function reserve() external view returns (uint256);

    /// @notice The running cycle, once it was opened.
    function cycle() external view returns (uint32);

    /// @notice What the running cycle has left for listening.
    function marketLeft() external view returns (uint128);

    /// @notice Compute rewards set aside so far, paid or not.
    function promised() external view returns (uint256);

    /// @notice Compute reward of a cycle that was opened.
    /// @param cycle_ Number of the cycle of 24 hours.
    function rewardOf(uint32 cycle_) external view returns (uint256);

    /// @notice Part of it that is for effort, until it is set aside.
    /// @param cycle_ Number of the cycle of 24 hours.
    function effortPoolOf(uint32 cycle_) external view returns (uint256);

    /// @notice Whether the halving has begun.
    function milestone() external view returns (bool);

    /// @notice The first cycle of this halving.
    function halvingCycle() external view returns (uint32);

    /// @notice Cycles from one halving to the next.
    function period() external view returns (uint16);

    /// @notice Reward of the first cycle of this halving.
    function first() external view returns (uint256);

    /// @notice The cycle that `time` falls into, from 1.
    /// @param time Seconds since 1970.
    /// @return Its number.
    function cycleAt(uint256 time) external view returns (uint32);

    /// @notice Open the running cycle if that has not been done. Anybody may; the payers do.
    /// @return current Number of the running cycle.
    function roll() external returns (uint32 current);

    /// @notice Settlement, for an epoch, and AuditPay, for an audit, set aside up to `wanted` of the market's part; what they get
    ///         is theirs to pay, whenever it is collected.
    /// @param wanted What the caller would like to have.
    /// @return granted What it gets.
    function setAside(uint256 wanted) external returns (uint256 granted);

    /// @notice Effort sets the pool of a cycle that is over aside, once.
    /// @param over A cycle that is over.
    /// @return granted What it gets.
    function setEffortAside(uint32 over) external returns (uint256 granted);

    /// @notice Give back to the reserve what was set aside for effort and is not needed. For Effort.
    /// @param over The cycle that it was set aside of.
    /// @param amount In units of 1e-18 KLP.
    function putBack(uint32 over, uint256 amount) external;

    /// @notice Pay what was set aside.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    function pay(address to, uint256 amount) external;

    /// @notice `Schedule.beforeMilestone` by the running terms, to be read.
    /// @param effort_ Effort of the cycle before, 18 decimals.
    /// @return The reward.
    function beforeMilestone(uint256 effort_) external view returns (uint256);

    /// @notice `Schedule.firstDown`, to be read.
    /// @param left What the reserve holds.
    /// @param period_ Cycles from one halving to the next.
    /// @return The reward.
    function firstDown(uint256 left, uint256 period_) external pure returns (uint256);

    /// @notice `Schedule.halvedDown`, to be read.
    /// @param first_ Reward of the first cycle.
    /// @param period_ Cycles from one halving to the next.
    /// @param n Cycle of the halving, from 0.
    /// @return The reward.
    function halvedDown(uint256 first_, uint256 period_, uint256 n) external pure returns (uint256);

    /// @notice `Schedule.sumHalved`, to be read.
    /// @param first_ Reward of the first cycle.
    /// @param period_ Cycles from one halving to the next.
    /// @param n How many cycles.
    /// @return The sum.
    function sumHalved(uint256 first_, uint256 period_, uint256 n) external pure returns (uint256);
}
