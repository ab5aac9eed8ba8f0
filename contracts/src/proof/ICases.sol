// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IChallenges} from "../evidence/IChallenges.sol";

/// @title Not every answer is proven, but any may have to be
/// @notice A neuron promises that its answers are those of the model whose name it signs them with, and that it shows so
///         of any that is drawn. After its epoch the beacon draws, of each answer by itself, whether it must be shown.
///         Whoever has one that is drawn may open a case, with a deposit. A neuron that answers gets the deposit; one that
///         does not in time loses stake. What it shows is too large for a contract: anybody can look at it, and dispute it
///         with a bond. Then all auditors may vote, by what they have staked. It is convicted where more than half of all
///         audit stake finds that the answer is not the model's, or that nothing was to be had; otherwise it is not.
interface ICases {
    enum State {
        None,
        Open,
        Answered,
        Disputed,
        Stood, // nobody disputed what was shown
        Defaulted, // nothing was shown in time
        Acquitted,
        Convicted
    }

    /// @notice In which epochs a neuron promises to show what is drawn.
    struct Span {
        uint32 since;
        uint32 until; // the first epoch in which it no longer does; 0 for none
    }

    struct Case {
        uint32 epoch;
        uint32 neuron;
        State state;
        uint64 until; // when what comes next is due, in seconds since 1970
        uint32 disputedIn; // the epoch in which it was disputed: who had stake when that opened may vote
        address by; // who opened it
        address disputer;
        uint128 deposit;
        uint128 bond;
        bytes32 shown; // hash of what the neuron shows
        uint96 all; // audit stake when it was disputed
        uint96 against; // of those who voted that it is not the model's answer
        uint96 inFavour;
        uint96 waiting; // of those on the winning side who have not collected
        uint128 pot; // for these
    }

    struct Vote {
        uint96 weight;
        bool against;
        bool collected;
        bool punished;
    }

    /// @notice From `since` on answers under this name may have to be shown.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    /// @param since The first epoch.
    event Pledged(uint32 indexed neuron, bytes32 indexed model, uint32 since);

    /// @notice From `until` on they need not.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    /// @param until The first epoch in which it does not count any more.
    event Ended(uint32 indexed neuron, bytes32 indexed model, uint32 until);

    /// @notice An answer that was drawn must be shown.
    /// @param id Of the case.
    /// @param neuron Id of the neuron.
    /// @param epoch In which it answered.
    /// @param by Who asks for it.
    /// @param until Until when, in seconds since 1970.
    /// @param deposit What was deposited, in units of 1e-18 KLP.
    /// @param model Name that it signed with.
    /// @param question What it was asked, whole, so that it and all who judge have it.
    /// @param values What it answered, in millionths.
    event Opened(
        bytes32 indexed id,
        uint32 indexed neuron,
        uint32 indexed epoch,
        address by,
        uint64 until,
        uint128 deposit,
        bytes32 model,
        bytes question,
        int256[] values
    );

    /// @notice The neuron shows it.
    /// @param id Of the case.
    /// @param shown Hash of what is shown; the neuron gives that to anybody who asks.
    /// @param until Until when it may be disputed, in seconds since 1970.
    event Answered(bytes32 indexed id, bytes32 shown, uint64 until);

    /// @notice Somebody says that it shows nothing, or cannot be had.
    /// @param id Of the case.
    /// @param by Who says so.
    /// @param bond What was deposited, in units of 1e-18 KLP.
    /// @param all Audit stake that may vote, in units of 1e-18 KLP.
    /// @param until Until when auditors vote, in seconds since 1970.
    event Disputed(bytes32 indexed id, address by, uint128 bond, uint96 all, uint64 until);

    /// @notice An auditor voted.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    /// @param against Whether it finds that nothing is shown.
    /// @param weight What it has staked, in units of 1e-18 KLP.
    event Voted(bytes32 indexed id, uint32 indexed auditor, bool against, uint96 weight);

    /// @notice It is over.
    /// @param id Of the case.
    /// @param state How it ended.
    event Closed(bytes32 indexed id, State state);

    /// @notice An auditor was paid for its vote.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    /// @param to Its owner.
    /// @param amount In units of 1e-18 KLP.
    event Collected(bytes32 indexed id, uint32 indexed auditor, address to, uint256 amount);

    /// @notice An auditor lost stake: more than half of all audit stake voted otherwise.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    event Wrong(bytes32 indexed id, uint32 indexed auditor);

    /// @notice This network's `Stake` was made without this contract, and would take nothing for it.
    error NotKnownToStake();

    /// @notice The neuron had not promised to show what it answers under this name in that epoch.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    error NotPledged(uint32 neuron, bytes32 model);

    /// @notice It has promised that, or ended it so short ago that a case could still be opened.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    error StillPledged(uint32 neuron, bytes32 model);

    /// @notice Cases about an epoch's answers are opened in the second and the third epoch after it.
    /// @param epoch In which it answered.
    error NotNow(uint32 epoch);

