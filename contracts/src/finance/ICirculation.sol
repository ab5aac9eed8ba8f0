// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Rewards for circulation, from their reserve alone (E4)
/// @notice Of each payment that goes through here a hundredth is burnt. When a day is over, all who paid on it share what the
///         reserve may mint by the rate that the owner of the rules set, by what was burnt for each, and never more than
///         half of what was burnt: who pays itself, or a friend, always loses half of it at least. A day's reward vests over
///         ninety days from its end.
interface ICirculation {
    struct Day {
        uint128 burnt;
        uint128 reward; // to all together, once it is closed
        bool closed;
    }

    /// @notice Somebody paid.
    /// @param from Who.
    /// @param to Whom.
    /// @param amount What was paid, the part that was burnt included, in units of 1e-18 KLP.
    /// @param burnt That part.
    /// @param what For what, as the payer says.
    event CirculationPayment(address indexed from, address indexed to, uint256 amount, uint256 burnt, bytes32 what);

    /// @notice A day is over, and its reward is set.
    /// @param day Days since 1970.
    /// @param burnt On it.
    /// @param reward To all who paid on it.
    event DayClosed(uint256 indexed day, uint256 burnt, uint256 reward);

    /// @notice What has vested was minted.
    /// @param owner To whom.
    /// @param day On which it was earned.
    /// @param amount In units of 1e-18 KLP.
    event CirculationPaid(address indexed owner, uint256 indexed day, uint256 amount);

    /// @notice A payment is at least a hundredth of a KLP.
    error TooSmall();

    /// @notice The day is not over, is closed already, or is not closed yet.
    /// @param day Days since 1970.
    error NotNow(uint256 day);

    /// @notice There is nothing to pay.
    error Nothing();

    /// @notice The part of a payment that is burnt, in 1/10,000.
    function BURN_BPS() external view returns (uint256);

    /// @notice A day.
    /// @param day Days since 1970.
    /// @return It.
    function dayOf(uint256 day) external view returns (Day memory);

    /// @notice What was burnt for somebody on a day.
    /// @param day Days since 1970.
    /// @param owner Who.
    function burntOf(uint256 day, address owner) external view returns (uint256);

    /// @notice What somebody had of a day's reward.
    /// @param day Days since 1970.
    /// @param owner Who.
    function paidOf(uint256 day, address owner) external view returns (uint256);

    /// @notice What is promised and not minted yet.
    function unpaid() external view returns (uint256);

    /// @notice Pay somebody; a hundredth is burnt, rounded up.
    /// @param to Whom.
    /// @param amount In units of 1e-18 KLP; what is burnt is a part of it.
    /// @param what For what, if anything is to be said.
    function pay(address to, uint128 amount, bytes32 what) external;

    /// @notice Set the reward of a day that is over. Anybody may.
    /// @param day Days since 1970.
    function close(uint256 day) external;

    /// @notice Have what has vested of one's part of a day's reward.
    /// @param day Days since 1970.
    /// @return amount In units of 1e-18 KLP; rounds down.
    function claim(uint256 day) external returns (uint256 amount);
}
