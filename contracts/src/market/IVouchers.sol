// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A requester's promise to a neuron: all that it has ever owed it. A later voucher says more and replaces it.
struct Voucher {
    uint32 requester;
    uint32 neuron;
    uint128 total; // since the first answer, in units of 1e-18 KLP
}

struct SignedVoucher {
    Voucher voucher;
    bytes signature; // of the requester's key
}

/// @title Fees that are reserved before a question is asked, and vouchers that settle any number of answers
/// @notice A requester reserves fees for one neuron. With each question it signs a voucher for all that it owes that neuron so
///         far; the neuron looks at both before it answers, and one voucher settles everything up to it. What is reserved
///         is nobody else's, so that no other neuron's vouchers can take it, and comes back only after it has thawed.
interface IVouchers {
    struct Reserve {
        uint96 held; // what the neuron may still take; what thaws included
        uint96 thawing;
        uint64 readyAt; // when that may be released, in seconds since 1970
        uint128 redeemed; // what the neuron ever took
    }

    /// @notice Fees were deposited.
    /// @param requester Id of the participant that they are for.
    /// @param from Address that pays.
    /// @param amount In units of 1e-18 KLP.
    event Deposited(uint32 indexed requester, address from, uint256 amount);

    /// @notice Fees that were promised to nobody went back to the owner.
    /// @param requester Id of the participant.
    /// @param to The owner.
    /// @param amount In units of 1e-18 KLP.
    event Withdrawn(uint32 indexed requester, address to, uint256 amount);

    /// @notice Fees are reserved for a neuron.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    /// @param amount In units of 1e-18 KLP.
    event Reserved(uint32 indexed requester, uint32 indexed neuron, uint96 amount);

    /// @notice A part of a reserve begins to thaw; what thawed already begins again.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    /// @param amount In units of 1e-18 KLP.
    /// @param readyAt When it may be released, in seconds since 1970.
    event Thawing(uint32 indexed requester, uint32 indexed neuron, uint96 amount, uint64 readyAt);

    /// @notice What has thawed, and the neuron has not taken, is the requester's again.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    /// @param amount In units of 1e-18 KLP.
    event Released(uint32 indexed requester, uint32 indexed neuron, uint96 amount);

    /// @notice A voucher was paid, as far as the reserve reaches.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    /// @param to The neuron's owner.
    /// @param amount In units of 1e-18 KLP.
    /// @param total What the voucher says.
    /// @param signature The requester's, so that anybody can check it later.
    event Redeemed(
        uint32 indexed requester, uint32 indexed neuron, address to, uint96 amount, uint128 total, bytes signature
    );

    /// @notice Nobody has this id.
    /// @param id Id of the participant.
    error Unregistered(uint32 id);

    /// @notice There is less that is promised to nobody.
    /// @param asked What was asked for.
    /// @param free What there is.
    error FeesShort(uint256 asked, uint256 free);

    /// @notice There is less in the reserve that does not thaw yet.
    /// @param asked What was asked for.
    /// @param held What there is.
    error ReserveShort(uint256 asked, uint256 held);

    /// @notice One amount for each neuron.
    error LengthsDiffer();

    /// @notice Nothing of this reserve has thawed yet.
    /// @param readyAt When it may be released, in seconds since 1970.
    error NotThawed(uint64 readyAt);

    /// @notice None of these vouchers promises more than was taken.
    error NothingDue();

    /// @notice A voucher for somebody else.
    /// @param index Place in the list, from 0.
    error WrongVoucher(uint256 index);

    /// @notice Its requester did not sign it, or under a key that was replaced more than an epoch ago.
    /// @param index Place in the list, from 0.
    error WrongSignature(uint256 index);

    /// @notice The type of a voucher, as EIP-712 has it.
    function VOUCHER() external view returns (bytes32);

    /// @notice What a requester deposited and has promised to nobody.
    /// @param requester Id of the participant.
    function free(uint32 requester) external view returns (uint256);

    /// @notice What a requester reserved for a neuron, and what that one took.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    function reserveOf(uint32 requester, uint32 neuron) external view returns (Reserve memory);

    /// @notice What a requester signs.
    /// @param v The voucher.
    function voucherDigest(Voucher calldata v) external view returns (bytes32);

    /// @notice Deposit fees for `requester`. Anybody may; they belong to its owner from then on.
    /// @param requester Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function deposit(uint32 requester, uint96 amount) external;

    /// @notice Pay fees that are promised to nobody back to the owner.
    /// @param requester Id of the participant.
    /// @param amount In units of 1e-18 KLP.
    function withdraw(uint32 requester, uint96 amount) external;

    /// @notice Reserve fees for neurons, more than before.
    /// @param requester Id of the participant that pays.
    /// @param neurons Ids of those that are paid.
    /// @param amounts How much more for each, in units of 1e-18 KLP.
    function reserve(uint32 requester, uint32[] calldata neurons, uint96[] calldata amounts) external;

    /// @notice Let a part of a reserve thaw, as long as stake does. The neuron can take it until it is released.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    /// @param amount In units of 1e-18 KLP.
    function thaw(uint32 requester, uint32 neuron, uint96 amount) external;

    /// @notice Give back what has thawed. Anybody may.
    /// @param requester Id of the participant that pays.
    /// @param neuron Id of the participant that is paid.
    function release(uint32 requester, uint32 neuron) external;

    /// @notice Pay what vouchers promise beyond what was taken, as far as their reserves reach, to the neuron's owner. One that
    ///         promises no more is passed over. Anybody may.
    /// @param neuron Id of the participant that is paid.
    /// @param vouchers One of each requester, the latest.
    /// @return paid In units of 1e-18 KLP.
    function redeem(uint32 neuron, SignedVoucher[] calldata vouchers) external returns (uint256 paid);
}
