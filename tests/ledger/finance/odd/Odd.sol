// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A token that does what tokens should not: it takes a fee, calls whomever it likes while it moves, and changes
///         balances by itself. Without any of that it is a plain one.
contract Odd {
    event Transfer(address indexed from, address indexed to, uint256 value);

    string public constant symbol = "ODD";
    uint8 public constant decimals = 18;

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public feeBps;
    address public target;
    bytes public call;
    bool public called; // whether the call went through
    bytes public answer;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function setFee(uint256 bps) external {
        feeBps = bps;
    }

    /// @notice What is called in the middle of every transfer.
    function setCall(address target_, bytes calldata call_) external {
        (target, call) = (target_, call_);
    }

    /// @notice Change a balance without a transfer.
    function rebase(address owner, uint256 amount) external {
        balanceOf[owner] = amount;
    }

    /// @notice Do something in this token's own name, which may have allowances and tokens.
    function act(address to, bytes calldata data) external {
        (bool done, bytes memory said) = to.call(data);
        require(done, string(said));
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount * feeBps / 1e4;
        emit Transfer(from, to, amount);
        if (target != address(0)) (called, answer) = target.call(call);
        return true;
    }
}
