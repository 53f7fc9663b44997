// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Core} from "../src/Core.sol";
import {Module} from "../src/Module.sol";
import {Security} from "../src/Security.sol";
import {
    Ban,
    BanKind,
    Change,
    Edit,
    Entry,
    ModuleEdits,
    ParameterEdit
} from "../src/interfaces/Types.sol";
import {ARTIFACTS, CORE, TEMPLATES} from "../src/libraries/Names.sol";
import {BaseTest} from "./BaseTest.sol";
import {ServiceTest} from "./ServiceTest.sol";

/// @notice Makes random valid updates of a service, and keeps a plain model of the state that must
/// result.
contract ServiceHandler is BaseTest {
    uint256 public constant PATHS = 20;
    uint256 public constant PARAMETERS = 6;
    uint256 public constant UNITS = 12;

    Core private immutable SERVICE_CORE;
    address private immutable TIMELOCK_ACCOUNT;
    bytes32[] private _blobs;

    uint64 public updates;
    mapping(bytes32 module => mapping(string path => bytes32)) public blobOf;
    mapping(bytes32 module => mapping(string path => uint64)) public revisionOf;
    mapping(bytes32 module => uint256) public countOf;
    mapping(bytes32 name => int256) public valueOf;
    mapping(bytes32 name => bool) public presentOf;
    mapping(uint32 unit => bool) public bannedOf;

    constructor(Core core, address timelock, bytes32[] memory blobs) {
        SERVICE_CORE = core;
        TIMELOCK_ACCOUNT = timelock;
        _blobs = blobs;
    }

    /// @dev Makes up to 8 edits in each of two modules, in one change; a path may occur twice.
    function edit(uint256 size, uint256 seed) external {
        size = bound(size, 1, 8);
        Change memory change;
        change.modules = new ModuleEdits[](2);
        for (uint256 m = 0; m < 2; ++m) {
            bytes32 module = [ARTIFACTS, TEMPLATES, CORE][(seed + m) % 3];
            Edit[] memory edits = new Edit[](size);
            for (uint256 i = 0; i < size; ++i) {
                seed = uint256(keccak256(abi.encode(seed)));
                edits[i] = _edit(module, seed);
            }
            change.modules[m] = ModuleEdits(module, edits);
        }
        _update(change);
    }

    /// @dev Removes every object of a module, in ascending or descending order.
    function clear(uint256 seed, bool backwards) external {
        bytes32 module = [ARTIFACTS, TEMPLATES, CORE][seed % 3];
        uint256 size = countOf[module];
        if (size == 0) return;
        Change memory change;
        change.modules = new ModuleEdits[](1);
        change.modules[0] = ModuleEdits(module, new Edit[](size));
        uint256 next;
        for (uint256 i = 0; i < PATHS; ++i) {
            string memory path = pathOf(backwards ? PATHS - 1 - i : i);
            bytes32 was = blobOf[module][path];
            if (was == 0) continue;
            change.modules[0].edits[next++] = Edit(path, was, 0);
            _set(module, path, 0);
        }
        _update(change);
    }

    function setParameter(uint256 index, int256 value, bool present) external {
        bytes32 name = bytes32(bound(index, 1, PARAMETERS));
        if (!presentOf[name]) present = true;
        Change memory change;
        change.parameters = new ParameterEdit[](1);
        change.parameters[0] = ParameterEdit(name, value, present);
        (valueOf[name], presentOf[name]) = (present ? value : int256(0), present);
        _update(change);
    }

    function ban(uint32 unit) external {
        unit = uint32(bound(unit, 0, UNITS - 1));
        bannedOf[unit] = !bannedOf[unit];
        Change memory change;
        change.bans = new Ban[](1);
        change.bans[0] = Ban(BanKind.Node, "alice", unit, bannedOf[unit]);
        _update(change);
    }

    /// @dev Every third path takes more than one storage slot.
    function pathOf(uint256 index) public pure returns (string memory) {
        string memory start = index % 3 == 0 ? "node_types/a_rather_long_name_of_a_type/" : "p/";
        return string.concat(start, vm.toString(index));
    }

    function _edit(bytes32 module, uint256 seed) private returns (Edit memory) {
        string memory path = pathOf(seed % PATHS);
        bytes32 was = blobOf[module][path];
        // There is one choice for each blob, and one for removal. If the choice is the present
        // blob, the next is taken, so that the edit changes something.
        uint256 choice = (seed >> 128) % (_blobs.length + 1);
        bytes32 blob = choice == 0 ? bytes32(0) : _blobs[choice - 1];
        if (blob == was) blob = choice == _blobs.length ? bytes32(0) : _blobs[choice];
        _set(module, path, blob);
        return Edit(path, was, blob);
    }

    function _set(bytes32 module, string memory path, bytes32 blob) private {
        if (blobOf[module][path] == 0) ++countOf[module];
        if (blob == 0) --countOf[module];
        blobOf[module][path] = blob;
        revisionOf[module][path] = blob == 0 ? 0 : updates + 1;
    }

    function _update(Change memory change) private {
        vm.prank(TIMELOCK_ACCOUNT);
        uint64 revision = SERVICE_CORE.update(change);
        assertEq(revision, ++updates, "revision");
    }
}

