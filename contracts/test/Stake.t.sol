// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";

import {Stake} from "../src/Stake.sol";
import {IStake} from "../src/interfaces/IStake.sol";
import {BaseTest} from "./BaseTest.sol";

/// @notice Withdraws its stake; while it is paid, it tries to withdraw again, or rejects the
/// payment.
contract Recipient {
    Stake private immutable STAKE;
    bool private immutable REJECTS;
    bytes public answer;

    constructor(Stake stake, bool rejects) {
        STAKE = stake;
        REJECTS = rejects;
    }

    function deposit() external payable {
        STAKE.deposit{value: msg.value}();
    }

    function requestWithdrawal(uint256 amount) external {
        STAKE.requestWithdrawal(amount);
    }

    function withdraw() external {
        STAKE.withdraw();
    }

    receive() external payable {
        if (REJECTS) revert();
        (, answer) = address(STAKE).call(abi.encodeCall(STAKE.withdraw, ()));
    }
}

abstract contract StakeBase is BaseTest {
    uint256 internal constant DENOMINATION = 7 wei;
    uint256 internal constant UNBONDING = 20;
    uint256 internal constant MAX_STAKE = type(uint64).max;

    Stake internal stake;

    function setUp() public virtual {
        vm.roll(100);
        stake = new Stake(DENOMINATION, UNBONDING);
    }

    function _deposit(address account, uint256 amount) internal {
        vm.deal(account, amount * DENOMINATION);
        vm.prank(account);
        stake.deposit{value: amount * DENOMINATION}();
    }

    function _request(address account, uint256 amount) internal {
        vm.prank(account);
        stake.requestWithdrawal(amount);
    }
}

