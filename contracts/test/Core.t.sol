// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Artifacts} from "../src/Artifacts.sol";
import {Blobs} from "../src/Blobs.sol";
import {Core} from "../src/Core.sol";
import {Security} from "../src/Security.sol";
import {ICore} from "../src/interfaces/ICore.sol";
import {IModule} from "../src/interfaces/IModule.sol";
import {ISecurity} from "../src/interfaces/ISecurity.sol";
import {ITopology} from "../src/interfaces/ITopology.sol";
import {
    Ban,
    BanKind,
    Change,
    Edit,
    Entry,
    ModuleEdits,
    NodeSet,
    ParameterEdit,
    Permission,
    UpdateMode
} from "../src/interfaces/Types.sol";
import {
    ARTIFACTS,
    CORE,
    GOVERNANCE,
    IDENTITY,
    MAPPER,
    SECURITY,
    STAKE,
    TEMPLATES,
    TIMELOCK,
    TOPOLOGY
} from "../src/libraries/Names.sol";
import {ServiceTest} from "./ServiceTest.sol";

contract CoreConstructorTest is ServiceTest {
    function setUp() public override {
        blobs = new Blobs();
    }

    function test_constructor_revertsWhenLengthsDiffer() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        address[] memory more = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            more[i] = addresses[i % 3];
        }
        _expect(abi.encodeWithSelector(ICore.CoreModulesMismatch.selector, 3, 4), names, more);
    }

    function test_constructor_revertsOnEmptyName() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        names[2] = 0;
        _expectInvalid(0, CAROL, names, addresses);
    }

    function test_constructor_revertsOnNameGivenTwice() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        names[2] = names[1];
        _expectInvalid(SECURITY, CAROL, names, addresses);
    }

    function test_constructor_revertsWhenCoreIsGiven() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        names[2] = CORE;
        _expectInvalid(CORE, CAROL, names, addresses);
    }

    function test_constructor_revertsOnZeroAddress() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        addresses[2] = address(0);
        _expectInvalid(MAPPER, address(0), names, addresses);
    }

    function test_constructor_revertsWithoutTimelock() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        names[0] = STAKE;
        _expect(
            abi.encodeWithSelector(ICore.CoreMissingModule.selector, TIMELOCK), names, addresses
        );
    }

    function test_constructor_revertsWithoutSecurity() external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        names[1] = STAKE;
        _expect(
            abi.encodeWithSelector(ICore.CoreMissingModule.selector, SECURITY), names, addresses
        );
    }

    function test_constructor_revertsOnTooManyModules() external {
        bytes32[] memory names = new bytes32[](64);
        address[] memory addresses = new address[](64);
        for (uint256 i = 0; i < 64; ++i) {
            (names[i], addresses[i]) = (bytes32(i + 1), ALICE);
        }
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreTooManyModules.selector, 64));
        new Core(SERVICE, blobs, names, addresses);
    }

    function test_constructor(string calldata name) external {
        (bytes32[] memory names, address[] memory addresses) = _three();
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));

        expectEvent(expected);
        emit ICore.ModuleRegistered(CORE, expected);
        expectEvent(expected);
        emit ICore.ModuleRegistered(TIMELOCK, ALICE);
        expectEvent(expected);
        emit ICore.ModuleRegistered(SECURITY, BOB);
        expectEvent(expected);
        emit ICore.ModuleRegistered(MAPPER, CAROL);
        expectEvent(expected);
        emit ICore.ServiceCreated(name, address(this));
        core = new Core(name, blobs, names, addresses);

        assertEq(core.name(), name, "name");
        assertEq(address(core.blobs()), address(blobs), "blobs");
        assertEq(core.revision(), 0, "revision");
        assertEq(core.module(CORE), address(core), "core");
        assertEq(core.module(TIMELOCK), ALICE, "timelock");
        assertEq(core.module(SECURITY), BOB, "security");
        assertEq(core.module(MAPPER), CAROL, "mapper");
        assertEq(core.module(STAKE), address(0), "no stake");
    }

    function _expectInvalid(
        bytes32 name,
        address module,
        bytes32[] memory names,
        address[] memory addresses
    ) private {
        _expect(
            abi.encodeWithSelector(ICore.CoreInvalidModule.selector, name, module), names, addresses
        );
    }

    function _expect(bytes memory reason, bytes32[] memory names, address[] memory addresses)
        private
    {
        vm.expectRevert(reason);
        new Core(SERVICE, blobs, names, addresses);
    }

    /// @dev Returns the two modules that a service needs, and a third that a test can spoil.
    function _three() private view returns (bytes32[] memory names, address[] memory addresses) {
        names = new bytes32[](3);
        addresses = new address[](3);
        (names[0], names[1], names[2]) = (TIMELOCK, SECURITY, MAPPER);
        (addresses[0], addresses[1], addresses[2]) = (ALICE, BOB, CAROL);
    }
}

