// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Fees in escrow, and how much of them a payer's key may promise in one epoch
/// @notice Free escrow goes back to its owner once it has thawed, so that what was promised can still be taken. The owner may cap what leaves it as fees in one epoch, so
///         that a stolen key costs no more than that.
interface IEscrow {
    struct Cap {
        uint96 most; // in one epoch; 0 for no cap
        uint96 spent; // in `epoch`
        uint32 epoch;
    }

    struct Thaw {
        uint96 amount;
        uint64 readyAt; // in seconds since 1970
    }

    /// @notice Fees were put in escrow.
    /// @param id Id of the participant.
    /// @param from Address that pays.
    /// @param amount In units of 1e-18 KLP.
    event Deposited(uint32 indexed id, address from, uint256 amount);

    /// @notice Escrow begins to thaw; what thawed already begins again.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    /// @param readyAt When it may be withdrawn, in seconds since 1970.
    event Thawing(uint32 indexed id, uint256 amount, uint64 readyAt);

    /// @notice Tokens went back to the owner.
    /// @param id Id of the participant.
    /// @param to The owner.
    /// @param amount In units of 1e-18 KLP.
    event Withdrawn(uint32 indexed id, address to, uint256 amount);

    /// @notice What fees may take in an epoch is capped.
    /// @param id Id of the participant.
    /// @param most In one epoch, in units of 1e-18 KLP; 0 for no cap.
    event Capped(uint32 indexed id, uint96 most);

    /// @notice It has no part in this epoch, or is nobody.
    /// @param id Id of the participant.
    error NotAdmitted(uint32 id);

    /// @notice Only the owner may.
    /// @param id Id of the participant.
    /// @param caller Who sent the transaction.
    error NotOwner(uint32 id, address caller);

    /// @notice There is less in escrow.
    /// @param asked What was asked for.
    /// @param held What is free in escrow.
    error EscrowShort(uint256 asked, uint256 held);

    /// @notice Nothing has thawed yet.
    /// @param readyAt When it may be withdrawn, in seconds since 1970.
    error NotThawed(uint64 readyAt);

    /// @notice The owner capped what fees may take in one epoch.
    /// @param asked What was asked for.
    /// @param left What the cap leaves in this epoch.
    error OverCap(uint256 asked, uint256 left);

    /// @notice Fees of a participant that are free to post; what thaws included.
    /// @param id Id of the participant.
    function escrow(uint32 id) external view returns (uint256);

    /// @notice How much of it thaws.
    /// @param id Id of the participant.
    function thaws(uint32 id) external view returns (uint96 amount, uint64 readyAt);

    /// @notice What fees may take in one epoch.
    /// @param id Id of the participant.
    function caps(uint32 id) external view returns (uint96 most, uint96 spent, uint32 epoch);

    /// @notice Put fees in escrow for `id`. Anybody may; they belong to the owner of `id` from then on.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function deposit(uint32 id, uint96 amount) external;

    /// @notice Let escrow thaw, as long as stake does. Fees may still take it until it is withdrawn.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function thaw(uint32 id, uint96 amount) external;

    /// @notice Pay what has thawed, and no fee has taken, back to the owner. Anybody may.
    /// @param id Id of the participant.
    function withdraw(uint32 id) external;

    /// @notice The most that may leave the escrow of `id` as fees in one epoch, from now on; 0 for no cap. The owner
    ///         alone: a cap that the key could lift would not guard against the key.
    /// @param id Id of the participant.
    /// @param most In one epoch, in units of 1e-18 KLP; 0 for no cap.
    function cap(uint32 id, uint96 most) external;
}