contract StakeTest is StakeBase {
    function test_constructor() public view {
        assertEq(stake.name(), "Koinon Stake", "name");
        assertEq(stake.symbol(), "KSTAKE", "symbol");
        assertEq(uint256(stake.decimals()), 0, "decimals");
        assertEq(stake.denomination(), DENOMINATION, "denomination");
        assertEq(stake.unbondingBlocks(), UNBONDING, "unbonding");
        assertEq(stake.CLOCK_MODE(), "mode=blocknumber&from=default", "clock mode");
        assertEq(uint256(stake.clock()), block.number, "clock");
    }

    function test_constructor_revertsWithoutDenomination() public {
        vm.expectRevert(IStake.StakeInvalidDenomination.selector);
        new Stake(0, UNBONDING);
    }

    function test_deposit_revertsWithoutValue() public {
        vm.expectRevert(abi.encodeWithSelector(IStake.StakeInvalidValue.selector, 0, DENOMINATION));
        stake.deposit();
    }

    function test_deposit_revertsOnFractionOfAStake(uint256 value) public {
        value = bound(value, 1, MAX_STAKE);
        if (value % DENOMINATION == 0) ++value;
        vm.deal(ALICE, value);
        vm.expectRevert(
            abi.encodeWithSelector(IStake.StakeInvalidValue.selector, value, DENOMINATION)
        );
        vm.prank(ALICE);
        stake.deposit{value: value}();
    }

    function test_deposit(uint256 first, uint256 second) public {
        first = bound(first, 1, MAX_STAKE);
        second = bound(second, 1, MAX_STAKE);
        _deposit(ALICE, first);
        vm.roll(block.number + 1);
        vm.deal(ALICE, second * DENOMINATION);

        expectEvent(address(stake));
        emit IStake.StakeDeposited(ALICE, second);
        vm.prank(ALICE);
        stake.deposit{value: second * DENOMINATION}();

        assertEq(stake.balanceOf(ALICE), first + second, "balance");
        assertEq(stake.getVotes(ALICE), first + second, "votes");
        assertEq(stake.delegates(ALICE), ALICE, "delegate");
        assertEq(stake.totalSupply(), first + second, "supply");
        assertEq(address(stake).balance, (first + second) * DENOMINATION, "currency");
        assertEq(stake.stakeAt(ALICE, block.number - 1), first, "stake before");
        assertEq(stake.stakeAt(ALICE, block.number - 2), 0, "stake at the start");
        vm.roll(block.number + 1);
        assertEq(stake.stakeAt(ALICE, block.number - 1), first + second, "stake after");
        assertEq(stake.getPastTotalSupply(block.number - 1), first + second, "past supply");
    }

    function test_requestWithdrawal_revertsOnZero() public {
        _deposit(ALICE, 5);
        vm.expectRevert(abi.encodeWithSelector(IStake.StakeInvalidAmount.selector, 0, 5));
        _request(ALICE, 0);
    }

    function test_requestWithdrawal_revertsOverBalance(uint256 amount) public {
        _deposit(ALICE, 5);
        amount = bound(amount, 6, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IStake.StakeInvalidAmount.selector, amount, 5));
        vm.prank(ALICE);
        stake.requestWithdrawal(amount);
    }

    function test_requestWithdrawal(uint256 deposited, uint256 amount) public {
        deposited = bound(deposited, 1, MAX_STAKE);
        amount = bound(amount, 1, deposited);
        _deposit(ALICE, deposited);

        expectEvent(address(stake));
        emit IStake.WithdrawalRequested(ALICE, amount, block.number + UNBONDING);
        vm.prank(ALICE);
        stake.requestWithdrawal(amount);

        (uint256 requested, uint256 availableAt) = stake.withdrawal(ALICE);
        assertEq(requested, amount, "requested");
        assertEq(availableAt, block.number + UNBONDING, "available at");
        assertEq(stake.balanceOf(ALICE), deposited - amount, "balance");
        assertEq(stake.getVotes(ALICE), deposited - amount, "votes");
        assertEq(stake.totalSupply(), deposited - amount, "supply");
        assertEq(address(stake).balance, deposited * DENOMINATION, "currency stays");
    }

    function test_requestWithdrawal_addsToTheSumAndRestartsTheWait() public {
        _deposit(ALICE, 10);
        _request(ALICE, 4);
        vm.roll(block.number + UNBONDING);
        _request(ALICE, 3);

        (uint256 requested, uint256 availableAt) = stake.withdrawal(ALICE);
        assertEq(requested, 7, "requested");
        assertEq(availableAt, block.number + UNBONDING, "available at");
    }

    function test_withdraw_revertsWithoutRequest() public {
        _deposit(ALICE, 5);
        vm.expectRevert(abi.encodeWithSelector(IStake.StakeNothingDue.selector, ALICE, 0));
        vm.prank(ALICE);
        stake.withdraw();
    }

    function test_withdraw_revertsTooEarly(uint256 waited) public {
        waited = bound(waited, 0, UNBONDING - 1);
        _deposit(ALICE, 5);
        _request(ALICE, 5);
        uint256 availableAt = block.number + UNBONDING;
        vm.roll(block.number + waited);
        vm.expectRevert(abi.encodeWithSelector(IStake.StakeNothingDue.selector, ALICE, availableAt));
        vm.prank(ALICE);
        stake.withdraw();
    }

    function test_withdraw_revertsWhenTheAccountRejectsThePayment() public {
        Recipient recipient = new Recipient(stake, true);
        recipient.deposit{value: 5 * DENOMINATION}();
        recipient.requestWithdrawal(5);
        vm.roll(block.number + UNBONDING);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStake.StakePayoutFailed.selector, address(recipient), 5 * DENOMINATION
            )
        );
        recipient.withdraw();
    }

    function test_withdraw_paysOnceWhenReentered() public {
        _deposit(ALICE, 100);
        Recipient recipient = new Recipient(stake, false);
        recipient.deposit{value: 5 * DENOMINATION}();
        recipient.requestWithdrawal(5);
        vm.roll(block.number + UNBONDING);
        recipient.withdraw();

        assertEq(address(recipient).balance, 5 * DENOMINATION, "paid once");
        assertEq(
            recipient.answer(),
            abi.encodeWithSelector(IStake.StakeNothingDue.selector, address(recipient), 0),
            "the second withdrawal"
        );
    }

    function test_withdraw(uint256 deposited, uint256 amount, uint256 waited) public {
        deposited = bound(deposited, 1, MAX_STAKE);
        amount = bound(amount, 1, deposited);
        _deposit(ALICE, deposited);
        _request(ALICE, amount);
        vm.roll(block.number + UNBONDING + bound(waited, 0, 1000));

        expectEvent(address(stake));
        emit IStake.StakeWithdrawn(ALICE, amount);
        vm.prank(ALICE);
        stake.withdraw();

        (uint256 requested, uint256 availableAt) = stake.withdrawal(ALICE);
        assertEq(requested, 0, "requested");
        assertEq(availableAt, 0, "available at");
        assertEq(ALICE.balance, amount * DENOMINATION, "received");
        assertEq(address(stake).balance, (deposited - amount) * DENOMINATION, "kept");
    }

    function test_stakeAt_revertsForThePresent() public {
        vm.expectRevert(
            abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, block.number, block.number)
        );
        stake.stakeAt(ALICE, block.number);
    }

    function test_transfer_reverts() public {
        _deposit(ALICE, 5);
        vm.expectRevert(IStake.StakeNotTransferable.selector);
        vm.prank(ALICE);
        stake.transfer(BOB, 1);
    }

    function test_transferFrom_reverts() public {
        _deposit(ALICE, 5);
        vm.prank(ALICE);
        stake.approve(BOB, 5);
        vm.expectRevert(IStake.StakeNotTransferable.selector);
        vm.prank(BOB);
        stake.transferFrom(ALICE, BOB, 1);
    }

    function test_delegate_reverts() public {
        vm.expectRevert(IStake.StakeNotDelegable.selector);
        vm.prank(ALICE);
        stake.delegate(BOB);
    }

    /// @dev The signature is one that OpenZeppelin's Votes accepts.
    function test_delegateBySig_reverts() public {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Koinon Stake"),
                keccak256("1"),
                block.chainid,
                address(stake)
            )
        );
        bytes32 body = keccak256(
            abi.encode(
                keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)"),
                BOB,
                0,
                type(uint256).max
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(
            uint256(keccak256("alice")), keccak256(abi.encodePacked(hex"1901", domain, body))
        );
        vm.expectRevert(IStake.StakeNotDelegable.selector);
        stake.delegateBySig(BOB, 0, type(uint256).max, v, r, s);
    }
}

