// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {IToken} from "../core/IToken.sol";
import {IEconomy, Terms} from "./IEconomy.sol";
import {IEffortTotal, IEmission} from "./IEmission.sol";
import {Schedule} from "./Schedule.sol";

/// @title The only minter: how much of the compute reserve may be paid in each cycle of 24 hours
/// @notice A part of a cycle's reward pays for listening (Settlement) and audits (AuditPay), the rest for effort (Effort). What a cycle does
///         not pay stays in the reserve. The schedule is in `Schedule`, in closed form; its terms are in `Economy`.
///         Whatever they become, `promised` never exceeds the reserve: nothing is set aside beyond what is left.
contract Emission is IEmission {
    IToken public immutable token;
    IRules public immutable rules;
    IEconomy public immutable economy;
    IEffortTotal public immutable effort;
    address public immutable settlement;
    address public immutable auditPay;
    uint64 public immutable start;
    uint256 public immutable reserve; // the token's constant

    uint32 public cycle; // the running one, once rolled
    uint128 public marketLeft; // of the running cycle
    uint256 public promised; // set aside so far, paid or not
    mapping(uint32 cycle => uint256) public rewardOf;
    mapping(uint32 cycle => uint256) public effortPoolOf;
    bool public milestone; // reached
    uint32 public halvingCycle; // the first cycle of this halving
    uint16 public period; // its cycles from one halving to the next
    uint256 public first; // the reward of its first cycle

    constructor(IDirectory d) {
        token = IToken(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
        economy = IEconomy(d.addressOf("Economy"));
        effort = IEffortTotal(d.find("Effort"));
        settlement = d.find("Settlement");
        auditPay = d.find("AuditPay");
        start = uint64(block.timestamp);
        reserve = token.COMPUTE_RESERVE();
        promised = token.former();
    }

    /// @inheritdoc IEmission
    function cycleAt(uint256 time) public view returns (uint32) {
        return uint32((time - start) / 1 days) + 1;
    }

    /// @inheritdoc IEmission
    function roll() public returns (uint32 current) {
        // CHECK
        current = cycleAt(block.timestamp);
        if (current == cycle) return current;
        // ACCRUE
        Terms memory t = economy.adopt(current);
        uint256 before = address(effort) == address(0) ? 0 : effort.totalOf(current - 1);
        uint256 left = reserve - promised;
        if (milestone ? t.halvingCycles != period : before >= t.milestone) {
            (milestone, halvingCycle, period) = (true, current, t.halvingCycles);
            first = Schedule.firstDown(left, period);
            emit HalvingBegan(current, first, period);
        }
        uint256 due = milestone
            ? Schedule.halvedDown(first, period, current - halvingCycle)
            : Schedule.beforeMilestone(t.thresholds, t.rewards, before);
        uint256 reward = Math.min(due, left);
        uint256 market = (reward * rules.current().marketBps) / 1e4; // rounds down
        // APPLY
        cycle = current;
        rewardOf[current] = reward;
        marketLeft = uint128(market);
        effortPoolOf[current] = reward - market;
        // EMIT
        emit Rolled(current, before, reward, market);
    }

    /// @inheritdoc IEmission
    function setAside(uint256 wanted) external returns (uint256 granted) {
        // CHECK
        if (msg.sender != settlement && msg.sender != auditPay) revert OnlyPayers();
        roll();
        // APPLY
        granted = Math.min(Math.min(wanted, marketLeft), reserve - promised);
        marketLeft -= uint128(granted);
        promised += granted;
        // EMIT
        emit SetAside(cycle, granted);
    }

    /// @inheritdoc IEmission
    function setEffortAside(uint32 over) external returns (uint256 granted) {
        // CHECK
        if (msg.sender != address(effort)) revert OnlyPayers();
        roll();
        // APPLY
        granted = Math.min(effortPoolOf[over], reserve - promised);
        effortPoolOf[over] = 0;
        promised += granted;
        // EMIT
        emit SetAside(over, granted);
    }

    /// @inheritdoc IEmission
    function putBack(uint32 over, uint256 amount) external {
        if (msg.sender != address(effort)) revert OnlyPayers();
        promised -= amount;
        emit PutBack(over, amount);
    }

    /// @inheritdoc IEmission
    function pay(address to, uint256 amount) external {
        if (msg.sender != settlement && msg.sender != auditPay && msg.sender != address(effort)) revert OnlyPayers();
        emit Paid(to, amount, msg.sender == address(effort));
        token.emitTo(to, amount);
    }

    /// @inheritdoc IEmission
    function beforeMilestone(uint256 effort_) external view returns (uint256) {
        Terms memory t = economy.current();
        return Schedule.beforeMilestone(t.thresholds, t.rewards, effort_);
    }

    /// @inheritdoc IEmission
    function firstDown(uint256 left, uint256 period_) external pure returns (uint256) {
        return Schedule.firstDown(left, period_);
    }

    /// @inheritdoc IEmission
    function halvedDown(uint256 first_, uint256 period_, uint256 n) external pure returns (uint256) {
        return Schedule.halvedDown(first_, period_, n);
    }

    /// @inheritdoc IEmission
    function sumHalved(uint256 first_, uint256 period_, uint256 n) external pure returns (uint256) {
        return Schedule.sumHalved(first_, period_, n);
    }
}
