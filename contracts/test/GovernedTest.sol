// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {Artifacts} from "../src/Artifacts.sol";
import {Blobs} from "../src/Blobs.sol";
import {Core} from "../src/Core.sol";
import {Governance} from "../src/Governance.sol";
import {Identity} from "../src/Identity.sol";
import {Mapper} from "../src/Mapper.sol";
import {Security} from "../src/Security.sol";
import {Stake} from "../src/Stake.sol";
import {Templates} from "../src/Templates.sol";
import {Timelock} from "../src/Timelock.sol";
import {Topology} from "../src/Topology.sol";
import {Change} from "../src/interfaces/Types.sol";
import {
    ARTIFACTS,
    GOVERNANCE,
    IDENTITY,
    MAPPER,
    SECURITY,
    STAKE,
    TEMPLATES,
    TIMELOCK,
    TOPOLOGY
} from "../src/libraries/Names.sol";
import {BaseTest} from "./BaseTest.sol";

/// @notice A whole service of real contracts, deployed as a creator does it: all addresses follow
/// from its nonce.
abstract contract GovernedTest is BaseTest {
    uint256 internal constant DENOMINATION = 1 ether;
    uint48 internal constant VOTING_DELAY = 5;
    uint32 internal constant VOTING_PERIOD = 50;
    uint256 internal constant PROPOSAL_THRESHOLD = 10;
    uint256 internal constant QUORUM_PERCENT = 40;
    uint256 internal constant MIN_DELAY = 3600;
    string internal constant DESCRIPTION = "more workers";

    address internal immutable CREATOR = _actor("creator");

    Blobs internal blobs;
    Core internal core;
    Security internal security;
    Topology internal topology;
    Artifacts internal artifacts;
    Templates internal templates;
    Identity internal identity;
    Mapper internal mapper;
    Stake internal stake;
    Governance internal governance;
    Timelock internal timelock;

    function setUp() public virtual {
        vm.startPrank(CREATOR);
        blobs = new Blobs();
        (bytes32[] memory names, address[] memory addresses) = _siblings();
        core = new Core("demo", blobs, names, addresses);
        security = new Security(address(core));
        topology = new Topology(address(core));
        artifacts = new Artifacts(address(core));
        templates = new Templates(address(core));
        identity = new Identity(address(core));
        mapper = new Mapper(address(core));
        stake = new Stake(DENOMINATION, 100);
        governance = new Governance(
            stake,
            TimelockController(payable(addresses[8])),
            Governance.Settings(VOTING_DELAY, VOTING_PERIOD, PROPOSAL_THRESHOLD, QUORUM_PERCENT)
        );
        timelock = new Timelock(MIN_DELAY, address(governance));
        vm.stopPrank();
        assertEq(core.module(TIMELOCK), address(timelock), "predicted addresses");

        _deposit(ALICE, 50);
        _deposit(BOB, 30);
        _deposit(CAROL, 9);
        _passBlocks(1);
    }

    function _siblings() private view returns (bytes32[] memory names, address[] memory addresses) {
        names = new bytes32[](9);
        addresses = new address[](9);
        bytes32[9] memory order = [
            SECURITY, TOPOLOGY, ARTIFACTS, TEMPLATES, IDENTITY, MAPPER, STAKE, GOVERNANCE, TIMELOCK
        ];
        uint256 nonce = vm.getNonce(CREATOR);
        for (uint256 i = 0; i < 9; ++i) {
            names[i] = order[i];
            addresses[i] = vm.computeCreateAddress(CREATOR, nonce + 1 + i);
        }
    }

    function _deposit(address account, uint256 amount) internal {
        vm.deal(account, amount * DENOMINATION);
        vm.prank(account);
        stake.deposit{value: amount * DENOMINATION}();
    }

    /// @dev Passes `number` blocks of twelve seconds.
    function _passBlocks(uint256 number) internal {
        vm.roll(vm.getBlockNumber() + number);
        vm.warp(vm.getBlockTimestamp() + 12 * number);
    }

    function _actions(address target, bytes memory data)
        internal
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas)
    {
        targets = new address[](1);
        values = new uint256[](1);
        calldatas = new bytes[](1);
        (targets[0], calldatas[0]) = (target, data);
    }

    function _propose(address target, bytes memory data) internal returns (uint256) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(target, data);
        vm.prank(ALICE);
        return governance.propose(targets, values, calldatas, DESCRIPTION);
    }

    function _vote(address voter, uint256 proposal, uint8 support) internal {
        vm.prank(voter);
        governance.castVote(proposal, support);
    }

    /// @dev Proposes the call and passes it with the votes of alice and bob.
    function _pass(address target, bytes memory data) internal returns (uint256 proposal) {
        proposal = _propose(target, data);
        _passBlocks(VOTING_DELAY + 1);
        _vote(ALICE, proposal, 1);
        _vote(BOB, proposal, 1);
        _passBlocks(VOTING_PERIOD);
    }

    function _queue(address target, bytes memory data) internal {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(target, data);
        vm.prank(STRANGER);
        governance.queue(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    function _execute(address target, bytes memory data) internal {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _actions(target, data);
        vm.prank(STRANGER);
        governance.execute(targets, values, calldatas, keccak256(bytes(DESCRIPTION)));
    }

    /// @dev Does all steps from the proposal to just before its execution.
    function _make(address target, bytes memory data) internal returns (uint256 proposal) {
        proposal = _pass(target, data);
        _queue(target, data);
        vm.warp(vm.getBlockTimestamp() + MIN_DELAY);
    }

    function _expectState(uint256 proposal, IGovernor.ProposalState expected) internal view {
        assertEq(uint256(governance.state(proposal)), uint256(expected), "proposal state");
    }

    function _updateData(Change memory change) internal view returns (bytes memory) {
        return abi.encodeCall(core.update, (change));
    }
}
