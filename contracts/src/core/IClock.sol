// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What `Clock` asks of the contract that keeps audits.
interface ITurnout {
    /// @notice Who committed in an epoch, and who of them revealed.
    /// @param epoch Number of the epoch.
    /// @return committed Stake of those who committed.
    /// @return revealed Stake of those of them who revealed.
    /// @return questions That are paid, of results about neurons that were bound to listen.
    /// @return hidden How many committed with an auditor's stake and have not revealed.
    function turnout(uint32 epoch)
        external
        view
        returns (uint96 committed, uint96 revealed, uint32 questions, uint32 hidden);
}

/// @title Epochs in lock-step: LISTEN, then CLAIM
/// @notice A phase ends at its deadline, or once the stake that is expected has arrived: never before the rules' least time,
///         never before half of all that is at stake is there, and never while somebody still has to show what it would
///         pay for not showing: a commitment, a value of the beacon. Whoever arrived in one phase is expected in
///         those that follow with what it has at stake, until it misses a deadline: who was only cut off because the
///         others were quicker did not. Who has nothing at stake holds nobody up at all. A fiftieth of the expected stake
///         is not waited for. Where a twentieth of all that is at stake stays away, every eighth phase lasts until its
///         deadline, so that whoever needs the whole of one comes back, and is waited for again.
interface IClock {
    enum Phase {
        Listen,
        Claim
    }

    struct Window {
        uint64 until; // when it ends
        uint32 length; // in seconds, by the rules that the epoch was played by
    }

    /// @notice A phase has opened.
    /// @param epoch Number of the epoch.
    /// @param phase LISTEN or CLAIM.
    /// @param deadline When the phase ends at the latest, in seconds since 1970.
    /// @param expected How many are waited for.
    /// @param seed What the draws of the epoch are made from.
    event Opened(uint32 indexed epoch, Phase phase, uint64 deadline, uint32 expected, bytes32 seed);

    /// @notice A participant is done with the phase.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param phase LISTEN or CLAIM.
    event Arrived(uint32 indexed id, uint32 indexed epoch, Phase phase);

    /// @notice A participant has gone.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param phase LISTEN or CLAIM.
    event Left(uint32 indexed id, uint32 indexed epoch, Phase phase);

    /// @notice Only whoever was named at the deployment may start the clock.
    error OnlyStarter();

    /// @notice The clock runs.
    error AlreadyStarted();

    /// @notice The clock does not run yet.
    error NotStarted();

    /// @notice Not all the stake that is waited for has arrived, or it is too early; and there is time left.
    /// @param deadline When the phase ends at the latest.
    /// @param arrived How many have arrived.
    /// @param expected How many are waited for.
    error NotDue(uint64 deadline, uint32 arrived, uint32 expected);

    /// @notice Who may start the clock.
    function starter() external view returns (address);

    /// @notice The running epoch; 0 until the clock is started, while everybody gathers.
    function epoch() external view returns (uint32);

    /// @notice The running phase.
    function phase() external view returns (Phase);

    /// @notice When it ends at the latest, in seconds since 1970.
    function deadline() external view returns (uint64);

    /// @notice How many are waited for.
    function expected() external view returns (uint32);

    /// @notice How many of them have arrived.
    function arrived() external view returns (uint32);

    /// @notice When the running phase opened, in seconds since 1970.
    function opened() external view returns (uint64);

    /// @notice After so many phases in a row that ended early without a twentieth of all stake, one lasts until its deadline.
    function HURRIED() external view returns (uint256);

    /// @notice Whoever arrived in this turn or later is expected.
    function since() external view returns (uint64);

    /// @notice Phases in a row that ended early without a twentieth of all stake.
    function hurried() external view returns (uint8);

    /// @notice Stake that is waited for.
    function expectedWeight() external view returns (uint128);

    /// @notice Stake that has arrived.
    function arrivedWeight() external view returns (uint128);

    /// @notice What the draws of an epoch are made from.
    /// @param epoch_ Number of the epoch.
    function seedOf(uint32 epoch_) external view returns (bytes32);

    /// @notice The dispute window of an epoch; zeros for none, or while the epoch runs.
    /// @param epoch_ Number of the epoch.
    function windowOf(uint32 epoch_) external view returns (uint64 until, uint32 length);

    /// @notice The phase in which a participant last arrived, numbered as `turn`.
    /// @param id Id of the participant.
    function lastTurn(uint32 id) external view returns (uint64);

    /// @notice A number for each phase of each epoch, from 2 on, so that 0 means "never".
    /// @return The number.
    function turn() external view returns (uint64);

    /// @notice Everything a participant polls, in one call.
    /// @return epoch_ The running epoch.
    /// @return phase_ The running phase.
    /// @return deadline_ When it ends at the latest.
    /// @return arrived_ How many have arrived.
    /// @return expected_ How many are waited for.
    /// @return time The block's time.
    function status(
        
    ) external view returns (uint32 epoch_, Phase phase_, uint64 deadline_, uint32 arrived_, uint32 expected_, uint64 time);

    /// @notice Whether `advance` would go through now.
    /// @return True if it would.
    function due() external view returns (bool);

    /// @notice Leave epoch 0, in which everybody gathers.
    function start() external;

    /// @notice End a phase that is over. Anybody may.
    function advance() external;

    /// @notice Be counted as done with this phase, and expected in the next. Settlement and Audits call it for those
    ///         who post, claim, commit or reveal; a participant with nothing to do calls it itself.
    /// @param id Id of the participant.
    function arrive(uint32 id) external;

    /// @notice Go without holding the others up.
    /// @param id Id of the participant.
    function depart(uint32 id) external;
}
