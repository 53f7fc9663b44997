// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModule} from "../src/interfaces/IModule.sol";
import {ISecurity} from "../src/interfaces/ISecurity.sol";
import {Ban, BanKind, Change, Permission, UpdateMode} from "../src/interfaces/Types.sol";
import {ARTIFACTS, SECURITY} from "../src/libraries/Names.sol";
import {ServiceTest} from "./ServiceTest.sol";

contract SecurityTest is ServiceTest {
    uint256 internal constant ADMINS_LIMIT = 32;
    uint256 internal constant BANS_LIMIT = 1024;
    uint256 internal constant NODE_BANS_LIMIT = 64;

    function test_applySecurity_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(core)) caller = LOCK;
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleUnauthorized.selector, caller));
        security.applySecurity(new Ban[](0), new Permission[](0), 1);
    }

    function test_ban_revertsOnUnitOfAnotherKindThanNode(bytes32 subject, uint32 unit) external {
        unit = uint32(bound(unit, 1, type(uint32).max));
        _expectBan(
            ISecurity.SecurityInvalidBan.selector, Ban(BanKind.Operator, subject, unit, true)
        );
        _expectBan(
            ISecurity.SecurityInvalidBan.selector, Ban(BanKind.Credential, subject, unit, true)
        );
    }

    function test_ban_revertsWhenBannedAlready(uint8 kind, bytes32 subject, uint32 unit) external {
        Ban memory ban = _any(kind, subject, unit);
        _update(_ban(ban.kind, ban.subject, ban.unit, true));
        _expectBan(ISecurity.SecurityBanUnchanged.selector, ban);
    }

    function test_ban_revertsOnLiftWithoutBan(uint8 kind, bytes32 subject, uint32 unit) external {
        Ban memory ban = _any(kind, subject, unit);
        ban.banned = false;
        _expectBan(ISecurity.SecurityBanUnchanged.selector, ban);
    }

    function test_ban_revertsOnTooManyNodesOfOneOperator() external {
        _update(_many(BanKind.Node, NODE_BANS_LIMIT));
        _expect(
            abi.encodeWithSelector(
                ISecurity.SecurityTooManyNodeBans.selector, bytes32("alice"), NODE_BANS_LIMIT
            ),
            _ban(BanKind.Node, "alice", 1000, true)
        );
        _update(_ban(BanKind.Node, "bob", 1000, true));
    }

    function test_ban_revertsOnTooManyBans() external {
        _update(_many(BanKind.Operator, BANS_LIMIT));
        assertEq(security.bans().length, BANS_LIMIT, "bans");
        _expect(
            abi.encodeWithSelector(ISecurity.SecurityTooManyBans.selector, BANS_LIMIT),
            _ban(BanKind.Credential, "bob", 0, true)
        );
    }

    function test_ban_ofAnOperator(bytes32 subject, bytes32 other) external {
        if (other == subject) other = ~subject;
        _checkBan(Ban(BanKind.Operator, subject, 0, true));
        assertTrue(security.banned(subject, other), "its operator");
        assertFalse(security.banned(other, subject), "not a certificate of that value");
        assertEq(security.bannedUnits(subject).length, 0, "units");
        _checkLift(Ban(BanKind.Operator, subject, 0, false));
        assertFalse(security.banned(subject, other), "lifted");
    }

    function test_ban_ofACertificate(bytes32 subject, bytes32 other) external {
        if (other == subject) other = ~subject;
        _checkBan(Ban(BanKind.Credential, subject, 0, true));
        assertTrue(security.banned(other, subject), "its certificate");
        assertFalse(security.banned(subject, other), "not an operator of that value");
        _checkLift(Ban(BanKind.Credential, subject, 0, false));
        assertFalse(security.banned(other, subject), "lifted");
    }

    function test_ban_ofANode(bytes32 subject, uint32 unit) external {
        _checkBan(Ban(BanKind.Node, subject, unit, true));
        assertFalse(security.banned(subject, subject), "the operator itself");
        assertEq(security.bannedUnits(subject).length, 1, "units");
        assertEq(security.bannedUnits(subject)[0], unit, "unit");
        _checkLift(Ban(BanKind.Node, subject, unit, false));
        assertEq(security.bannedUnits(subject).length, 0, "units left");
    }

    /// @dev The units stay ascending and complete in any order of bans and lifts.
    function test_bannedUnits_ascend(uint256 seed) external {
        bool[40] memory model;
        uint256 size;
        for (uint256 i = 0; i < 60; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint32 unit = uint32(seed % 40);
            model[unit] = !model[unit];
            size = model[unit] ? size + 1 : size - 1;
            _update(_ban(BanKind.Node, "alice", unit, model[unit]));
        }
        uint32[] memory units = security.bannedUnits("alice");
        assertEq(units.length, size, "number");
        uint256 index;
        for (uint256 unit = 0; unit < 40; ++unit) {
            if (!model[unit]) continue;
            assertEq(units[index++], unit, "unit");
        }
        assertEq(security.bans().length, size, "bans");
    }

    /// @dev After one ban is lifted, each of the others can still be lifted.
    function test_bans_keepTheOthersWhenOneIsLifted(uint256 lifted) external {
        _update(_many(BanKind.Operator, 5));
        lifted = bound(lifted, 0, 4);
        _update(_ban(BanKind.Operator, _subject(lifted), 0, false));

        Ban[] memory bans = security.bans();
        assertEq(bans.length, 4, "bans");
        for (uint256 i = 0; i < 4; ++i) {
            bytes32 expected = _subject(i == lifted ? 4 : i);
            assertEq(
                abi.encode(bans[i]), abi.encode(Ban(BanKind.Operator, expected, 0, true)), "ban"
            );
        }
        for (uint256 i = 0; i < 5; ++i) {
            if (i != lifted) _update(_ban(BanKind.Operator, _subject(i), 0, false));
        }
        assertEq(security.bans().length, 0, "bans left");
    }

    function test_permission_revertsOnGovernanceWithAdmins() external {
        _expect(
            abi.encodeWithSelector(
                ISecurity.SecurityInvalidPermission.selector, ARTIFACTS, UpdateMode.Governance, 1
            ),
            _permission(ARTIFACTS, UpdateMode.Governance, _one(ALICE))
        );
    }

    function test_permission_revertsOnAdminsWithoutAny() external {
        _expect(
            abi.encodeWithSelector(
                ISecurity.SecurityInvalidPermission.selector, ARTIFACTS, UpdateMode.Admins, 0
            ),
            _permission(ARTIFACTS, UpdateMode.Admins, new address[](0))
        );
    }

    function test_permission_revertsOnTooManyAdmins(uint256 size) external {
        _expectTooManyAdmins(bound(size, ADMINS_LIMIT + 1, ADMINS_LIMIT + 10));
    }

    function test_permission_acceptsAdminsUpToTheLimit() external {
        address[] memory admins = _accounts(ADMINS_LIMIT);
        _update(_permission(ARTIFACTS, UpdateMode.Admins, admins));
        _checkPermission(UpdateMode.Admins, admins);
        _expectTooManyAdmins(ADMINS_LIMIT + 1);
    }

    function test_permission_revertsOnAdminGivenTwice(uint256 first, uint256 second) external {
        address[] memory admins = _accounts(ADMINS_LIMIT);
        first = bound(first, 0, ADMINS_LIMIT - 2);
        second = bound(second, first + 1, ADMINS_LIMIT - 1);
        admins[second] = admins[first];
        _expectInvalidAdmin(admins[first], admins);
    }

    function test_permission_revertsOnZeroAdmin() external {
        _expectInvalidAdmin(address(0), _one(address(0)));
    }

    function test_permission_revertsOnUnknownModule(bytes32 module) external {
        module = keccak256(abi.encode(module));
        _expect(
            abi.encodeWithSelector(ISecurity.SecurityUnknownModule.selector, module),
            _permission(module, UpdateMode.Admins, _one(ALICE))
        );
    }

    function test_permission(uint256 size, uint256 nextSize) external {
        address[] memory admins = _accounts(bound(size, 1, ADMINS_LIMIT));
        expectEvent(address(security));
        emit ISecurity.PermissionChanged(ARTIFACTS, UpdateMode.Admins, admins, 1);
        _update(_permission(ARTIFACTS, UpdateMode.Admins, admins));
        _checkPermission(UpdateMode.Admins, admins);

        address[] memory next = _accounts(bound(nextSize, 1, ADMINS_LIMIT));
        next[0] = CAROL;
        _update(_permission(ARTIFACTS, UpdateMode.Admins, next));
        _checkPermission(UpdateMode.Admins, next);
        assertFalse(security.authorized(admins[0], ARTIFACTS), "admin of old");

        expectEvent(address(security));
        emit ISecurity.PermissionChanged(ARTIFACTS, UpdateMode.Governance, new address[](0), 3);
        _update(_permission(ARTIFACTS, UpdateMode.Governance, new address[](0)));
        _checkPermission(UpdateMode.Governance, new address[](0));
        assertFalse(security.authorized(CAROL, ARTIFACTS), "admin no more");
    }

    function test_authorized_isTheTimelockAloneAtFirst(address account, bytes32 module)
        external
        view
    {
        if (account == LOCK) account = STRANGER;
        assertFalse(security.authorized(account, module), "anyone");
        assertTrue(security.authorized(LOCK, module), "timelock");
    }

    function _checkPermission(UpdateMode expectedMode, address[] memory expected) private view {
        (UpdateMode mode, address[] memory admins) = security.permission(ARTIFACTS);
        assertEq(uint256(mode), uint256(expectedMode), "mode");
        assertEq(abi.encode(admins), abi.encode(expected), "admins");
        for (uint256 i = 0; i < expected.length; ++i) {
            assertTrue(security.authorized(expected[i], ARTIFACTS), "admin");
            assertFalse(security.authorized(expected[i], SECURITY), "admin elsewhere");
        }
        assertTrue(security.authorized(LOCK, ARTIFACTS), "timelock");
        assertFalse(security.authorized(STRANGER, ARTIFACTS), "stranger");
    }

    function _checkBan(Ban memory ban) private {
        expectEvent(address(security));
        emit ISecurity.BanChanged(uint8(ban.kind), ban.subject, ban.unit, true, 1);
        _update(_ban(ban.kind, ban.subject, ban.unit, true));
        assertEq(security.bans().length, 1, "bans");
        assertEq(abi.encode(security.bans()[0]), abi.encode(ban), "ban");
    }

    function _checkLift(Ban memory ban) private {
        expectEvent(address(security));
        emit ISecurity.BanChanged(uint8(ban.kind), ban.subject, ban.unit, false, 2);
        _update(_ban(ban.kind, ban.subject, ban.unit, false));
        assertEq(security.bans().length, 0, "bans left");
    }

    function _expect(bytes memory reason, Change memory change) private {
        vm.prank(LOCK);
        vm.expectRevert(reason);
        core.update(change);
    }

    function _expectBan(bytes4 selector, Ban memory ban) private {
        _expect(
            abi.encodeWithSelector(selector, ban), _ban(ban.kind, ban.subject, ban.unit, ban.banned)
        );
    }

    function _expectTooManyAdmins(uint256 size) private {
        _expect(
            abi.encodeWithSelector(
                ISecurity.SecurityTooManyAdmins.selector, ARTIFACTS, size, ADMINS_LIMIT
            ),
            _permission(ARTIFACTS, UpdateMode.Admins, _accounts(size))
        );
    }

    function _expectInvalidAdmin(address admin, address[] memory admins) private {
        _expect(
            abi.encodeWithSelector(ISecurity.SecurityInvalidAdmin.selector, ARTIFACTS, admin),
            _permission(ARTIFACTS, UpdateMode.Admins, admins)
        );
    }

    function _any(uint8 kind, bytes32 subject, uint32 unit) private pure returns (Ban memory) {
        BanKind chosen = BanKind(bound(kind, 0, 2));
        return Ban(chosen, subject, chosen == BanKind.Node ? unit : 0, true);
    }

    /// @dev Bans `size` operators, or `size` nodes of alice.
    function _many(BanKind kind, uint256 size) private pure returns (Change memory change) {
        change.bans = new Ban[](size);
        for (uint256 i = 0; i < size; ++i) {
            change.bans[i] = kind == BanKind.Node
                ? Ban(kind, "alice", uint32(i), true)
                : Ban(kind, _subject(i), 0, true);
        }
    }

    function _subject(uint256 index) private pure returns (bytes32) {
        return bytes32(index + 1);
    }

    function _accounts(uint256 size) private pure returns (address[] memory accounts) {
        accounts = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            accounts[i] = address(uint160(0x1000 + i));
        }
    }
}
