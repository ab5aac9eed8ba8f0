// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title KLP: at most 2,000,000,000, of which 70 % can only ever be earned
/// @notice 30 % exists from genesis. The compute reserve is minted by Emission alone, for listening and effort; the
///         reserves for liquidity and circulation by Reserves alone, for their packs. An owner may be a contract: whatever
///         an owner signs may be signed as ERC-1271 says.
interface IToken {
    enum Reserve {
        Liquidity,
        Circulation
    }

    struct Former {
        uint256 compute; // minted from each reserve on a former chain
        uint256 liquidity;
        uint256 circulation;
        uint256 burnt; // on a former chain
    }

    /// @notice Compute rewards were minted.
    /// @param to Address that was paid.
    /// @param amount In units of 1e-18 KLP.
    /// @param emitted Compute rewards minted so far.
    event Emitted(address indexed to, uint256 amount, uint256 emitted);

    /// @notice Only Emission may.
    error OnlyEmission();

    /// @notice Only Reserves may.
    error OnlyReserves();

    /// @notice The reserve holds less.
    /// @param asked What was asked for.
    /// @param left What the reserve still holds.
    error ReserveSpent(uint256 asked, uint256 left);

    /// @notice All there can ever be.
    function CAP() external view returns (uint256);

    /// @notice At genesis, 5 %.
    function FUNDRAISING() external view returns (uint256);

    /// @notice At genesis, 20 %.
    function LAB() external view returns (uint256);

    /// @notice At genesis, 5 %.
    function FOUNDATION() external view returns (uint256);

    /// @notice To be earned, 50 %.
    function COMPUTE_RESERVE() external view returns (uint256);

    /// @notice For the pack that rewards liquidity, 10 %.
    function LIQUIDITY_RESERVE() external view returns (uint256);

    /// @notice For the pack that rewards circulation, 10 %.
    function CIRCULATION_RESERVE() external view returns (uint256);

    /// @notice Compute rewards that were emitted on the chain this network moved from.
    function former() external view returns (uint256);

    /// @notice Compute rewards minted so far, those of a former chain included.
    function emitted() external view returns (uint256);

    /// @notice Burnt so far, on a former chain included. The supply is genesis and what was minted, less this.
    function burnt() external view returns (uint256);

    /// @notice Minted so far from the reserve for liquidity or circulation, on a former chain included.
    /// @param which The reserve.
    function mintedFrom(Reserve which) external view returns (uint256);

    /// @notice What a reserve still holds.
    /// @param which The reserve.
    /// @return In units of 1e-18 KLP.
    function leftIn(Reserve which) external view returns (uint256);

    /// @notice Whoever owns the rules, for those who ask a BEP-20 token for its owner. It has no power over the token.
    /// @return Its address.
    function getOwner() external view returns (address);

    /// @notice Pay `amount` out of the compute reserve.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    function emitTo(address to, uint256 amount) external;

    /// @notice Pay `amount` out of the reserve for liquidity or circulation.
    /// @param which The reserve.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    function mintFrom(Reserve which, address to, uint256 amount) external;

    /// @notice Give up tokens for good.
    /// @param amount In units of 1e-18 KLP.
    function burn(uint256 amount) external;

    /// @notice ERC-2612's permit by an owner that may be a contract.
    /// @param owner Whose tokens.
    /// @param spender Who may take them.
    /// @param value How many, in units of 1e-18 KLP.
    /// @param deadline When the permission ends, in seconds since 1970.
    /// @param signature Of the owner: 65 bytes of its key, or what its contract accepts.
    function permit(
        address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature
    ) external;

    /// @notice ERC-3009's transfer by an owner that may be a contract. Anybody may bring it.
    /// @param from Whose tokens.
    /// @param to Who gets them.
    /// @param value How many, in units of 1e-18 KLP.
    /// @param validAfter It counts after this second since 1970,
    /// @param validBefore and before this one.
    /// @param nonce Any 32 bytes that the owner has not used yet.
    /// @param signature Of the owner: 65 bytes of its key, or what its contract accepts.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice The same, which only the receiver may bring.
    /// @param from Whose tokens.
    /// @param to Who gets them, and brings it.
    /// @param value How many, in units of 1e-18 KLP.
    /// @param validAfter It counts after this second since 1970,
    /// @param validBefore and before this one.
    /// @param nonce Any 32 bytes that the owner has not used yet.
    /// @param signature Of the owner: 65 bytes of its key, or what its contract accepts.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Take back an authorization that was not used.
    /// @param authorizer Who signed it.
    /// @param nonce Its 32 bytes.
    /// @param signature Of the owner: 65 bytes of its key, or what its contract accepts.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}
