// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The beacon: what every draw is made from, so that nobody can choose among its outcomes
/// @notice A participant commits the end of a chain of hashes, and in each CLAIM shows the value before the one shown
///         last. What was shown in an epoch, mixed, is the seed of the next. Nobody can change what it committed; all
///         that is left to it is not to show it, which is one bit, and costs `missBps` of its stake. The mix does not
///         depend on the order, the block, or who calls what.
interface IBeacon {
    struct Chain {
        bytes32 tip; // the hash of the value that is to be shown next
        bytes32 next; // the tip of the chain that follows this one; 0 for none
        uint96 weight; // its stake when it last showed one
        uint32 since; // the first epoch in which it must show one; 0 for no chain
        uint32 last; // the last epoch that is done with: shown, or excused
        uint32 round; // chains committed so far
        uint32 shown; // values shown of this chain
        bool ending; // the chain ends with the epoch that runs
    }

    struct Terms {
        uint96 least; // stake without which nothing can be shown, in units of 1e-18 KLP
        uint16 missBps; // share of the stake that a value costs which is not shown, in 1/10,000
    }

    /// @notice A chain of hashes is bound.
    /// @param id Id of the participant.
    /// @param since The first epoch in which a value of it must be shown.
    /// @param round Which of the participant's chains it is, from 1 on.
    /// @param tip The end of the chain.
    event Bound(uint32 indexed id, uint32 since, uint32 round, bytes32 tip);

    /// @notice A value was shown.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param value What hashes to the tip.
    /// @param weight The participant's stake when the epoch opened.
    event Shown(uint32 indexed id, uint32 indexed epoch, bytes32 value, uint96 weight);

    /// @notice A value was not shown: the chain is cut, and stake was taken; or nothing was, because its own was
    ///         below the least, or because those who showed theirs hold less than half of the bound stake, which is a
    ///         fault of the network and not of one.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param excused Whether nothing was taken.
    event Missed(uint32 indexed id, uint32 indexed epoch, bool excused);

    /// @notice A participant binds itself no longer: the chain ends when the running epoch does.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch, whose value must still be shown.
    event Unbound(uint32 indexed id, uint32 indexed epoch);

    /// @notice The terms are others from the next epoch on.
    /// @param epoch The first epoch under them.
    /// @param terms The terms.
    event Proposed(uint32 indexed epoch, Terms terms);

    /// @notice Values are shown in CLAIM of a running epoch.
    error WrongPhase();

    /// @notice The participant has no chain of which a value must be shown in this epoch.
    /// @param id Id of the participant.
    error NotBound(uint32 id);

    /// @notice A chain is bound already, and the one that follows it too.
    /// @param id Id of the participant.
    error AlreadyBound(uint32 id);

    /// @notice The value of this epoch was shown already.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    error AlreadyShown(uint32 id, uint32 epoch);

    /// @notice What was shown does not hash to the tip.
    /// @param id Id of the participant.
    error WrongValue(uint32 id);

    /// @notice The stake is below the least, or was when the epoch opened.
    /// @param id Id of the participant.
    /// @param staked In units of 1e-18 KLP.
    /// @param least In units of 1e-18 KLP.
    error TooLittleStake(uint32 id, uint256 staked, uint256 least);

    /// @notice The tip is empty.
    error NoTip();

    /// @notice Only the owner of the rules may change the terms.
    error OnlyOwner();

    /// @notice A term is beyond its range: 1 to 1e27 for `least`, 1 to 5,000 for `missBps`.
    /// @param name Name of the term.
    error TermOutOfRange(string name);

    /// @notice Bind a chain from the next epoch on, or the one that follows when the running one is used up. Whoever
    ///         missed a value and was not told so yet is now.
    /// @param id Id of the participant; the caller acts for it.
    /// @param tip The end of the chain: a secret, hashed many times.
    function bind(uint32 id, bytes32 tip) external;

    /// @notice Be bound no longer from the next epoch on.
    /// @param id Id of the participant; the caller acts for it.
    function unbind(uint32 id) external;

    /// @notice Show the value of the running epoch, in CLAIM.
    /// @param id Id of the participant; anybody may carry its value.
    /// @param value What hashes to the tip.
    function show(uint32 id, bytes32 value) external;

    /// @notice Take what it costs from those who did not show a value in an epoch that is over, and let go of those who
    ///         had too little at stake for it when the epoch opened. Anybody may call; whoever missed nothing is passed over.
    /// @param ids Ids of participants.
    function settle(uint32[] calldata ids) external;

    /// @notice Change the terms from the next epoch on.
    /// @param terms The terms.
    function propose(Terms calldata terms) external;

    /// @notice The chain of a participant.
    /// @param id Id of the participant.
    function chainOf(uint32 id) external view returns (Chain memory);

    /// @notice The terms of the running epoch.
    function terms() external view returns (Terms memory);

    /// @notice What was shown in an epoch, mixed.
    /// @param epoch Number of the epoch.
    function mixOf(uint32 epoch) external view returns (bytes32);

    /// @notice The stake of those who showed a value in an epoch, and of those who had to; in units of 1e-18 KLP.
    /// @param epoch Number of the epoch.
    function turnout(uint32 epoch) external view returns (uint256 shown, uint256 bound);

    /// @notice How many have a value to show in an epoch that they have not shown yet. No CLAIM ends early before that.
    /// @param epoch Number of the epoch.
    function owed(uint32 epoch) external view returns (uint256);
}
