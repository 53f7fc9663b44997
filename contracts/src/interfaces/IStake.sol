// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The stake vault: native currency in, ERC-20 votes out
/// @notice One stake is `denomination` wei. Stake cannot be transferred or delegated: an account's
/// votes are its stake, at every past block too (ERC-6372 clock: block numbers). Decimals are 0.
interface IStake {
    /// @notice The account staked `stake`.
    event StakeDeposited(address indexed account, uint256 stake);
    /// @notice The account gave up `stake`; all it has requested is due from block `availableAt`.
    event WithdrawalRequested(address indexed account, uint256 stake, uint256 availableAt);
    /// @notice The currency for `stake` was paid out to the account.
    event StakeWithdrawn(address indexed account, uint256 stake);

    /// @notice The denomination given at creation is zero.
    error StakeInvalidDenomination();
    /// @notice The value sent, in wei, is zero or not a multiple of `denomination`.
    error StakeInvalidValue(uint256 value, uint256 denomination);
    /// @notice The stake asked for is zero or over the account's `balance`.
    error StakeInvalidAmount(uint256 stake, uint256 balance);
    /// @notice Stake cannot be transferred; withdraw it instead.
    error StakeNotTransferable();
    /// @notice Votes cannot be delegated.
    error StakeNotDelegable();
    /// @notice Nothing is due before block `availableAt` (zero: nothing was requested).
    error StakeNothingDue(address account, uint256 availableAt);
    /// @notice The account did not accept the `value` wei paid out to it.
    error StakePayoutFailed(address account, uint256 value);

    /// @notice Stakes the value sent; the caller gets the votes.
    function deposit() external payable;
    /// @notice Gives up `stake` and its votes at once; the currency is due after `unbondingBlocks`.
    /// @dev Warning: a further request adds to the sum and restarts the wait for all of it.
    function requestWithdrawal(uint256 stake) external;
    /// @notice Pays the caller all that is due.
    function withdraw() external;
    /// @notice Returns the price of one stake in wei.
    function denomination() external view returns (uint256);
    /// @notice Returns the number of blocks between a request and its payment.
    function unbondingBlocks() external view returns (uint256);
    /// @notice Returns the stake the account has requested, and the block from which it is due.
    function withdrawal(address account) external view returns (uint256 stake, uint256 availableAt);
    /// @notice Returns the account's stake at the end of a past block.
    function stakeAt(address account, uint256 blockNumber) external view returns (uint256);
}
