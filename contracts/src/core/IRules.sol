// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Every number that somebody may want to change. Money amounts have 18 decimals; *Bps are 1/10,000.
struct Parameters {
    uint32 listenSeconds; // the longest a LISTEN phase lasts
    uint32 claimSeconds; // the longest a CLAIM phase lasts
    uint32 thawSeconds; // unstaked tokens stay slashable this long: two epochs at least
    uint16 kappa; // share of the stake bound to listen that must agree on a weight, in 1/65535
    uint16 seats; // backbone seats
    uint16 maturity; // a neuron is judged once older than this many epochs
    uint16 marginBps; // how much better than the incumbent a challenger must be heard
    uint8 patience; // audits failed in a row that silence a neuron
    uint8 auditSeats; // auditors drawn for a neuron
    uint8 auditQuorum; // fewer revealed results conclude nothing and punish nobody
    uint16 floorBps; // least half interval that an auditor is held to
    uint16 slashBps; // share of an outlying auditor's stake that is taken
    uint16 marketBps; // share of a cycle's compute reward that pays for listening; the rest pays for effort
    uint32 disputeSeconds; // an epoch's pay waits this long for disputes about receipts; 0 for no disputes
    uint64 decay; // eta of the utility, 18 decimals, at most 0.999999
    uint128 emission; // compute reward of one epoch
    uint128 neuronStake; // least stake of a neuron
    uint128 auditorStake; // least stake of an auditor
    uint32 leastSeconds; // no phase is shorter
    uint8 committee; // neurons that are bound to listen to a speaker, as many as these on average, where there are more
    uint16 fringeBps; // what is heard of a fringe neuron counts so much of what it would of one with a seat
}

/// @title The parameters of a network, and their one owner
/// @notice A change waits until the next epoch opens, so that no epoch is played under two sets of rules.
interface IRules {
    /// @notice Other rules are to come.
    /// @param parameters The rules.
    event Proposed(Parameters parameters);

    /// @notice These rules are played by.
    /// @param epoch The first epoch that is played by them.
    /// @param parameters The rules.
    event Adopted(uint32 indexed epoch, Parameters parameters);

    /// @notice Only the clock may.
    error OnlyClock();

    /// @notice The number is outside its range.
    /// @param parameter Name of the number that is out of range.
    error OutOfRange(string parameter);

    /// @notice Whether a change waits.
    function pending() external view returns (bool);

    /// @notice The rules of the running epoch.
    /// @return Those of now.
    function current() external view returns (Parameters memory);

    /// @notice The rules that an epoch was played by: what happened in it is judged by them, whatever changed since.
    /// @param epoch Number of the epoch.
    /// @return Those of then.
    function playedIn(uint32 epoch) external view returns (Parameters memory);

    /// @notice Until when whatever begins to thaw now is held at least, in seconds since 1970: as long as it would have
    ///         been by the rules before, had it begun at their end. So a shorter thaw lets nobody go unjudged.
    function heldUntil() external view returns (uint64);

    /// @notice When what begins to thaw now has thawed, in seconds since 1970.
    function thawedAt() external view returns (uint64);

    /// @notice Change the rules from the next epoch on. A later proposal replaces an earlier one.
    /// @param p The rules.
    function propose(Parameters calldata p) external;

    /// @notice Called by the clock when `epoch` opens.
    /// @param epoch The epoch that opens.
    function adopt(uint32 epoch) external;

    /// @notice Reverts unless `p` can be played with.
    /// @param p The rules.
    function check(Parameters calldata p) external pure;

    /// @notice Who may change the rules.
    /// @return Its address.
    function owner() external view returns (address);
}