contract ServiceInvariantTest is ServiceTest {
    ServiceHandler private _handler;

    function setUp() public override {
        super.setUp();
        bytes32[] memory values = new bytes32[](3);
        (values[0], values[1], values[2]) = (blobs.put("a"), blobs.put("b"), blobs.put("c"));
        _handler = new ServiceHandler(core, LOCK, values);
        bytes4[] memory selectors = new bytes4[](4);
        selectors[0] = ServiceHandler.edit.selector;
        selectors[1] = ServiceHandler.clear.selector;
        selectors[2] = ServiceHandler.setParameter.selector;
        selectors[3] = ServiceHandler.ban.selector;
        _target(address(_handler), selectors);
    }

    function invariant_revisionCountsUpdates() external view {
        assertEq(core.revision(), _handler.updates(), "revision");
    }

    function invariant_commitmentIsOfTheContent() external view {
        assertEq(artifacts.commitment(), _recomputed(artifacts), "artifacts");
        assertEq(templates.commitment(), _recomputed(templates), "templates");
        assertEq(core.commitment(), _recomputed(core), "core");
    }

    function invariant_entriesEqualTheModel() external view {
        _checkEntries(ARTIFACTS, artifacts);
        _checkEntries(TEMPLATES, templates);
        _checkEntries(CORE, core);
    }

    function invariant_parametersEqualTheModel() external view {
        (bytes32[] memory names, int256[] memory values) = core.parameters();
        uint256 present;
        for (uint256 i = 1; i <= _handler.PARAMETERS(); ++i) {
            if (_handler.presentOf(bytes32(i))) ++present;
        }
        assertEq(names.length, present, "number");
        for (uint256 i = 0; i < names.length; ++i) {
            assertTrue(_handler.presentOf(names[i]), "present");
            assertEq(values[i], _handler.valueOf(names[i]), "value");
            assertEq(core.parameter(names[i]), values[i], "parameter");
        }
    }

    function invariant_bannedUnitsEqualTheModel() external view {
        uint32[] memory units = security.bannedUnits("alice");
        uint256 next;
        for (uint32 unit = 0; unit < _handler.UNITS(); ++unit) {
            if (_handler.bannedOf(unit)) assertEq(units[next++], unit, "unit");
        }
        assertEq(units.length, next, "units");
        assertEq(security.bans().length, next, "bans");
    }

    /// @dev Checks that there are as many entries as in the model, that each is in the model, and
    /// that no two are alike.
    function _checkEntries(bytes32 name, Module module) private view {
        Entry[] memory entries = module.page(0, type(uint256).max);
        assertEq(entries.length, _handler.countOf(name), "number");
        assertEq(module.count(), entries.length, "count");
        uint256 found;
        for (uint256 i = 0; i < _handler.PATHS(); ++i) {
            string memory path = _handler.pathOf(i);
            bytes32 blob = _handler.blobOf(name, path);
            uint64 revision = _handler.revisionOf(name, path);
            Entry memory expected = Entry(blob == 0 ? "" : path, blob, revision);
            assertEq(abi.encode(module.entry(path)), abi.encode(expected), "entry");
            for (uint256 j = 0; j < entries.length; ++j) {
                if (keccak256(bytes(entries[j].path)) != keccak256(bytes(path))) continue;
                assertEq(abi.encode(entries[j]), abi.encode(expected), "entry of the page");
                ++found;
            }
        }
        assertEq(found, entries.length, "each path once");
    }
}
