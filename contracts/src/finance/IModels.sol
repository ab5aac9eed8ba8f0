// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Models whose revenue is their shares' (E1)
/// @notice A model that a venture paid for, and that passed its audit, is made into 1e18 shares when its founder and lots
///         with two thirds of the venture's sum have signed the same deed. Whatever comes in for it from then on belongs
///         to whoever has its shares in that moment; who sells a share keeps what it earned until then. Shares are tokens
///         by ERC-6909, the model's number being their id; `claim` and `claimableRevenue` are called as in ERC-7641, with
///         the model's number for the snapshot's.
interface IModels {
    struct Deed {
        uint256 venture;
        uint32 neuron; // that serves the model
        bytes32 model; // what the neuron has committed to, and was audited with
        uint128 licence; // what a licence costs, in units of 1e-18 KLP; 0 where none is sold
    }

    struct Model {
        Deed deed;
        uint128 revenue; // that ever came in
    }

    struct Account {
        uint256 seen; // of the revenue
        uint256 due; // in units of 1e-36 KLP
    }

    /// @notice A model's shares are made.
    /// @param id Number of the model.
    /// @param venture Number of the venture that paid for it.
    /// @param neuron Id of the neuron that serves it.
    /// @param deed What both sides signed.
    event ModelMinted(uint256 indexed id, uint256 indexed venture, uint32 indexed neuron, Deed deed);

    /// @notice Revenue has come in.
    /// @param id Number of the model.
    /// @param from Who brought it.
    /// @param amount In units of 1e-18 KLP.
    event Earned(uint256 indexed id, address indexed from, uint256 amount);

    /// @notice Somebody may use a model by its licence.
    /// @param id Number of the model.
    /// @param holder Who.
    event Licensed(uint256 indexed id, address indexed holder);

    /// @notice Somebody has what its shares earned.
    /// @param id Number of the model.
    /// @param owner Who.
    /// @param amount In units of 1e-18 KLP.
    event RevenueClaimed(uint256 indexed id, address indexed owner, uint256 amount);

    /// @notice The venture was not filled, or has a model already.
    /// @param venture Its number.
    error NoVenture(uint256 venture);

    /// @notice The neuron is silent, has not passed its audit, answers with another model, or serves one of these already.
    /// @param neuron Its id.
    error NotAudited(uint32 neuron);

    /// @notice Whoever had to has not signed it.
    /// @param who Who had to.
    error NotSigned(address who);

    /// @notice Each lot once, in ascending order, with a signature each.
    error WrongLots();

    /// @notice Lots with less than two thirds of the sum have signed.
    /// @param sum Of the lots that signed.
    /// @param goal The sum.
    error TooFew(uint256 sum, uint256 goal);

    /// @notice No such model, or none that is licensed.
    /// @param id Its number.
    error NoModel(uint256 id);

    /// @notice There is nothing to pay.
    error Nothing();

    /// @notice Shares of each model.
    function SHARES() external view returns (uint256);

    /// @notice The type of a deed, as EIP-712 has it.
    function DEED() external view returns (bytes32);

    /// @notice How many models there are.
    function count() external view returns (uint256);

    /// @notice A model.
    /// @param id Its number.
    /// @return It.
    function modelOf(uint256 id) external view returns (Model memory);

    /// @notice The model of a venture; 0 for none.
    /// @param venture Number of the venture.
    function ofVenture(uint256 venture) external view returns (uint256);

    /// @notice The model that a neuron serves; 0 for none.
    /// @param neuron Id of the neuron.
    function ofNeuron(uint32 neuron) external view returns (uint256);

    /// @notice Whether somebody has a licence.
    /// @param id Number of the model.
    /// @param who Who.
    function licensed(uint256 id, address who) external view returns (bool);

    /// @notice What both sides sign.
    /// @param deed The deed.
    function deedDigest(Deed calldata deed) external view returns (bytes32);

    /// @notice Make a model's shares, `founderBps` of them the founder's, the others by the lots. The neuron's owner may, who
    ///         has all signatures; where that is the founder, who has signed, anybody may.
    /// @param deed The deed.
    /// @param founderSignature Of the founder.
    /// @param lots Numbers of the lots that sign, ascending.
    /// @param signatures Of their owners.
    /// @return id Number of the model.
    function mint(Deed calldata deed, bytes calldata founderSignature, uint256[] calldata lots,
        bytes[] calldata signatures) external returns (uint256 id);

    /// @notice Bring revenue: what the neuron was paid, or anything else. Anybody may.
    /// @param id Number of the model.
    /// @param amount In units of 1e-18 KLP.
    function earn(uint256 id, uint128 amount) external;

    /// @notice Buy a licence, whose price is revenue.
    /// @param id Number of the model.
    /// @param holder Who may use the model then.
    function license(uint256 id, address holder) external;

    /// @notice Have what one's shares have earned; rounds down, and what is less than a unit stays for the next time.
    /// @param id Number of the model.
    /// @return amount In units of 1e-18 KLP.
    function claim(uint256 id) external returns (uint256 amount);

    /// @notice What somebody's shares have earned and it has not claimed.
    /// @param account Who.
    /// @param id Number of the model.
    /// @return In units of 1e-18 KLP; rounds down.
    function claimableRevenue(address account, uint256 id) external view returns (uint256);
}