/// @notice Makes three accounts deposit, request and withdraw; no call reverts.
contract StakeHandler is BaseTest {
    Stake private immutable STAKE;
    uint256 private immutable DENOMINATION;
    address[3] public actors = [ALICE, BOB, CAROL];

    constructor(Stake stake) {
        STAKE = stake;
        DENOMINATION = stake.denomination();
    }

    function deposit(uint256 who, uint256 amount) external {
        amount = bound(amount, 1, type(uint64).max);
        address actor = actors[who % 3];
        vm.deal(actor, amount * DENOMINATION);
        vm.prank(actor);
        STAKE.deposit{value: amount * DENOMINATION}();
    }

    function requestWithdrawal(uint256 who, uint256 amount) external {
        address actor = actors[who % 3];
        uint256 balance = STAKE.balanceOf(actor);
        if (balance == 0) return;
        vm.prank(actor);
        STAKE.requestWithdrawal(bound(amount, 1, balance));
    }

    function withdraw(uint256 who) external {
        address actor = actors[who % 3];
        (uint256 requested, uint256 availableAt) = STAKE.withdrawal(actor);
        if (requested == 0) return;
        if (block.number < availableAt) vm.roll(availableAt);
        vm.prank(actor);
        STAKE.withdraw();
    }
}

contract StakeInvariantTest is StakeBase {
    StakeHandler private _handler;

    function setUp() public override {
        super.setUp();
        _handler = new StakeHandler(stake);
        bytes4[] memory selectors = new bytes4[](3);
        selectors[0] = StakeHandler.deposit.selector;
        selectors[1] = StakeHandler.requestWithdrawal.selector;
        selectors[2] = StakeHandler.withdraw.selector;
        _target(address(_handler), selectors);
    }

    function invariant_currencyCoversStakeAndWithdrawals() public view {
        uint256 total = stake.totalSupply();
        uint256 staked;
        for (uint256 i = 0; i < 3; ++i) {
            address actor = _handler.actors(i);
            (uint256 requested,) = stake.withdrawal(actor);
            total += requested;
            staked += stake.balanceOf(actor);
            assertEq(stake.getVotes(actor), stake.balanceOf(actor), "votes are stake");
        }
        assertEq(stake.totalSupply(), staked, "supply is the sum of stakes");
        assertEq(address(stake).balance, total * DENOMINATION, "currency");
    }
}
