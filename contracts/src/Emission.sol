// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Effort} from "./Effort.sol";
import {Rules} from "./Rules.sol";
import {Schedule} from "./Schedule.sol";
import {Token} from "./Token.sol";
import {Wiring} from "./Wiring.sol";

/// @title The only minter: how much of the compute reserve may be paid in each cycle of 24 hours
/// @notice A part of a cycle's reward pays for listening (Settlement), the rest for effort (Effort). What a cycle does
///         not pay stays in the reserve. The schedule is in `Schedule`, in closed form.
contract Emission {
    Token public immutable token;
    Rules public immutable rules;
    Effort public immutable effort;
    address public immutable settlement;
    uint64 public immutable start;

    uint32 public cycle; // the running one, once rolled
    uint128 public marketLeft; // of the running cycle
    uint256 public promised; // set aside so far, paid or not
    mapping(uint32 cycle => uint256) public rewardOf;
    mapping(uint32 cycle => uint256) public effortPoolOf;

    bool public milestone; // reached
    uint32 public milestoneCycle; // the first cycle under halving
    uint256 public first; // its reward

    event Rolled(uint32 indexed cycle, uint256 effort, uint256 reward, uint256 market);
    event MilestoneReached(uint32 indexed cycle, uint256 first);
    event SetAside(uint32 indexed cycle, uint256 amount);
    event Paid(address indexed to, uint256 amount, bool forEffort);

    error OnlyPayers();

    constructor(Wiring memory w) {
        token = Token(w.token);
        rules = Rules(w.rules);
        effort = Effort(w.effort);
        settlement = w.settlement;
        start = uint64(block.timestamp);
        promised = token.former();
    }

    /// @notice The cycle that `time` falls into, from 1.
    function cycleAt(uint256 time) public view returns (uint32) {
        return uint32((time - start) / 1 days) + 1;
    }

    /// @notice Open the running cycle if that has not been done. Anybody may; the payers do.
    function roll() public {
        // CHECK
        uint32 current = cycleAt(block.timestamp);
        if (current == cycle) return;
        // ACCRUE
        uint256 before = effort.totalOf(current - 1);
        uint256 left = token.COMPUTE_RESERVE() - promised;
        if (!milestone && before >= Schedule.MILESTONE) {
            (milestone, milestoneCycle, first) = (true, current, Schedule.firstDown(left));
            emit MilestoneReached(current, first);
        }
        uint256 reward = milestone
            ? Schedule.afterMilestoneDown(first, current - milestoneCycle)
            : Math.min(Schedule.beforeMilestone(before), left);
        uint256 market = (reward * rules.current().marketBps) / 1e4; // rounds down
        // APPLY
        cycle = current;
        rewardOf[current] = reward;
        marketLeft = uint128(market);
        effortPoolOf[current] = reward - market;
        // EMIT
        emit Rolled(current, before, reward, market);
    }

    /// @notice Settlement sets aside up to `wanted` for an epoch; what it gets is its to pay, whenever it is collected.
    function setAside(uint256 wanted) external returns (uint256 granted) {
        // CHECK
        if (msg.sender != settlement) revert OnlyPayers();
        roll();
        // APPLY
        granted = Math.min(wanted, marketLeft);
        marketLeft -= uint128(granted);
        promised += granted;
        // EMIT
        emit SetAside(cycle, granted);
    }

    /// @notice Effort sets the pool of a cycle that is over aside, once.
    function setEffortAside(uint32 over) external returns (uint256 granted) {
        // CHECK
        if (msg.sender != address(effort)) revert OnlyPayers();
        roll();
        // APPLY
        granted = Math.min(effortPoolOf[over], token.COMPUTE_RESERVE() - promised);
        effortPoolOf[over] = 0;
        promised += granted;
        // EMIT
        emit SetAside(over, granted);
    }

    /// @notice Pay what was set aside.
    function pay(address to, uint256 amount) external {
        if (msg.sender != settlement && msg.sender != address(effort)) revert OnlyPayers();
        emit Paid(to, amount, msg.sender == address(effort));
        token.emitTo(to, amount);
    }

    // ---- the schedule, to be read ----

    function beforeMilestone(uint256 effort_) external pure returns (uint256) {
        return Schedule.beforeMilestone(effort_);
    }

    function firstDown(uint256 left) external pure returns (uint256) {
        return Schedule.firstDown(left);
    }

    function afterMilestoneDown(uint256 first_, uint256 n) external pure returns (uint256) {
        return Schedule.afterMilestoneDown(first_, n);
    }

    function sumAfterMilestone(uint256 first_, uint256 n) external pure returns (uint256) {
        return Schedule.sumAfterMilestone(first_, n);
    }
}
