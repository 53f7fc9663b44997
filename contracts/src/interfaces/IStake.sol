// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The stake vault: native currency in, ERC-20 votes out
/// @notice One stake is `denomination` wei. Stake cannot be transferred or delegated: an account's votes are its stake,
/// at every past block too (ERC-6372 clock: block numbers). Decimals are 0.
interface IStake {
    event Deposited(address indexed account, uint256 stake);
    event WithdrawalRequested(address indexed account, uint256 stake, uint256 availableAt);
    event Withdrawn(address indexed account, uint256 stake);

    /// @notice The value sent is zero or no multiple of `denomination`.
    error StakeInvalidValue(uint256 value, uint256 denomination);
    error StakeInvalidAmount(uint256 stake);
    error StakeNotTransferable();
    error StakeNotDelegable();
    /// @notice Nothing is due before block `availableAt` (zero: nothing was requested).
    error StakeNothingDue(address account, uint256 availableAt);
    error StakeTransferFailed(address account, uint256 value);

    /// @notice Stakes the value sent; the votes are the caller's.
    function deposit() external payable;
    /// @notice Gives up `stake` at once; the currency is due after `unbondingBlocks`. A further request adds to the sum
    /// and starts the wait anew.
    function requestWithdrawal(uint256 stake) external;
    /// @notice Pays out what is due.
    function withdraw() external;
    function denomination() external view returns (uint256);
    function unbondingBlocks() external view returns (uint256);
    /// @notice What the account has requested and the block from which it is due.
    function withdrawal(address account) external view returns (uint256 stake, uint256 availableAt);
    /// @notice The account's stake at a past block.
    function stakeAt(address account, uint256 blockNumber) external view returns (uint256);
}
