// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Artifacts} from "../src/Artifacts.sol";
import {Blobs} from "../src/Blobs.sol";
import {Core} from "../src/Core.sol";
import {Mapper} from "../src/Mapper.sol";
import {Module} from "../src/Module.sol";
import {Security} from "../src/Security.sol";
import {Templates} from "../src/Templates.sol";
import {Topology} from "../src/Topology.sol";
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
    IDENTITY,
    MAPPER,
    SECURITY,
    TEMPLATES,
    TIMELOCK,
    TOPOLOGY
} from "../src/libraries/Names.sol";
import {BaseTest} from "./BaseTest.sol";

/// @notice A service whose timelock is an account that the tests act as; Governance.t.sol tests the
/// vote.
abstract contract ServiceTest is BaseTest {
    string internal constant SERVICE = "demo";

    address internal immutable LOCK = _actor("timelock");

    Blobs internal blobs;
    Core internal core;
    Security internal security;
    Topology internal topology;
    Artifacts internal artifacts;
    Templates internal templates;
    /// @dev For Core all modules with objects are alike, so Artifacts can replace Identity here.
    Artifacts internal identity;
    Mapper internal mapper;

    function setUp() public virtual {
        _createService(new Blobs());
    }

    function _createService(Blobs store) internal {
        blobs = store;
        uint256 nonce = vm.getNonce(address(this));
        bytes32[] memory names = new bytes32[](7);
        address[] memory addresses = new address[](7);
        (names[0], addresses[0]) = (SECURITY, vm.computeCreateAddress(address(this), nonce + 1));
        (names[1], addresses[1]) = (TOPOLOGY, vm.computeCreateAddress(address(this), nonce + 2));
        (names[2], addresses[2]) = (ARTIFACTS, vm.computeCreateAddress(address(this), nonce + 3));
        (names[3], addresses[3]) = (TEMPLATES, vm.computeCreateAddress(address(this), nonce + 4));
        (names[4], addresses[4]) = (IDENTITY, vm.computeCreateAddress(address(this), nonce + 5));
        (names[5], addresses[5]) = (MAPPER, vm.computeCreateAddress(address(this), nonce + 6));
        (names[6], addresses[6]) = (TIMELOCK, LOCK);
        core = new Core(SERVICE, blobs, names, addresses);
        security = new Security(address(core));
        topology = new Topology(address(core));
        artifacts = new Artifacts(address(core));
        templates = new Templates(address(core));
        identity = new Artifacts(address(core));
        mapper = new Mapper(address(core));
    }

    function _update(Change memory change) internal returns (uint64) {
        vm.prank(LOCK);
        return core.update(change);
    }

    /// @dev Returns a change of one object of `module`.
    function _edits(bytes32 module, string memory path, bytes32 was, bytes32 blob)
        internal
        pure
        returns (Change memory change)
    {
        change.modules = new ModuleEdits[](1);
        change.modules[0].module = module;
        change.modules[0].edits = new Edit[](1);
        change.modules[0].edits[0] = Edit(path, was, blob);
    }

    function _parameter(bytes32 name, int256 value, bool present)
        internal
        pure
        returns (Change memory change)
    {
        change.parameters = new ParameterEdit[](1);
        change.parameters[0] = ParameterEdit(name, value, present);
    }

    function _sets(NodeSet[] memory sets) internal pure returns (Change memory change) {
        change.replaceSets = true;
        change.sets = sets;
    }

    function _ban(BanKind kind, bytes32 subject, uint32 unit, bool banned)
        internal
        pure
        returns (Change memory change)
    {
        change.bans = new Ban[](1);
        change.bans[0] = Ban(kind, subject, unit, banned);
    }

    function _permission(bytes32 module, UpdateMode mode, address[] memory admins)
        internal
        pure
        returns (Change memory change)
    {
        change.permissions = new Permission[](1);
        change.permissions[0] = Permission(module, mode, admins);
    }

    function _one(address account) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }

    /// @dev Computes the commitment as IModule documents it, top down from the entries. It shares
    /// no code with Module.
    function _recomputed(Module module) internal view returns (bytes32) {
        Entry[] memory entries = module.page(0, type(uint256).max);
        uint256 count = entries.length;
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 pathHash = keccak256(bytes(entries[i].path));
            leaves[i] = keccak256(abi.encode(pathHash, entries[i].blob));
        }
        uint256 width = 1;
        while (width < count) width *= 2;
        return keccak256(abi.encode(count, _root(leaves, 0, width)));
    }

    function _root(bytes32[] memory leaves, uint256 from, uint256 width)
        private
        pure
        returns (bytes32)
    {
        if (from >= leaves.length) return 0;
        if (width == 1) return leaves[from];
        uint256 half = width / 2;
        return keccak256(abi.encode(_root(leaves, from, half), _root(leaves, from + half, half)));
    }
}
