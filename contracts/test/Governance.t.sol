// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";

import {Artifacts} from "../src/Artifacts.sol";
import {Governance} from "../src/Governance.sol";
import {ICore} from "../src/interfaces/ICore.sol";
import {IModule} from "../src/interfaces/IModule.sol";
import {
    Ban,
    BanKind,
    Change,
    Edit,
    ModuleEdits,
    NodeSet,
    ParameterEdit,
    Permission,
    UpdateMode
} from "../src/interfaces/Types.sol";
import {ARTIFACTS, CORE, TEMPLATES} from "../src/libraries/Names.sol";
import {GovernedTest} from "./GovernedTest.sol";

contract GovernanceConstructorTest is GovernedTest {
    function test_constructor_revertsWithoutVotingPeriod() external {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidVotingPeriod.selector, 0));
        new Governance(stake, timelock, Governance.Settings(1, 0, 1, 1));
    }

    function test_constructor_revertsOnQuorumOverAllStake(uint256 percent) external {
        percent = bound(percent, 101, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                GovernorVotesQuorumFraction.GovernorInvalidQuorumFraction.selector, percent, 100
            )
        );
        new Governance(stake, timelock, Governance.Settings(1, 1, 1, percent));
    }

    function test_constructor(Governance.Settings memory settings) external {
        if (settings.votingPeriod == 0) settings.votingPeriod = 1;
        settings.quorumPercent = bound(settings.quorumPercent, 0, 100);

        Governance created = new Governance(stake, timelock, settings);

        assertEq(created.votingDelay(), settings.votingDelay, "delay");
        assertEq(created.votingPeriod(), settings.votingPeriod, "period");
        assertEq(created.proposalThreshold(), settings.proposalThreshold, "threshold");
        assertEq(created.quorumNumerator(), settings.quorumPercent, "quorum");
        assertEq(created.quorumDenominator(), 100, "percent");
        assertEq(address(created.token()), address(stake), "token");
        assertEq(created.timelock(), address(timelock), "timelock");
        assertEq(created.CLOCK_MODE(), "mode=blocknumber&from=default", "clock");
        assertEq(created.clock(), vm.getBlockNumber(), "now");
    }
}

contract TimelockTest is GovernedTest {
    function test_roles_areHeldByNobodyElse() external view {
        bytes32[4] memory roles = [
            timelock.DEFAULT_ADMIN_ROLE(),
            timelock.PROPOSER_ROLE(),
            timelock.CANCELLER_ROLE(),
            timelock.EXECUTOR_ROLE()
        ];
        for (uint256 i = 0; i < 4; ++i) {
            assertFalse(timelock.hasRole(roles[i], CREATOR), "creator");
            assertFalse(timelock.hasRole(roles[i], address(core)), "core");
            assertEq(timelock.hasRole(roles[i], address(timelock)), i == 0, "timelock");
            bool ofGovernor = i == 1 || i == 2;
            assertEq(timelock.hasRole(roles[i], address(governance)), ofGovernor, "governor");
            assertEq(timelock.hasRole(roles[i], address(0)), i == 3, "anyone");
            assertEq(timelock.getRoleAdmin(roles[i]), timelock.DEFAULT_ADMIN_ROLE(), "admin role");
        }
        assertEq(timelock.getMinDelay(), MIN_DELAY, "delay");
    }

    function test_update_revertsForTheCreator() external {
        Change memory change;
        change.parameters = new ParameterEdit[](1);
        change.parameters[0] = ParameterEdit("x", 1, true);
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, CREATOR, CORE));
        core.update(change);
    }

    function test_schedule_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(governance)) caller = STRANGER;
        bytes32 role = timelock.PROPOSER_ROLE();
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role
            )
        );
        timelock.schedule(address(core), 0, "", 0, 0, MIN_DELAY);
    }

    function test_cancel_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(governance)) caller = STRANGER;
        bytes32 role = timelock.CANCELLER_ROLE();
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role
            )
        );
        timelock.cancel(0);
    }

    function test_grantRole_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(timelock)) caller = CREATOR;
        bytes32 role = timelock.PROPOSER_ROLE();
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0)
            )
        );
        timelock.grantRole(role, caller);
    }

    function test_updateDelay_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(timelock)) caller = CREATOR;
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, caller)
        );
        timelock.updateDelay(0);
    }
}

