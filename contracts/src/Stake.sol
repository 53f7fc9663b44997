// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IStake} from "./interfaces/IStake.sol";

/// @notice The stake vault of a service.
/// @dev Powers: none. Each account moves only its own stake.
contract Stake is ERC20Votes, IStake {
    struct Withdrawal {
        uint256 stake;
        uint256 availableAt;
    }

    uint256 private immutable DENOMINATION;
    uint256 private immutable UNBONDING_BLOCKS;

    mapping(address account => Withdrawal) private _withdrawals;

    constructor(uint256 stakeDenomination, uint256 stakeUnbondingBlocks)
        ERC20("Koinon Stake", "KSTAKE")
        EIP712("Koinon Stake", "1")
    {
        if (stakeDenomination == 0) revert StakeInvalidDenomination();
        DENOMINATION = stakeDenomination;
        UNBONDING_BLOCKS = stakeUnbondingBlocks;
    }

    /// @inheritdoc IStake
    function deposit() external payable {
        if (msg.value == 0 || msg.value % DENOMINATION != 0) {
            revert StakeInvalidValue(msg.value, DENOMINATION);
        }
        uint256 stake = msg.value / DENOMINATION;

        _mint(msg.sender, stake);

        emit StakeDeposited(msg.sender, stake);
    }

    /// @inheritdoc IStake
    function requestWithdrawal(uint256 stake) external {
        uint256 balance = balanceOf(msg.sender);
        if (stake == 0 || stake > balance) revert StakeInvalidAmount(stake, balance);

        Withdrawal storage request = _withdrawals[msg.sender];
        uint256 availableAt = block.number + UNBONDING_BLOCKS;
        request.stake += stake;
        request.availableAt = availableAt;
        _burn(msg.sender, stake);

        emit WithdrawalRequested(msg.sender, stake, availableAt);
    }

    /// @inheritdoc IStake
    function withdraw() external {
        Withdrawal memory request = _withdrawals[msg.sender];
        if (request.stake == 0 || block.number < request.availableAt) {
            revert StakeNothingDue(msg.sender, request.availableAt);
        }

        delete _withdrawals[msg.sender];

        emit StakeWithdrawn(msg.sender, request.stake);

        uint256 value = request.stake * DENOMINATION;
        (bool sent,) = msg.sender.call{value: value}("");
        if (!sent) revert StakePayoutFailed(msg.sender, value);
    }

    /// @inheritdoc IStake
    function denomination() external view returns (uint256) {
        return DENOMINATION;
    }

    /// @inheritdoc IStake
    function unbondingBlocks() external view returns (uint256) {
        return UNBONDING_BLOCKS;
    }

    /// @inheritdoc IStake
    function withdrawal(address account)
        external
        view
        returns (uint256 stake, uint256 availableAt)
    {
        Withdrawal memory request = _withdrawals[account];
        return (request.stake, request.availableAt);
    }

    /// @inheritdoc IStake
    function stakeAt(address account, uint256 blockNumber) external view returns (uint256) {
        return getPastVotes(account, blockNumber);
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    /// @dev Returns the account itself, so that its votes are its stake from the first deposit on.
    function delegates(address account) public pure override returns (address) {
        return account;
    }

    function delegate(address) public pure override {
        revert StakeNotDelegable();
    }

    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32)
        public
        pure
        override
    {
        revert StakeNotDelegable();
    }

    function transfer(address, uint256) public pure override returns (bool) {
        revert StakeNotTransferable();
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        revert StakeNotTransferable();
    }
}