contract CoreUpdateTest is ServiceTest {
    bytes32 internal blob;

    function setUp() public override {
        super.setUp();
        blob = blobs.put("blob");
    }

    function test_update_revertsOnEmptyChange() external {
        Change memory change;
        _expect(abi.encodeWithSelector(ICore.CoreEmptyChange.selector), change);
    }

    function test_update_revertsOnModuleWithoutEdits() external {
        Change memory change = _parameter("x", 1, true);
        change.modules = new ModuleEdits[](1);
        change.modules[0].module = ARTIFACTS;
        _expect(abi.encodeWithSelector(ICore.CoreEmptyEdits.selector, ARTIFACTS), change);
    }

    function test_update_revertsOnUnexpectedSets() external {
        Change memory change = _parameter("x", 1, true);
        change.sets = new NodeSet[](1);
        _expect(abi.encodeWithSelector(ICore.CoreUnexpectedSets.selector, 1), change);
    }

    function test_update_revertsOnUnknownModule(bytes32 module) external {
        module = keccak256(abi.encode(module));
        _expectUnknown(module);
    }

    function test_update_revertsOnModulesWithoutObjects() external {
        _expectUnknown(MAPPER);
        _expectUnknown(TIMELOCK);
        _expectUnknown(GOVERNANCE);
        _expectUnknown(STAKE);
    }

    /// @dev A service works without the modules it does not name.
    function test_update_revertsOnModuleThatIsNotRegistered() external {
        bytes32[] memory names = new bytes32[](2);
        address[] memory addresses = new address[](2);
        uint256 nonce = vm.getNonce(address(this));
        (names[0], addresses[0]) = (TIMELOCK, LOCK);
        (names[1], addresses[1]) = (SECURITY, vm.computeCreateAddress(address(this), nonce + 1));
        core = new Core(SERVICE, blobs, names, addresses);
        security = new Security(address(core));
        _expectUnknown(ARTIFACTS);
        _expect(
            abi.encodeWithSelector(ICore.CoreUnknownModule.selector, TOPOLOGY),
            _sets(new NodeSet[](0))
        );
    }

    function test_update_revertsOnEditsByUnauthorizedCaller(address caller) external {
        _expectUnauthorized(caller, ARTIFACTS, _edits(ARTIFACTS, "a", 0, blob));
    }

    function test_update_revertsOnCoreEditsByUnauthorizedCaller(address caller) external {
        _expectUnauthorized(caller, CORE, _edits(CORE, "a", 0, blob));
    }

    function test_update_revertsOnParametersByUnauthorizedCaller(address caller) external {
        _expectUnauthorized(caller, CORE, _parameter("x", 1, true));
    }

    function test_update_revertsOnSetsByUnauthorizedCaller(address caller) external {
        _expectUnauthorized(caller, TOPOLOGY, _sets(new NodeSet[](0)));
    }

    function test_update_revertsOnBansByUnauthorizedCaller(address caller) external {
        _expectUnauthorized(caller, SECURITY, _ban(BanKind.Operator, "x", 0, true));
    }

    function test_update_revertsOnPermissionsByUnauthorizedCaller(address caller) external {
        Change memory change = _permission(ARTIFACTS, UpdateMode.Admins, _one(ALICE));
        _expectUnauthorized(caller, SECURITY, change);
    }

    /// @dev Admins of `security` may ban, but only the timelock appoints admins.
    function test_update_revertsOnPermissionsBySecurityAdmin() external {
        _update(_permission(SECURITY, UpdateMode.Admins, _one(ALICE)));
        Change memory change = _permission(SECURITY, UpdateMode.Admins, _one(BOB));
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, ALICE, SECURITY));
        core.update(change);
    }

    /// @dev An admin of one module cannot add an edit of another module to a change.
    function test_update_revertsWhenOnlyTheFirstModuleIsAuthorized() external {
        _update(_permission(ARTIFACTS, UpdateMode.Admins, _one(ALICE)));
        Change memory change;
        change.modules = new ModuleEdits[](2);
        change.modules[0] = _edits(ARTIFACTS, "a", 0, blob).modules[0];
        change.modules[1] = _edits(TEMPLATES, "a", 0, blob).modules[0];
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, ALICE, TEMPLATES));
        core.update(change);
    }

    function test_update_revertsOnRemovalOfUnknownParameter(bytes32 name) external {
        _expect(
            abi.encodeWithSelector(ICore.CoreUnknownParameter.selector, name),
            _parameter(name, 0, false)
        );
    }

    function test_update_revertsOnParameterWithoutName() external {
        _expect(
            abi.encodeWithSelector(ICore.CoreUnknownParameter.selector, bytes32(0)),
            _parameter(0, 1, true)
        );
    }

    function test_update_revertsOnTooManyParameters() external {
        Change memory change;
        change.parameters = new ParameterEdit[](257);
        for (uint256 i = 0; i < 257; ++i) {
            change.parameters[i] = ParameterEdit(bytes32(i + 1), 1, true);
        }
        _expect(abi.encodeWithSelector(ICore.CoreTooManyParameters.selector, 256), change);
    }

    function test_update_setsAParameter(bytes32 name, int256 value) external {
        name = keccak256(abi.encode(name));

        expectEvent(address(core));
        emit ICore.ServiceUpdated(1, LOCK);
        uint64 revision = _update(_parameter(name, value, true));

        assertEq(revision, 1, "returned revision");
        assertEq(core.revision(), 1, "revision");
        assertEq(core.parameter(name), value, "parameter");
        (bytes32[] memory names, int256[] memory values) = core.parameters();
        assertEq(names.length, 1, "names");
        assertEq(names[0], name, "name");
        assertEq(values.length, 1, "values");
        assertEq(values[0], value, "value");
    }

    function test_update_setsAParameterAgainAndRemovesIt(int256 value) external {
        _update(_parameter("x", 1, true));

        expectEvent(address(core));
        emit ICore.ParameterChanged("x", value, true, 2);
        _update(_parameter("x", value, true));
        assertEq(core.parameter("x"), value, "changed");

        expectEvent(address(core));
        emit ICore.ParameterChanged("x", 0, false, 3);
        _update(_parameter("x", 0, false));
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnknownParameter.selector, bytes32("x")));
        core.parameter("x");
        (bytes32[] memory names, int256[] memory values) = core.parameters();
        assertEq(names.length + values.length, 0, "nothing left");
    }

    /// @dev A change with every part it can have is one revision; its events come in order.
    function test_update_appliesEveryPartOfAChange() external {
        Change memory change;
        bytes32[6] memory modules = [CORE, IDENTITY, ARTIFACTS, TOPOLOGY, TEMPLATES, SECURITY];
        change.modules = new ModuleEdits[](6);
        for (uint256 i = 0; i < 6; ++i) {
            change.modules[i] = _edits(modules[i], "path", 0, blob).modules[0];
        }
        change.parameters = _parameter("x", -5, true).parameters;
        change.replaceSets = true;
        change.sets = new NodeSet[](1);
        change.sets[0] = NodeSet("workers", "groups", "size");
        change.bans = _ban(BanKind.Node, "alice", 3, true).bans;
        change.permissions = _permission(CORE, UpdateMode.Admins, _one(BOB)).permissions;

        expectEvent(address(core));
        emit ICore.ParameterChanged("x", -5, true, 1);
        expectEvent(address(core));
        emit ICore.ServiceUpdated(1, LOCK);
        for (uint256 i = 0; i < 6; ++i) {
            expectEvent(core.module(modules[i]));
            emit IModule.ObjectChanged(keccak256("path"), 1, "path", blob);
        }
        expectEvent(address(topology));
        emit ITopology.NodeSetsChanged(change.sets, 1);
        expectEvent(address(security));
        emit ISecurity.BanChanged(uint8(BanKind.Node), "alice", 3, true, 1);
        expectEvent(address(security));
        emit ISecurity.PermissionChanged(CORE, UpdateMode.Admins, _one(BOB), 1);
        assertEq(_update(change), 1, "returned revision");

        for (uint256 i = 0; i < 6; ++i) {
            assertEq(
                abi.encode(IModule(core.module(modules[i])).entry("path")),
                abi.encode(Entry("path", blob, 1)),
                "entry"
            );
        }
        assertEq(core.parameter("x"), -5, "parameter");
        assertEq(abi.encode(topology.nodeSets()), abi.encode(change.sets), "sets");
        assertEq(abi.encode(security.bans()), abi.encode(change.bans), "bans");
        assertTrue(security.authorized(BOB, CORE), "permission");
    }

    function test_update_byAdmin(address admin) external {
        if (admin == address(0)) admin = ALICE;
        _update(_permission(ARTIFACTS, UpdateMode.Admins, _one(admin)));

        expectEvent(address(core));
        emit ICore.ServiceUpdated(2, admin);
        vm.prank(admin);
        assertEq(core.update(_edits(ARTIFACTS, "a", 0, blob)), 2, "returned revision");

        assertEq(artifacts.entry("a").blob, blob, "entry");
    }

    /// @dev The sender must be authorized before the change: a change that makes its sender an
    /// admin reverts whole.
    function test_update_revertsWhenTheChangeAuthorizesItsOwnSender() external {
        Change memory change = _edits(ARTIFACTS, "a", 0, blob);
        change.permissions = _permission(ARTIFACTS, UpdateMode.Admins, _one(STRANGER)).permissions;
        _expectUnauthorized(STRANGER, ARTIFACTS, change);
    }

    function test_update_countsNoRevisionWhenItReverts() external {
        vm.prank(STRANGER);
        try core.update(_parameter("x", 1, true)) {
            assertTrue(false, "a stranger updated");
        } catch {
            assertEq(core.revision(), 0, "revision");
        }
    }

    function test_parameter_revertsOnUnknownParameter(bytes32 name) external {
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnknownParameter.selector, name));
        core.parameter(name);
    }

    function test_naturalParameter_revertsOnUnknownParameter(bytes32 name) external {
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnknownParameter.selector, name));
        core.naturalParameter(name);
    }

    function test_naturalParameter_revertsOnNegativeValue(uint256 distance) external {
        int256 value = -int256(bound(distance, 1, uint256(type(int256).max)));
        _update(_parameter("x", value, true));
        vm.expectRevert(
            abi.encodeWithSelector(ICore.CoreNegativeParameter.selector, bytes32("x"), value)
        );
        core.naturalParameter("x");
    }

    function test_naturalParameter(uint256 value) external {
        value = bound(value, 0, uint256(type(int256).max));
        _update(_parameter("x", int256(value), true));
        assertEq(core.naturalParameter("x"), value, "value");
    }

    function _expect(bytes memory reason, Change memory change) private {
        vm.prank(LOCK);
        vm.expectRevert(reason);
        core.update(change);
    }

    function _expectUnknown(bytes32 module) private {
        _expect(
            abi.encodeWithSelector(ICore.CoreUnknownModule.selector, module),
            _edits(module, "a", 0, blob)
        );
    }

    function _expectUnauthorized(address caller, bytes32 module, Change memory change) private {
        if (caller == LOCK) caller = STRANGER;
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, caller, module));
        core.update(change);
    }
}