contract GovernanceTest is GovernedTest {
    function test_propose_revertsWithTooFewVotes() external {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), _updateData(_change()));
        vm.prank(CAROL);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorInsufficientProposerVotes.selector, CAROL, 9, 10
            )
        );
        governance.propose(targets, values, calldatas, DESCRIPTION);
    }

    function test_castVote_revertsBeforeTheSnapshot() external {
        uint256 proposal = _propose(address(core), _updateData(_change()));
        _passBlocks(VOTING_DELAY);
        bytes memory reason = _unexpected(proposal, IGovernor.ProposalState.Pending, 1 << 1);
        vm.prank(ALICE);
        vm.expectRevert(reason);
        governance.castVote(proposal, 1);
    }

    function test_castVote_revertsOnSecondVote() external {
        uint256 proposal = _propose(address(core), _updateData(_change()));
        _passBlocks(VOTING_DELAY + 1);
        _vote(ALICE, proposal, 1);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, ALICE));
        governance.castVote(proposal, 1);
    }

    /// @dev Stake bought after the vote has started, however much, has no weight and does not
    /// change the quorum.
    function test_castVote_ignoresStakeBoughtAfterTheSnapshot(uint256 amount) external {
        amount = bound(amount, 1, 1_000_000);
        uint256 proposal = _propose(address(core), _updateData(_change()));
        _passBlocks(VOTING_DELAY + 1);

        _deposit(STRANGER, amount);
        _deposit(CAROL, amount);
        _passBlocks(1);

        vm.prank(STRANGER);
        assertEq(governance.castVote(proposal, 0), 0, "stranger's weight");
        vm.prank(CAROL);
        assertEq(governance.castVote(proposal, 0), 9, "carol's weight");
        vm.prank(ALICE);
        assertEq(governance.castVote(proposal, 1), 50, "alice's weight");
        (uint256 against, uint256 inFavour, uint256 abstain) = governance.proposalVotes(proposal);
        assertEq(against, 9, "against");
        assertEq(inFavour, 50, "for");
        assertEq(abstain, 0, "abstain");
        // 40 % of the 89 stakes at the snapshot.
        assertEq(governance.quorum(governance.proposalSnapshot(proposal)), 35, "quorum");
        _passBlocks(VOTING_PERIOD);
        _expectState(proposal, IGovernor.ProposalState.Succeeded);
    }

    function test_castVote_countsStakeBoughtAtTheSnapshot() external {
        uint256 proposal = _propose(address(core), _updateData(_change()));
        _passBlocks(VOTING_DELAY);
        _deposit(STRANGER, 7);
        _passBlocks(1);
        vm.prank(STRANGER);
        assertEq(governance.castVote(proposal, 0), 7, "weight");
    }

    function test_queue_revertsWithoutQuorum() external {
        bytes memory data = _updateData(_change());
        uint256 proposal = _propose(address(core), data);
        _passBlocks(VOTING_DELAY + 1);
        _vote(BOB, proposal, 1);
        _passBlocks(VOTING_PERIOD);
        _expectState(proposal, IGovernor.ProposalState.Defeated);
        _expectQueueReverts(data, _unexpected(proposal, IGovernor.ProposalState.Defeated, 1 << 4));
    }

    function test_queue_revertsWhenVotedDown() external {
        bytes memory data = _updateData(_change());
        uint256 proposal = _propose(address(core), data);
        _passBlocks(VOTING_DELAY + 1);
        _vote(ALICE, proposal, 0);
        _vote(BOB, proposal, 1);
        _passBlocks(VOTING_PERIOD);
        _expectQueueReverts(data, _unexpected(proposal, IGovernor.ProposalState.Defeated, 1 << 4));
    }

    function test_queue_revertsWhileVoting() external {
        bytes memory data = _updateData(_change());
        uint256 proposal = _propose(address(core), data);
        _passBlocks(VOTING_DELAY + 1);
        _vote(ALICE, proposal, 1);
        _expectQueueReverts(data, _unexpected(proposal, IGovernor.ProposalState.Active, 1 << 4));
    }

    function test_execute_revertsBeforeTheDelay() external {
        bytes memory data = _updateData(_change());
        _pass(address(core), data);
        _queue(address(core), data);
        vm.warp(vm.getBlockTimestamp() + MIN_DELAY - 1);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        bytes32 salt = bytes20(address(governance)) ^ keccak256(bytes(DESCRIPTION));
        bytes32 id = timelock.hashOperationBatch(targets, values, calldatas, 0, salt);
        vm.expectRevert(
            abi.encodeWithSelector(
                TimelockController.TimelockUnexpectedOperationState.selector,
                id,
                bytes32(1 << uint8(TimelockController.OperationState.Ready))
            )
        );
        governance.execute(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    /// @dev A proposal cannot be executed after its object was changed by another update.
    function test_execute_revertsWhenTheObjectChangedSince() external {
        Change memory change = _change();
        bytes memory data = _updateData(change);
        _make(address(core), data);
        bytes32 other = blobs.put("other");
        Change memory faster;
        faster.modules = new ModuleEdits[](1);
        faster.modules[0] = ModuleEdits(ARTIFACTS, new Edit[](1));
        faster.modules[0].edits[0] = Edit("image", 0, other);
        vm.prank(address(timelock));
        core.update(faster);

        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleConflict.selector, "image", 0, other));
        governance.execute(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    function test_cancel_revertsForOthersThanTheProposer(address caller) external {
        if (caller == ALICE) caller = BOB;
        bytes memory data = _updateData(_change());
        uint256 proposal = _propose(address(core), data);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, proposal, caller)
        );
        governance.cancel(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    function test_cancel_byProposerBeforeTheVote() external {
        bytes memory data = _updateData(_change());
        uint256 proposal = _propose(address(core), data);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        vm.prank(ALICE);
        governance.cancel(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
        _expectState(proposal, IGovernor.ProposalState.Canceled);
    }

    function test_settings_revertOnUnauthorizedCaller(address caller) external {
        if (caller == address(timelock)) caller = CREATOR;
        bytes memory reason =
            abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(reason);
        governance.setVotingDelay(0);
        vm.expectRevert(reason);
        governance.setVotingPeriod(1);
        vm.expectRevert(reason);
        governance.setProposalThreshold(0);
        vm.expectRevert(reason);
        governance.updateQuorumNumerator(0);
        vm.expectRevert(reason);
        governance.updateTimelock(TimelockController(payable(caller)));
        vm.expectRevert(reason);
        governance.relay(address(core), 0, "");
    }

    function test_settings_changeByVote() external {
        bytes memory data = abi.encodeCall(GovernorSettings.setVotingDelay, (99));
        _make(address(governance), data);
        _execute(address(governance), data);
        assertEq(governance.votingDelay(), 99, "delay");
    }

    function test_setModule_byVote() external {
        Artifacts next = new Artifacts(address(core));
        bytes memory data = abi.encodeCall(core.setModule, (ARTIFACTS, address(next)));
        _make(address(core), data);
        _execute(address(core), data);
        assertEq(core.module(ARTIFACTS), address(next), "module");
    }

    function test_proposal_passesAndIsExecuted() external {
        Change memory change = _change();
        bytes memory data = _updateData(change);

        uint256 proposal = _propose(address(core), data);
        _expectState(proposal, IGovernor.ProposalState.Pending);
        _passBlocks(VOTING_DELAY + 1);
        _expectState(proposal, IGovernor.ProposalState.Active);
        _vote(ALICE, proposal, 1);
        _vote(BOB, proposal, 0);
        _passBlocks(VOTING_PERIOD);
        _expectState(proposal, IGovernor.ProposalState.Succeeded);
        assertTrue(governance.proposalNeedsQueuing(proposal), "needs queuing");
        _queue(address(core), data);
        _expectState(proposal, IGovernor.ProposalState.Queued);
        vm.warp(vm.getBlockTimestamp() + MIN_DELAY);
        assertEq(core.revision(), 0, "revision before");

        expectEvent(address(core));
        emit ICore.ParameterChanged("groups", 3, true, 1);
        expectEvent(address(core));
        emit ICore.ServiceUpdated(1, address(timelock));
        expectEvent(address(artifacts));
        emit IModule.ObjectChanged(keccak256("image"), 1, "image", keccak256("the image"));
        expectEvent(address(governance));
        emit IGovernor.ProposalExecuted(proposal);
        _execute(address(core), data);

        _expectState(proposal, IGovernor.ProposalState.Executed);
        assertEq(core.revision(), 1, "revision");
        assertEq(artifacts.entry("image").blob, keccak256("the image"), "object");
        assertEq(blobs.get(artifacts.entry("image").blob), "the image", "value");
        assertEq(core.parameter("groups"), 3, "parameter");
        assertEq(abi.encode(topology.nodeSets()), abi.encode(change.sets), "sets");
        assertEq(abi.encode(security.bans()), abi.encode(change.bans), "bans");
        assertTrue(security.authorized(BOB, TEMPLATES), "permission");
    }

    /// @dev Anyone may execute on the timelock directly; the governor then shows the proposal as
    /// executed.
    function test_executeBatch_onTheTimelockIsKnownToTheGovernor() external {
        bytes memory data = _updateData(_change());
        uint256 proposal = _make(address(core), data);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        bytes32 salt = bytes20(address(governance)) ^ keccak256(bytes(DESCRIPTION));
        vm.prank(STRANGER);
        timelock.executeBatch(targets, values, calldatas, 0, salt);
        _expectState(proposal, IGovernor.ProposalState.Executed);
        assertEq(core.revision(), 1, "revision");
    }

    function _expectQueueReverts(bytes memory data, bytes memory reason) private {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(address(core), data);
        vm.expectRevert(reason);
        governance.queue(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    function _unexpected(uint256 proposal, IGovernor.ProposalState state, uint256 expected)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IGovernor.GovernorUnexpectedProposalState.selector, proposal, state, bytes32(expected)
        );
    }

    function _change() private returns (Change memory change) {
        change.modules = new ModuleEdits[](1);
        change.modules[0] = ModuleEdits(ARTIFACTS, new Edit[](1));
        change.modules[0].edits[0] = Edit("image", 0, blobs.put("the image"));
        change.parameters = new ParameterEdit[](1);
        change.parameters[0] = ParameterEdit("groups", 3, true);
        change.replaceSets = true;
        change.sets = new NodeSet[](1);
        change.sets[0] = NodeSet("workers", "groups", "size");
        change.bans = new Ban[](1);
        change.bans[0] = Ban(BanKind.Credential, keccak256("certificate"), 0, true);
        change.permissions = new Permission[](1);
        address[] memory admins = new address[](1);
        admins[0] = BOB;
        change.permissions[0] = Permission(TEMPLATES, UpdateMode.Admins, admins);
    }
}
