// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMembers} from "./IMembers.sol";

/// @title Standing: who may speak, and who has earned a seat
/// @notice Standing follows `klopf.neuron.next_standing`; utility follows R1 with activity 1 and, as listening, the
///         neuron's share of all that was heard in the epoch. Who takes part is in `Members`.
interface IRegistry is IMembers {
    /// @notice The model that answers in the next epoch.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param commitment Hash of the model snapshot that answers in the next epoch.
    event ModelCommitted(uint32 indexed id, uint32 indexed epoch, bytes32 commitment);

    /// @notice How a neuron was heard in an epoch counts.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param share Its part of all that was heard, 18 decimals.
    /// @param utility Uncorrected utility, 18 decimals.
    event UtilityUpdated(uint32 indexed id, uint32 indexed epoch, uint256 share, uint64 utility);

    /// @notice The outcome of an audit counts.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param passed Whether every mark was reached.
    /// @param failedInARow Audits failed in a row.
    event Judged(uint32 indexed id, uint32 indexed epoch, bool passed, uint8 failedInARow);

    /// @notice A neuron stands elsewhere.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param from Standing before.
    /// @param to Standing from now on.
    /// @param rival Id of the other neuron; 0 for none.
    event StandingChanged(uint32 indexed id, uint32 indexed epoch, Standing from, Standing to, uint32 rival);

    /// @notice An auditor has left the list.
    /// @param id Id of the participant.
    event Delisted(uint32 indexed id);

    /// @notice A neuron that did not post for long is not bound to listen any more, until it posts again.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    event Dismissed(uint32 indexed id, uint32 indexed epoch);

    /// @notice Only the network's own contract may.
    error OnlyContract();

    /// @notice Only of the running epoch this is known.
    /// @param epoch Number of the epoch.
    error NotRunning(uint32 epoch);

    /// @notice It has a seat already, or is no neuron that may have one.
    /// @param id Id of the participant.
    error NotFringe(uint32 id);

    /// @notice It has no seat.
    /// @param id Id of the participant.
    error NotBackbone(uint32 id);

    /// @notice The young are not judged.
    /// @param id Id of the participant.
    /// @param age Epochs it has lived through.
    error NotMature(uint32 id, uint32 age);

    /// @notice It has not passed its last audit.
    /// @param id Id of the participant.
    error AuditNotPassed(uint32 id);

    /// @notice Too few auditors have found it good since it last failed or changed its model.
    /// @param id Id of the participant.
    error NotVouched(uint32 id);

    /// @notice All seats are taken.
    /// @param seats How many there are.
    error NoFreeSeat(uint32 seats);

    /// @notice It is not heard enough for the seat.
    /// @param heard How much the challenger is heard.
    /// @param rival How much the incumbent is heard.
    error NotHeardEnough(uint256 heard, uint256 rival);

    /// @notice Not every epoch of its life is accounted for.
    /// @param id Id of the participant.
    /// @param accounted Epochs that its utility contains.
    /// @param age Epochs it has lived through.
    error NotSettled(uint32 id, uint32 accounted, uint32 age);

    /// @notice Its standing is what its record says.
    /// @param id Id of the participant.
    error NothingToChange(uint32 id);

    /// @notice What all who take part have at stake: neither the silent nor who only asks.
    function weight() external view returns (uint128);

    /// @notice What a participant has at stake; 0 for a silent one, and for who only asks.
    /// @param id Id of the participant.
    function weightOf(uint32 id) external view returns (uint128);

    /// @notice Seats that are taken.
    function backbone() external view returns (uint32);

    /// @notice Epochs without a post after which a neuron may be dismissed.
    function AWAY() external view returns (uint32);

    /// @notice Stake and number of the neurons that are bound to listen in the running epoch, as it opened.
    /// @param epoch The running epoch.
    function bound(uint32 epoch) external view returns (uint96 stake_, uint16 count_);

    /// @notice The stake with which a neuron is bound to listen in an epoch; 0 where it is not.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch, not before the last change of its standing.
    function boundWith(uint32 id, uint32 epoch) external view returns (uint96);

    /// @notice Bind neurons no longer that have not posted for AWAY epochs: what they would have said does not count as
    ///         silence any more. Anybody may. A neuron that posts is bound again from the next epoch on.
    /// @param ids Ids of neurons; others are passed over.
    function dismiss(uint32[] calldata ids) external;

    /// @notice Auditors on the list.
    function listed() external view returns (uint32);

    /// @notice Ask for a backbone seat: a free one (`incumbent` 0) or that of a neuron that is heard less, or that audits
    ///         find less good. Auditors with most of the audit stake must have found it good. A seat is taken
    ///         only where every epoch that both have lived through is accounted for, which anybody may see to by
    ///         `Settlement.collect`: whoever leaves a rival's good epochs out gains nothing.
    /// @param id Id of the participant.
    /// @param incumbent Id of the neuron that holds the seat; 0 for a free one.
    function knock(uint32 id, uint32 incumbent) external;

    /// @notice Silence, or send back to the fringe, a neuron whose record says so. Anybody may.
    /// @param id Id of the participant.
    function silence(uint32 id) external;

    /// @notice Take up to `most` auditors off the list who have had too little staked since before this epoch. Anybody
    ///         may; whoever stakes or unstakes for an auditor, and whoever settles an epoch, does.
    /// @param most The most to take off in this call.
    function delist(uint256 most) external;

    /// @notice Stake tells when a participant's stake has changed. Standing is lost where stake was taken out
    ///         (`fell`), never where some was added: anybody may add to another's.
    /// @param id Id of the participant.
    /// @param staked What it has at stake now.
    /// @param fell Whether stake was taken out.
    function onStake(uint32 id, uint256 staked, bool fell) external;

    /// @notice Settlement tells which model answers in the next epoch.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param commitment Hash of the model snapshot that answers in the next epoch.
    function onPost(uint32 id, uint32 epoch, bytes32 commitment) external;

    /// @notice R1 for one closed epoch, once. Epochs may come in any order: the sum is the same up to rounding down.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param share Its part of all that was heard, 18 decimals.
    function onHeard(uint32 id, uint32 epoch, uint256 share) external;

    /// @notice Audits tell the outcome of an audit.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param passed Whether every mark was reached.
    /// @return before Whether it had passed the audit before that, with the same model.
    function onJudged(uint32 id, uint32 epoch, bool passed) external returns (bool before);

    /// @notice Epochs a neuron has lived through; 0 before it is admitted.
    /// @param id Id of the participant.
    /// @return Its age in epochs.
    function ageOf(uint32 id) external view returns (uint32);

    /// @notice Bias-corrected utility as of the last closed epoch, 18 decimals.
    /// @param id Id of the participant.
    /// @return The utility.
    function heardBy(uint32 id) external view returns (uint256);

    /// @notice All listed auditors, oldest first.
    /// @return Their ids.
    function auditors() external view returns (uint32[] memory);
}
