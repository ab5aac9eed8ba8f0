// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stake: what a participant can lose
/// @notice The token balance of this contract is always staked + thawing, over all participants. What a participant
///         has staked counts from the epoch after it staked, and is remembered per epoch, so that draws and weights of
///         a past epoch can always be recomputed.
interface IStake {
    struct Account {
        uint128 staked;
        uint128 thawing; // still slashable
        uint64 readyAt; // when `thawing` may be withdrawn
        uint128 slashed; // for ever
    }

    /// @notice Tokens are at stake.
    /// @param id Id of the participant.
    /// @param from Address that pays.
    /// @param amount In units of 1e-18 KLP.
    event Staked(uint32 indexed id, address from, uint256 amount);

    /// @notice Stake has begun to thaw.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    /// @param readyAt When it may be withdrawn, in seconds since 1970.
    event Thawing(uint32 indexed id, uint256 amount, uint64 readyAt);

    /// @notice Tokens went back to the owner.
    /// @param id Id of the participant.
    /// @param to The owner.
    /// @param amount In units of 1e-18 KLP.
    event Withdrawn(uint32 indexed id, address to, uint256 amount);

    /// @notice Stake was taken.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param fromStaked Part that was staked.
    /// @param fromThawing Part that was thawing.
    event Slashed(uint32 indexed id, uint32 indexed epoch, uint256 fromStaked, uint256 fromThawing);

    /// @notice Staked tokens were spent on work that a receiver signed for, and are gone.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    event Burnt(uint32 indexed id, uint128 amount);

    /// @notice Only Audits, the Beacon, Challenges and Cases may, each its own way.
    error OnlySlashers();

    /// @notice Only Effort may.
    error OnlyEffort();

    /// @notice Only the owner may.
    /// @param id Id of the participant.
    /// @param caller Who sent the transaction.
    error NotOwner(uint32 id, address caller);

    /// @notice There is no such participant.
    /// @param id Id that nobody has.
    error Unregistered(uint32 id);

    /// @notice Less is staked.
    /// @param asked What was asked for.
    /// @param staked What is staked.
    error NothingStaked(uint256 asked, uint256 staked);

    /// @notice It is thawing still.
    /// @param readyAt When it may be withdrawn, in seconds since 1970.
    error NotThawed(uint64 readyAt);

    /// @notice There is nothing to move.
    error ZeroAmount();

    /// @notice Who may take stake for answers that were not shown; none where the network was made without.
    function cases() external view returns (address);

    /// @notice Where slashed stake goes.
    function treasury() external view returns (address);

    /// @notice Staked by all.
    function totalStaked() external view returns (uint256);

    /// @notice Thawing, of all.
    function totalThawing() external view returns (uint256);

    /// @notice Taken from all, for ever.
    function totalSlashed() external view returns (uint256);

    /// @notice Put tokens at stake for `id`. Anybody may; they belong to the owner of `id` from then on.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function stake(uint32 id, uint128 amount) external;

    /// @notice Begin to take `amount` back. What is thawing already joins it and waits as long.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function unstake(uint32 id, uint128 amount) external;

    /// @notice Pay thawed tokens to the owner. Anybody may.
    /// @param id Id of the participant.
    function withdraw(uint32 id) external;

    /// @notice Take `bps` of what is staked and of what is thawing, rounding up, for the treasury.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param bps Share that is taken, in 1/10,000.
    /// @return taken What was taken.
    function slash(uint32 id, uint32 epoch, uint16 bps) external returns (uint256 taken);

    /// @notice As `slash`, and half of what is taken, rounded down, goes to whoever found the fault; Challenges only.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param bps Share that is taken, in 1/10,000.
    /// @param finder Address of whoever found it.
    /// @return taken What was taken.
    function slashFor(uint32 id, uint32 epoch, uint16 bps, address finder) external returns (uint256 taken);

    /// @notice As `slash`, but a quarter of what is taken, rounded down, goes to whoever found the fault, and the rest is
    ///         burnt, so that nobody gains by being found at fault; Challenges and Cases only.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param bps Share that is taken, in 1/10,000.
    /// @param finder Address of whoever found it.
    /// @return taken What was taken.
    function slashAndBurn(uint32 id, uint32 epoch, uint16 bps, address finder) external returns (uint256 taken);

    /// @notice Burn what work costs that `id` signed for as its receiver; Effort only.
    /// @param id Id of the participant.
    /// @param amount In units of 1e-18 KLP, out of what is staked.
    function burn(uint32 id, uint128 amount) external;

    /// @notice What a participant has at stake.
    /// @param id Id of the participant.
    /// @return The record.
    function account(uint32 id) external view returns (Account memory);

    /// @notice What `id` had staked when `epoch` opened: its weight in that epoch.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @return Its stake then.
    function stakeAt(uint32 id, uint32 epoch) external view returns (uint96);

    /// @notice What some auditors have staked, the less of now and of when the running epoch opened, and what all who may be
    ///         drawn had then.
    /// @param auditors Ids of auditors, each once.
    /// @return theirs What these have.
    /// @return all What all have.
    function audit(uint32[] calldata auditors) external view returns (uint256 theirs, uint256 all);

    /// @notice What an auditor had of the audit stake when an epoch opened: nothing where it was under an auditor's least.
    /// @param auditor Id of the auditor.
    /// @param epoch Number of the epoch.
    /// @return What counted.
    function auditAt(uint32 auditor, uint32 epoch) external view returns (uint96);

    /// @notice Up to `seats` auditors by what they had staked when the running epoch opened, without replacement, in the
    ///         order drawn. Who had less than an auditor's least stake, by the rules of when its own last changed, is not
    ///         among them. Nothing that happens within an epoch changes its draws.
    /// @param seed Of the epoch.
    /// @param subject Id of the one whom they are drawn for.
    /// @param seats The most to draw.
    function draw(bytes32 seed, uint32 subject, uint256 seats) external view returns (uint32[] memory);
}