contract CoreSetModuleTest is ServiceTest {
    function test_setModule_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == LOCK) caller = STRANGER;
        _update(_permission(CORE, UpdateMode.Admins, _one(ALICE)));
        Artifacts next = new Artifacts(address(core));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, caller, ARTIFACTS));
        core.setModule(ARTIFACTS, address(next));
    }

    function test_setModule_revertsOnEmptyName() external {
        _expectInvalid(0, address(artifacts));
    }

    function test_setModule_revertsOnCore() external {
        _expectInvalid(CORE, address(core));
    }

    function test_setModule_revertsOnAddressWithoutCode(address account) external {
        if (account.code.length != 0) account = ALICE;
        _expectInvalid(MAPPER, account);
        _expectInvalid(TIMELOCK, account);
    }

    function test_setModule_revertsOnZeroAddress() external {
        _expectInvalid(MAPPER, address(0));
    }

    function test_setModule_revertsOnModuleOfAnotherCore() external {
        _expectInvalid(ARTIFACTS, address(new Artifacts(address(this))));
    }

    /// @dev A Security that authorizes not even the timelock would end the service.
    function test_setModule_revertsOnSecurityThatLocksTheTimelockOut() external {
        DeafSecurity deaf = new DeafSecurity(address(core));
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreTimelockLockedOut.selector, LOCK));
        core.setModule(SECURITY, address(deaf));
    }

    function test_setModule_revertsOnTooManyModules() external {
        vm.startPrank(LOCK);
        for (uint256 i = 8; i < 64; ++i) {
            core.setModule(bytes32(i), address(mapper));
        }
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreTooManyModules.selector, 64));
        core.setModule(bytes32(uint256(64)), address(mapper));
    }

    function test_setModule_replacesAModule() external {
        Artifacts next = new Artifacts(address(core));
        (bytes32[] memory names, address[] memory addresses) = core.modules();

        expectEvent(address(core));
        emit ICore.ModuleRegistered(ARTIFACTS, address(next));
        expectEvent(address(core));
        emit ICore.ServiceUpdated(1, LOCK);
        vm.prank(LOCK);
        core.setModule(ARTIFACTS, address(next));

        assertEq(core.module(ARTIFACTS), address(next), "module");
        assertEq(core.revision(), 1, "revision");
        (bytes32[] memory namesAfter, address[] memory addressesAfter) = core.modules();
        assertEq(abi.encode(namesAfter), abi.encode(names), "names");
        for (uint256 i = 0; i < names.length; ++i) {
            address expected = names[i] == ARTIFACTS ? address(next) : addresses[i];
            assertEq(addressesAfter[i], expected, "address");
        }
        _update(_edits(ARTIFACTS, "a", 0, blobs.put("blob")));
        assertEq(next.count(), 1, "edits go to the new module");
        assertEq(artifacts.count(), 0, "and not to the old one");
    }

    function test_setModule_replacesSecurityAndTimelock() external {
        Security next = new Security(address(core));
        vm.startPrank(LOCK);
        core.setModule(SECURITY, address(next));
        core.setModule(TIMELOCK, address(this));
        vm.stopPrank();

        assertEq(core.update(_parameter("x", 1, true)), 3, "the new timelock updates");
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreUnauthorized.selector, LOCK, CORE));
        core.update(_parameter("x", 2, true));
    }

    /// @dev A module without objects may be any contract, even a Core.
    function test_setModule_addsAModule(bytes32 name) external {
        name = keccak256(abi.encode(name));
        vm.prank(LOCK);
        core.setModule(name, address(core));
        assertEq(core.module(name), address(core), "module");
        (bytes32[] memory names,) = core.modules();
        assertEq(names.length, 9, "names");
    }

    function test_modules() external view {
        (bytes32[] memory names, address[] memory addresses) = core.modules();
        bytes32[8] memory expectedNames =
            [CORE, SECURITY, TOPOLOGY, ARTIFACTS, TEMPLATES, IDENTITY, MAPPER, TIMELOCK];
        address[8] memory expected = [
            address(core),
            address(security),
            address(topology),
            address(artifacts),
            address(templates),
            address(identity),
            address(mapper),
            LOCK
        ];
        assertEq(names.length, 8, "names");
        assertEq(addresses.length, 8, "addresses");
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(names[i], expectedNames[i], "name");
            assertEq(addresses[i], expected[i], "address");
        }
    }

    function _expectInvalid(bytes32 name, address module) private {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(ICore.CoreInvalidModule.selector, name, module));
        core.setModule(name, module);
    }
}

/// @notice A module of the right Core that authorizes nobody.
contract DeafSecurity is Artifacts {
    constructor(address core) Artifacts(core) {}

    function authorized(address, bytes32) external pure returns (bool) {
        return false;
    }
}
