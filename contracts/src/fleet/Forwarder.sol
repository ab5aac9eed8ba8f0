// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Carries what a device or its owner signed; whoever brings it pays the gas (ERC-2771)
/// @notice OpenZeppelin's forwarder, and owners that are contracts sign as ERC-1271 says. Devices and Effort believe it,
///         and nothing that holds money does.
contract Forwarder is ERC2771Forwarder {
    constructor() ERC2771Forwarder("Klopf Forwarder") {}

    /// @dev A key as ever; where the sender has code, its code is asked.
    function _recoverForwardRequestSigner(ForwardRequestData calldata r)
        internal
        view
        override
        returns (bool isValid, address signer)
    {
        if (r.from.code.length == 0) return super._recoverForwardRequestSigner(r);
        bytes32 said = keccak256(
            abi.encode(
                FORWARD_REQUEST_TYPEHASH, r.from, r.to, r.value, r.gas, nonces(r.from), r.deadline, keccak256(r.data)
            )
        );
        return (SignatureChecker.isValidSignatureNowCalldata(r.from, _hashTypedDataV4(said), r.signature), r.from);
    }
}