    /// @notice The beacon did not draw this answer.
    error NotDrawn();

    /// @notice There is a case about it.
    /// @param id Of the case.
    error AlreadyOpen(bytes32 id);

    /// @notice The case is not where this can be done.
    /// @param id Of the case.
    /// @param state Where it is.
    error WrongState(bytes32 id, State state);

    /// @notice The time for that is over.
    /// @param until When it was.
    error TooLate(uint64 until);

    /// @notice The time for that has not come.
    /// @param until When it comes.
    error NotDue(uint64 until);

    /// @notice It says nothing.
    error NothingShown();

    /// @notice It has voted.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    error AlreadyVoted(bytes32 id, uint32 auditor);

    /// @notice Who votes has stake as an auditor: now, when this epoch opened, and when that of the dispute did.
    /// @param auditor Id of the auditor.
    error NoAuditStake(uint32 auditor);

    /// @notice There is nothing to collect, or nothing to punish.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    error NothingDue(bytes32 id, uint32 auditor);

    /// @notice So many epochs after an answer it is drawn: the beacon's values for that are shown when the answer's epoch
    ///         is over, so whoever answers knows none of them.
    function DELAY() external view returns (uint32);

    /// @notice In which epochs a neuron promises that.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    /// @return The epochs.
    function pledgeOf(uint32 neuron, bytes32 model) external view returns (Span memory);

    /// @notice Promise to show any answer under this name that is drawn, from the next epoch on. For whoever acts for it.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    function pledge(uint32 neuron, bytes32 model) external;

    /// @notice Promise it no more, from the next epoch on.
    /// @param neuron Id of the neuron.
    /// @param model Name of the model.
    function end(uint32 neuron, bytes32 model) external;

    /// @notice The id of the case about an answer.
    /// @param epoch In which it was given.
    /// @param neuron Id of the neuron.
    /// @param question Hash of the question.
    /// @param values What was answered, in millionths.
    /// @return Its id.
    function idOf(uint32 epoch, uint32 neuron, bytes32 question, int256[] calldata values) external pure returns (bytes32);

    /// @notice Whether an answer must be shown. Reverts where that is not known yet.
    /// @param id Of the case about it.
    /// @param epoch In which it was given.
    /// @return Whether it was drawn.
    function drawn(bytes32 id, uint32 epoch) external view returns (bool);

    /// @notice A case.
    /// @param id Of the case.
    /// @return The record.
    function caseOf(bytes32 id) external view returns (Case memory);

    /// @notice A vote.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    /// @return The record.
    function voteOf(bytes32 id, uint32 auditor) external view returns (Vote memory);

    /// @notice How long a case about an epoch's answer can be answered, and then disputed, and then voted on: by the terms,
    ///         but each no longer than an eighth of the thaw.
    /// @param epoch In which it answered.
    /// @return answer In seconds.
    /// @return judge In seconds.
    function windows(uint32 epoch) external view returns (uint64 answer, uint64 judge);

    /// @notice Ask to be shown an answer that was drawn. Takes the deposit from the caller.
    /// @param epoch In which it was given.
    /// @param neuron Id of the neuron.
    /// @param model Name that it signed with.
    /// @param question What it was asked; it signed its hash.
    /// @param s What it signed.
    /// @return id Of the case.
    function open(uint32 epoch, uint32 neuron, bytes32 model, bytes calldata question, IChallenges.Statement calldata s)
        external
        returns (bytes32 id);

    /// @notice Show it, several at once if they are proven together. For whoever acts for the neuron.
    /// @param ids Of the cases.
    /// @param shown Hash of what is shown.
    function answer(bytes32[] calldata ids, bytes32 shown) external;

    /// @notice Say that what is shown is not the model's answer, or cannot be had. Takes the bond from the caller.
    /// @param id Of the case.
    function dispute(bytes32 id) external;

    /// @notice Vote on it. For whoever acts for the auditor.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    /// @param against Whether nothing is shown.
    function vote(bytes32 id, uint32 auditor, bool against) external;

    /// @notice End a case whose time is over. Anybody may. The deposit is the neuron's owner's where it was answered, and
    ///         goes back where it was not, or where the neuron is convicted; then a quarter of what is taken is the
    ///         finder's, shared with those who voted so where there was a vote, and the rest is burnt. A bond goes back
    ///         where the neuron is convicted, and is else half the neuron's owner's and half those who voted for it.
    /// @param id Of the case.
    function close(bytes32 id) external;

    /// @notice Pay an auditor's owner its part of the pot, by what it voted with. Anybody may.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    function collect(bytes32 id, uint32 auditor) external;

    /// @notice Take from an auditor who voted one way where more than half of all audit stake voted the other. Anybody may.
    /// @param id Of the case.
    /// @param auditor Id of the auditor.
    function punish(bytes32 id, uint32 auditor) external;
}
