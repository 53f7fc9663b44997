// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";

import {Blobs} from "../src/Blobs.sol";
import {Core} from "../src/Core.sol";
import {Identity} from "../src/Identity.sol";
import {Mapper} from "../src/Mapper.sol";
import {Security} from "../src/Security.sol";
import {Stake} from "../src/Stake.sol";
import {Topology} from "../src/Topology.sol";
import {IIdentity} from "../src/interfaces/IIdentity.sol";
import {Ban, BanKind, Change, NodeSet, ParameterEdit} from "../src/interfaces/Types.sol";
import {IDENTITY, MAPPER, SECURITY, STAKE, TIMELOCK, TOPOLOGY} from "../src/libraries/Names.sol";
import {BaseTest} from "./BaseTest.sol";
import {VrfProver} from "./VrfProver.sol";

/// @notice Cheat codes that only the tests of operators and deals need.
interface MoreVm {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function envOr(string calldata name, uint256 value) external view returns (uint256);
    function lastCallGas() external view returns (Gas memory);
    function parseJsonAddressArray(string calldata json, string calldata key)
        external
        pure
        returns (address[] memory);
    function pauseGasMetering() external;
    function resumeGasMetering() external;
    function store(address target, bytes32 slot, bytes32 value) external;
}

/// @notice A service with all contracts that the Mapper reads. The timelock is an account that the
/// tests act as.
abstract contract OperatorsTest is BaseTest {
    uint256 internal constant DENOMINATION = 3 wei;
    uint256 internal constant UNBONDING = 100;
    uint256 internal constant THRESHOLD = 10;
    uint256 internal constant MAX_OPERATORS = 10_000;
    uint256 internal constant INTERVAL = 50;
    /// @dev The secret VRF key of every operator, unless a test chooses another.
    uint256 internal constant SECRET = 0xC0FFEE;
    uint256 internal constant P256_ORDER =
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551;
    bytes internal constant KEY_HEADER =
        hex"3059301306072a8648ce3d020106082a8648ce3d03010703420004";

    MoreVm internal constant moreVm =
        MoreVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal immutable LOCK = _actor("timelock");

    Blobs internal blobs;
    Core internal core;
    Security internal security;
    Topology internal topology;
    Stake internal stake;
    Identity internal identity;
    Mapper internal mapper;

    mapping(bytes32 hash => address) private _accounts;
    /// @dev The public key of `SECRET`.
    uint256 private _keyX;
    uint256 private _keyY;

    function setUp() public virtual {
        vm.roll(1000);
        (_keyX, _keyY) = VrfProver.key(SECRET);
        blobs = new Blobs();
        uint256 nonce = vm.getNonce(address(this));
        bytes32[] memory names = new bytes32[](6);
        address[] memory addresses = new address[](6);
        (names[0], addresses[0]) = (SECURITY, vm.computeCreateAddress(address(this), nonce + 1));
        (names[1], addresses[1]) = (TOPOLOGY, vm.computeCreateAddress(address(this), nonce + 2));
        (names[2], addresses[2]) = (STAKE, vm.computeCreateAddress(address(this), nonce + 3));
        (names[3], addresses[3]) = (IDENTITY, vm.computeCreateAddress(address(this), nonce + 4));
        (names[4], addresses[4]) = (MAPPER, vm.computeCreateAddress(address(this), nonce + 5));
        (names[5], addresses[5]) = (TIMELOCK, LOCK);
        core = new Core("demo", blobs, names, addresses);
        security = new Security(address(core));
        topology = new Topology(address(core));
        stake = new Stake(DENOMINATION, UNBONDING);
        identity = new Identity(address(core));
        mapper = new Mapper(address(core));
        _setParameter("stake_threshold", int256(THRESHOLD));
        _setParameter("max_operator_number", int256(MAX_OPERATORS));
        _setParameter("epoch_interval", int256(INTERVAL));
    }

    function _setParameter(bytes32 name, int256 value) internal {
        Change memory change;
        change.parameters = new ParameterEdit[](1);
        change.parameters[0] = ParameterEdit(name, value, true);
        _update(change);
    }

    /// @dev Replaces the node sets. The names of a set's parameters follow from its index.
    function _setSets(bytes32[] memory names, uint256[] memory groups, uint256[] memory sizes)
        internal
    {
        Change memory change;
        change.replaceSets = true;
        change.sets = new NodeSet[](names.length);
        change.parameters = new ParameterEdit[](2 * names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            bytes32 groupsName = bytes32(bytes.concat("groups_", bytes1(uint8(65 + i))));
            bytes32 sizeName = bytes32(bytes.concat("size_", bytes1(uint8(65 + i))));
            change.sets[i] = NodeSet(names[i], groupsName, sizeName);
            change.parameters[2 * i] = ParameterEdit(groupsName, int256(groups[i]), true);
            change.parameters[2 * i + 1] = ParameterEdit(sizeName, int256(sizes[i]), true);
        }
        _update(change);
    }

    function _setSet(bytes32 name, uint256 groups, uint256 size) internal {
        bytes32[] memory names = new bytes32[](1);
        uint256[] memory numbers = new uint256[](1);
        uint256[] memory sizes = new uint256[](1);
        (names[0], numbers[0], sizes[0]) = (name, groups, size);
        _setSets(names, numbers, sizes);
    }

    function _setBan(BanKind kind, bytes32 subject, uint32 unit, bool banned) internal {
        Change memory change;
        change.bans = new Ban[](1);
        change.bans[0] = Ban(kind, subject, unit, banned);
        _update(change);
    }

    function _update(Change memory change) internal {
        vm.prank(LOCK);
        core.update(change);
    }

    function _deposit(address account, uint256 amount) internal {
        if (amount == 0) return;
        vm.deal(account, amount * DENOMINATION);
        vm.prank(account);
        stake.deposit{value: amount * DENOMINATION}();
    }

    /// @dev Returns an application that `join` accepts: with a certificate for `name` in Blobs, a
    /// signature by its key, and the public key of `SECRET`.
    function _application(address account, string memory name)
        internal
        returns (IIdentity.Application memory)
    {
        return _application(account, name, _keyX, _keyY);
    }

    function _application(address account, string memory name, uint256 secret)
        internal
        returns (IIdentity.Application memory)
    {
        (uint256 x, uint256 y) = VrfProver.key(secret);
        return _application(account, name, x, y);
    }

    function _application(address account, string memory name, uint256 x, uint256 y)
        private
        returns (IIdentity.Application memory application)
    {
        bytes memory der = _certificate(name);
        application.name = name;
        application.certificate = blobs.put(der);
        application.keyOffset = 4 + 32;
        (application.beaconX, application.beaconY) = (x, y);
        _sign(account, application, _certificateKey(name));
    }

    function _sign(address account, IIdentity.Application memory application, uint256 privateKey)
        internal
        view
    {
        (bytes32 r, bytes32 s) = vm.signP256(
            privateKey,
            identity.joinDigest(
                account,
                application.name,
                application.certificate,
                application.beaconX,
                application.beaconY
            )
        );
        if (uint256(s) > P256_ORDER / 2) s = bytes32(P256_ORDER - uint256(s));
        (application.r, application.s) = (r, s);
    }

    /// @dev Returns the part of a certificate that `join` reads, the SubjectPublicKeyInfo, with
    /// some DER around it.
    function _certificate(string memory name) internal view returns (bytes memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(_certificateKey(name));
        return
            abi.encodePacked(hex"30820180", keccak256(bytes(name)), KEY_HEADER, x, y, hex"a3820100");
    }

    function _certificateKey(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("certificate", name))) % P256_ORDER;
    }

    /// @dev Stakes `amount` and joins.
    function _join(address account, string memory name, uint256 amount) internal {
        _deposit(account, amount);
        IIdentity.Application memory application = _application(account, name);
        vm.prank(account);
        identity.join(application);
    }

    /// @dev Begins the epochs in the next block.
    function _begin() internal {
        vm.roll(block.number + 1);
        mapper.begin();
    }

    /// @dev Opens the next epoch in the first block in which it can open.
    function _open() internal {
        uint256 opensAt = mapper.opensAt();
        if (block.number < opensAt) vm.roll(opensAt);
        mapper.open(VrfProver.prove(SECRET, mapper.alpha()));
    }

    /// @dev Returns the operators in the order of `seed`.
    function _ordered(bytes32 seed, address[] memory accounts)
        internal
        returns (address[] memory sorted)
    {
        bytes32[] memory hashes = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            hashes[i] = keccak256(abi.encodePacked(seed, accounts[i]));
            _accounts[hashes[i]] = accounts[i];
        }
        Arrays.sort(hashes);
        sorted = new address[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            sorted[i] = _accounts[hashes[i]];
        }
    }

    /// @dev Deals the newest epoch to `accounts`, in chunks of `size`.
    function _deal(address[] memory accounts, uint256 size) internal {
        address[] memory sorted = _ordered(mapper.latestEpoch().seed, accounts);
        uint64 number = mapper.latestEpoch().number;
        for (uint256 from = 0; from < sorted.length; from += size) {
            // from < 2^32: `sorted` holds the operators of a test.
            // forge-lint: disable-next-line(unsafe-typecast)
            mapper.deal(number, uint32(from), _slice(sorted, from, size));
        }
    }

    function _slice(address[] memory accounts, uint256 from, uint256 size)
        internal
        pure
        returns (address[] memory part)
    {
        uint256 left = accounts.length - from;
        part = new address[](size < left ? size : left);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = accounts[from + i];
        }
    }
}
