// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

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
import {Change, Edit, ModuleEdits} from "../src/interfaces/Types.sol";
import {ARTIFACTS} from "../src/libraries/Names.sol";
import {GovernedTest} from "./GovernedTest.sol";

/// @dev Measures the gas of transactions, each run on its own as on a chain. Only the limits of
/// public chains are asserted. `forge test --match-path test/Gas.t.sol -vv` prints the figures.
/// forge-config: default.isolate = true
contract GasTest is GovernedTest {
    /// @dev Gas of a transaction, by EIP-7825.
    uint256 internal constant TRANSACTION_LIMIT = 16_777_216;
    /// @dev Bytes of a contract's code, by EIP-170.
    uint256 internal constant CODE_LIMIT = 24_576;
    uint256 internal constant OBJECTS = 40;

    function test_gas_ofAChange() external {
        bytes[] memory values = new bytes[](OBJECTS);
        for (uint256 i = 0; i < OBJECTS; ++i) {
            values[i] = _value(i);
        }
        blobs.putMany(values);
        _report("blobs: putMany of 40 x 400 bytes");

        bytes memory data = _updateData(_objects(0));
        uint256 proposal = _propose(address(core), data);
        _report("governance: propose 40 objects");
        _passBlocks(VOTING_DELAY + 1);
        _vote(ALICE, proposal, 1);
        _report("governance: vote, first");
        _vote(BOB, proposal, 1);
        _report("governance: vote");
        _passBlocks(VOTING_PERIOD);
        _queue(address(core), data);
        _report("governance: queue");
        vm.warp(vm.getBlockTimestamp() + MIN_DELAY);
        _execute(address(core), data);
        _report("governance: execute 40 objects");
        assertEq(artifacts.count(), OBJECTS, "objects");
    }

    function test_gas_ofUpdates() external {
        for (uint256 i = 0; i < 2 * OBJECTS; ++i) {
            blobs.put(_value(i));
        }
        _report("blobs: put 400 bytes");
        _update(_objects(0));
        _report("core: update with 40 new objects");
        _update(_objects(OBJECTS));
        _report("core: update of 40 objects");

        Change memory change;
        change.modules = new ModuleEdits[](1);
        change.modules[0] = ModuleEdits(ARTIFACTS, new Edit[](1));
        change.modules[0].edits[0] = Edit(_path(7), keccak256(_value(47)), keccak256(_value(7)));
        _update(change);
        _report("core: update of one object of 40");
        change.modules[0].edits[0] = Edit(_path(7), keccak256(_value(7)), 0);
        _update(change);
        _report("core: removal of one object of 40");
    }

    function test_gas_ofTheLargestBlob() external {
        bytes memory value = new bytes(24_575);
        for (uint256 i = 0; i < value.length; ++i) {
            value[i] = 0xff;
        }
        blobs.put(value);
        _report("blobs: put 24,575 bytes");
    }

    function test_gas_ofCreation() external {
        _created("Blobs", gasleft(), address(new Blobs()));
        bytes32[] memory names = new bytes32[](9);
        address[] memory addresses = new address[](9);
        (bytes32[] memory all, address[] memory places) = core.modules();
        for (uint256 i = 0; i < 9; ++i) {
            (names[i], addresses[i]) = (all[i + 1], places[i + 1]);
        }
        _created("Core", gasleft(), address(new Core("demo", blobs, names, addresses)));
        _created("Security", gasleft(), address(new Security(address(core))));
        _created("Topology", gasleft(), address(new Topology(address(core))));
        _created("Artifacts", gasleft(), address(new Artifacts(address(core))));
        _created("Templates", gasleft(), address(new Templates(address(core))));
        _created("Identity", gasleft(), address(new Identity(address(core))));
        _created("Mapper", gasleft(), address(new Mapper(address(core))));
        _created("Stake", gasleft(), address(new Stake(DENOMINATION, 100)));
        _created(
            "Governance",
            gasleft(),
            address(new Governance(stake, timelock, Governance.Settings(1, 1, 1, 1)))
        );
        _created("Timelock", gasleft(), address(new Timelock(1, address(governance))));
    }

    /// @dev `gasBefore` is evaluated before the contract is created.
    function _created(string memory name, uint256 gasBefore, address created) private {
        uint256 used = gasBefore - gasleft();
        assertTrue(created.code.length <= CODE_LIMIT, name);
        emit log_named_uint(string.concat("size of ", name), created.code.length);
        _report(string.concat("creation of ", name), used);
    }

    function _report(string memory label) private {
        _report(label, vm.lastCallGas().gasTotalUsed);
    }

    function _report(string memory label, uint256 gas) private {
        assertTrue(gas <= TRANSACTION_LIMIT, label);
        emit log_named_uint(label, gas);
    }

    function _update(Change memory change) private {
        vm.prank(address(timelock));
        core.update(change);
    }

    /// @dev Sets 40 paths to the values from index `first` on.
    function _objects(uint256 first) private pure returns (Change memory change) {
        change.modules = new ModuleEdits[](1);
        change.modules[0] = ModuleEdits(ARTIFACTS, new Edit[](OBJECTS));
        for (uint256 i = 0; i < OBJECTS; ++i) {
            bytes32 was = first == 0 ? bytes32(0) : keccak256(_value(i));
            change.modules[0].edits[i] = Edit(_path(i), was, keccak256(_value(first + i)));
        }
    }

    function _path(uint256 index) private pure returns (string memory) {
        return string.concat("node_types/Worker", vm.toString(index));
    }

    /// @dev Returns 400 bytes that are not zero.
    function _value(uint256 index) private pure returns (bytes memory value) {
        value = new bytes(400);
        for (uint256 i = 0; i < 400; ++i) {
            value[i] = bytes1(uint8(1 + (i + 7 * index) % 255));
        }
    }
}
