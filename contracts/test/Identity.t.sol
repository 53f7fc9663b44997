// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBlobs} from "../src/interfaces/IBlobs.sol";
import {IIdentity} from "../src/interfaces/IIdentity.sol";
import {BanKind} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";
import {VrfProver} from "./VrfProver.sol";

contract IdentityJoinTest is OperatorsTest {
    function _expectRevert(
        address account,
        IIdentity.Application memory application,
        bytes memory error
    ) private {
        vm.expectRevert(error);
        vm.prank(account);
        identity.join(application);
    }

    function _ready() private returns (IIdentity.Application memory) {
        _deposit(ALICE, THRESHOLD);
        return _application(ALICE, "alice");
    }

    function test_join_revertsWhenActive() public {
        _join(ALICE, "alice", THRESHOLD);
        _expectRevert(
            ALICE,
            _application(ALICE, "alice"),
            abi.encodeWithSelector(IIdentity.IdentityAlreadyJoined.selector, ALICE)
        );
    }

    function test_join_revertsOnInvalidNames() public {
        IIdentity.Application memory application = _ready();
        string[7] memory names =
            ["", "with space", "sl/ash", unicode"é", "nul\x00", "hash#", string(new bytes(65))];
        for (uint256 i = 0; i < names.length; ++i) {
            application.name = names[i];
            _expectRevert(
                ALICE,
                application,
                abi.encodeWithSelector(IIdentity.IdentityInvalidName.selector, names[i])
            );
        }
    }

    /// @dev 65 valid characters are one too many.
    function test_join_revertsOnLongName() public {
        IIdentity.Application memory application = _ready();
        application.name = string.concat(_longest(), "x");
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IIdentity.IdentityInvalidName.selector, application.name)
        );
    }

    function test_join_revertsOnNameOfAnotherOperator() public {
        _join(BOB, "bob", THRESHOLD);
        IIdentity.Application memory application = _ready();
        application.name = "bob";
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IIdentity.IdentityNameTaken.selector, "bob", BOB)
        );
    }

    function test_join_revertsOnNameOfAnOperatorThatLeft() public {
        _join(BOB, "bob", THRESHOLD);
        vm.prank(BOB);
        identity.leave();
        IIdentity.Application memory application = _ready();
        application.name = "bob";
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IIdentity.IdentityNameTaken.selector, "bob", BOB)
        );
    }

    function test_join_revertsOnOtherNameThanBefore() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.prank(ALICE);
        identity.leave();
        _expectRevert(
            ALICE,
            _application(ALICE, "alice2"),
            abi.encodeWithSelector(IIdentity.IdentityNameMismatch.selector, "alice2", "alice")
        );
    }

    function test_join_revertsOnUnknownCertificate() public {
        IIdentity.Application memory application = _ready();
        application.certificate = keccak256("nowhere");
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IBlobs.BlobsUnknown.selector, application.certificate)
        );
    }

    function test_join_revertsOnCertificateOfAnotherOperator() public {
        _join(BOB, "bob", THRESHOLD);
        IIdentity.Application memory application = _ready();
        bytes memory der = _certificate("bob");
        application.certificate = keccak256(der);
        _sign(ALICE, application, _certificateKey("bob"));
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IIdentity.IdentityCertificateTaken.selector, sha256(der), BOB)
        );
    }

    function test_join_revertsOnWrongOffset(uint256 offset) public {
        IIdentity.Application memory application = _ready();
        if (offset == application.keyOffset) ++offset;
        application.keyOffset = offset;
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(
                IIdentity.IdentityCertificateKeyNotFound.selector, application.certificate, offset
            )
        );
    }

    function test_join_revertsOnShortCertificate() public {
        IIdentity.Application memory application = _ready();
        application.certificate = blobs.put(abi.encodePacked(KEY_HEADER, new bytes(63)));
        application.keyOffset = 0;
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(
                IIdentity.IdentityCertificateKeyNotFound.selector, application.certificate, 0
            )
        );
    }

    /// @dev The key must end within the certificate.
    function test_join_revertsOnCutKey() public {
        IIdentity.Application memory application = _ready();
        bytes memory der = abi.encodePacked(hex"00", KEY_HEADER, new bytes(63));
        application.certificate = blobs.put(der);
        application.keyOffset = 1;
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(
                IIdentity.IdentityCertificateKeyNotFound.selector, application.certificate, 1
            )
        );
    }

    function test_join_revertsOnWrongHeader(uint256 index) public {
        IIdentity.Application memory application = _ready();
        bytes memory der = _certificate("alice");
        der[application.keyOffset + bound(index, 0, 26)] ^= 0x01;
        application.certificate = blobs.put(der);
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(
                IIdentity.IdentityCertificateKeyNotFound.selector,
                application.certificate,
                application.keyOffset
            )
        );
    }

    function test_join_revertsOnSignatureByAnotherKey() public {
        IIdentity.Application memory application = _ready();
        _sign(ALICE, application, _certificateKey("bob"));
        _expectInvalidSignature(ALICE, application);
    }

    /// @dev An account cannot use the application of another account.
    function test_join_revertsOnReplayByAnother() public {
        IIdentity.Application memory application = _ready();
        _deposit(BOB, THRESHOLD);
        _expectInvalidSignature(BOB, application);
    }

    function test_join_revertsOnHighSignature() public {
        IIdentity.Application memory application = _ready();
        application.s = bytes32(P256_ORDER - uint256(application.s));
        _expectInvalidSignature(ALICE, application);
    }

    function test_join_revertsOnUnsignedName() public {
        IIdentity.Application memory application = _ready();
        application.name = "alice2";
        _expectInvalidSignature(ALICE, application);
    }

    function test_join_revertsOnUnsignedBeaconKey() public {
        IIdentity.Application memory application = _ready();
        (application.beaconX, application.beaconY) = VrfProver.key(SECRET + 1);
        _expectInvalidSignature(ALICE, application);
    }

    function _expectInvalidSignature(address account, IIdentity.Application memory application)
        private
    {
        _expectRevert(
            account,
            application,
            abi.encodeWithSelector(
                IIdentity.IdentityInvalidSignature.selector, _digest(account, application)
            )
        );
    }

    /// @dev Computes the digest as IIdentity documents it.
    function _digest(address account, IIdentity.Application memory application)
        private
        view
        returns (bytes32)
    {
        return sha256(
            abi.encode(
                "koinon join",
                block.chainid,
                address(identity),
                account,
                keccak256(bytes(application.name)),
                application.certificate,
                application.beaconX,
                application.beaconY
            )
        );
    }

    function test_join_revertsOnBannedName() public {
        IIdentity.Application memory application = _ready();
        _setBan(BanKind.Operator, keccak256("alice"), 0, true);
        _expectRevert(
            ALICE, application, abi.encodeWithSelector(IIdentity.IdentityBanned.selector, ALICE)
        );
    }

    function test_join_revertsOnBannedCertificate() public {
        IIdentity.Application memory application = _ready();
        _setBan(BanKind.Credential, sha256(_certificate("alice")), 0, true);
        _expectRevert(
            ALICE, application, abi.encodeWithSelector(IIdentity.IdentityBanned.selector, ALICE)
        );
    }

    function test_join_revertsOnLowStake(uint256 amount) public {
        amount = bound(amount, 0, THRESHOLD - 1);
        _deposit(ALICE, amount);
        _expectRevert(
            ALICE,
            _application(ALICE, "alice"),
            abi.encodeWithSelector(IIdentity.IdentityStakeTooLow.selector, ALICE, amount, THRESHOLD)
        );
    }

    /// @dev With a threshold of zero an operator still needs one stake.
    function test_join_revertsWithoutStakeAtThresholdZero() public {
        _setParameter("stake_threshold", 0);
        _expectRevert(
            ALICE,
            _application(ALICE, "alice"),
            abi.encodeWithSelector(IIdentity.IdentityStakeTooLow.selector, ALICE, 0, 1)
        );
    }

    function test_join_revertsWhenFull() public {
        _join(BOB, "bob", THRESHOLD);
        IIdentity.Application memory application = _ready();
        _setParameter("max_operator_number", 1);
        _expectRevert(
            ALICE, application, abi.encodeWithSelector(IIdentity.IdentityListFull.selector, 1)
        );
    }

    function test_join_revertsOnInvalidBeaconKey(uint256 x, uint256 y) public {
        (x, y) = VrfProver.offCurve(x, y);
        IIdentity.Application memory application = _ready();
        (application.beaconX, application.beaconY) = (x, y);
        _sign(ALICE, application, _certificateKey("alice"));
        _expectRevert(
            ALICE,
            application,
            abi.encodeWithSelector(IIdentity.IdentityInvalidBeaconKey.selector, x, y)
        );
    }

    function test_join(uint256 amount, uint256 secret) public {
        amount = bound(amount, THRESHOLD, type(uint64).max);
        secret = bound(secret, 1, type(uint128).max);
        _deposit(ALICE, amount);
        IIdentity.Application memory application = _application(ALICE, "alice", secret);
        bytes32 fingerprint = sha256(_certificate("alice"));
        assertEq(
            identity.joinDigest(
                ALICE,
                application.name,
                application.certificate,
                application.beaconX,
                application.beaconY
            ),
            _digest(ALICE, application),
            "digest"
        );

        expectEvent(address(identity));
        emit IIdentity.OperatorJoined(
            ALICE, keccak256("alice"), "alice", application.certificate, fingerprint
        );
        expectEvent(address(identity));
        emit IIdentity.BeaconKeyRegistered(ALICE, application.beaconX, application.beaconY);
        vm.prank(ALICE);
        identity.join(application);

        assertEq(
            abi.encode(identity.operator(ALICE)),
            abi.encode(
                IIdentity.Operator(
                    ALICE, "alice", application.certificate, fingerprint, uint64(block.number), true
                )
            ),
            "operator"
        );
        assertEq(identity.operatorByName(keccak256("alice")), ALICE, "by name");
        assertEq(identity.operatorCount(), 1, "count");
        assertEq(identity.operators(0, 10)[0], ALICE, "list");
        assertEq(identity.operatorCountAt(block.number - 1), 0, "count before");
        vm.roll(block.number + 1);
        assertEq(identity.operatorCountAt(block.number - 1), 1, "count after");
        (uint256 x, uint256 y) = identity.beaconKeyAt(ALICE, block.number - 1);
        assertEq(x, application.beaconX, "key x");
        assertEq(y, application.beaconY, "key y");
    }

    function test_join_acceptsEveryCharacter() public {
        string memory name = _longest();
        _join(ALICE, name, THRESHOLD);
        assertEq(identity.operator(ALICE).name, name, "name");
        _join(BOB, "KLMNOPQRSTUVWXYZ", THRESHOLD);
        assertEq(identity.operatorCount(), 2, "count");
    }

    /// @dev 64 characters.
    function _longest() private pure returns (string memory) {
        return "abcdefghijklmnopqrstuvwxyz0123456789@._-ABCDEFGHIJabcdefghijABCD";
    }

    function test_join_againWithTheSameName() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.prank(ALICE);
        identity.leave();
        vm.roll(block.number + 5);
        IIdentity.Application memory application = _application(ALICE, "alice", SECRET + 1);
        vm.prank(ALICE);
        identity.join(application);

        assertTrue(identity.operator(ALICE).active, "active");
        assertEq(uint256(identity.operator(ALICE).joinedAt), block.number, "joined at");
        assertEq(identity.operatorCount(), 1, "count");
    }

    /// @dev An operator may return with a new certificate; the old one stays bound to the account.
    function test_join_againWithAnotherCertificate() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.prank(ALICE);
        identity.leave();
        IIdentity.Application memory application = _application(ALICE, "alice");
        application.certificate = blobs.put(_certificate("renewed"));
        _sign(ALICE, application, _certificateKey("renewed"));
        vm.prank(ALICE);
        identity.join(application);
        assertEq(
            identity.operator(ALICE).fingerprint, sha256(_certificate("renewed")), "fingerprint"
        );

        _deposit(BOB, THRESHOLD);
        IIdentity.Application memory stolen = _application(BOB, "alice");
        stolen.name = "bob";
        _sign(BOB, stolen, _certificateKey("alice"));
        _expectRevert(
            BOB,
            stolen,
            abi.encodeWithSelector(
                IIdentity.IdentityCertificateTaken.selector, sha256(_certificate("alice")), ALICE
            )
        );
    }
}

contract IdentityTest is OperatorsTest {
    function test_leave_revertsWhenNotJoined() public {
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotJoined.selector, ALICE));
        vm.prank(ALICE);
        identity.leave();
    }

    function test_leave_revertsTwice() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.prank(ALICE);
        identity.leave();
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotJoined.selector, ALICE));
        vm.prank(ALICE);
        identity.leave();
    }

    function test_leave(uint256 others) public {
        others = bound(others, 0, 4);
        for (uint256 i = 0; i < others; ++i) {
            string memory name = vm.toString(i);
            _join(_actor(name), name, THRESHOLD);
        }
        _join(ALICE, "alice", THRESHOLD);
        _join(BOB, "bob", THRESHOLD);
        IIdentity.Operator memory expected = identity.operator(ALICE);
        expected.active = false;
        vm.roll(block.number + 1);

        expectEvent(address(identity));
        emit IIdentity.OperatorLeft(ALICE, keccak256("alice"));
        vm.prank(ALICE);
        identity.leave();

        assertEq(abi.encode(identity.operator(ALICE)), abi.encode(expected), "operator");
        assertEq(identity.operatorByName(keccak256("alice")), ALICE, "name stays");
        assertEq(identity.operatorCount(), others + 1, "count");
        assertEq(identity.operators(0, 10).length, others + 1, "list");
        assertEq(identity.operators(others, 10)[0], BOB, "last");
        assertEq(identity.operatorCountAt(block.number - 1), others + 2, "count before");
        vm.roll(block.number + 1);
        assertEq(identity.operatorCountAt(block.number - 1), others + 1, "count after");
        assertEq(stake.balanceOf(ALICE), THRESHOLD, "stake stays");
    }

    function test_prune_revertsWhenNotJoined() public {
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotJoined.selector, ALICE));
        identity.prune(ALICE);
    }

    /// @dev An account that staked but never joined cannot be removed.
    function test_prune_revertsForAnAccountThatOnlyStaked() public {
        _deposit(ALICE, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotJoined.selector, ALICE));
        identity.prune(ALICE);
    }

    function test_prune_revertsOnSufficientStake(uint256 amount) public {
        amount = bound(amount, THRESHOLD, type(uint64).max);
        _join(ALICE, "alice", amount);
        vm.expectRevert(
            abi.encodeWithSelector(
                IIdentity.IdentityStakeSufficient.selector, ALICE, amount, THRESHOLD
            )
        );
        identity.prune(ALICE);
    }

    function test_prune(uint256 amount) public {
        _join(ALICE, "alice", THRESHOLD);
        vm.prank(ALICE);
        stake.requestWithdrawal(bound(amount, 1, THRESHOLD));

        expectEvent(address(identity));
        emit IIdentity.OperatorLeft(ALICE, keccak256("alice"));
        vm.prank(STRANGER);
        identity.prune(ALICE);

        assertFalse(identity.operator(ALICE).active, "active");
        assertEq(identity.operatorCount(), 0, "count");
    }

    function test_prune_afterTheThresholdRose() public {
        _join(ALICE, "alice", THRESHOLD);
        _setParameter("stake_threshold", int256(THRESHOLD + 1));
        identity.prune(ALICE);
        assertFalse(identity.operator(ALICE).active, "active");
    }

    function test_registerBeaconKey_revertsWhenNotJoined() public {
        (uint256 x, uint256 y) = VrfProver.key(SECRET);
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotJoined.selector, ALICE));
        vm.prank(ALICE);
        identity.registerBeaconKey(x, y);
    }

    function test_registerBeaconKey_revertsOnPointOffTheCurve(uint256 x, uint256 y) public {
        (x, y) = VrfProver.offCurve(x, y);
        _join(ALICE, "alice", THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityInvalidBeaconKey.selector, x, y));
        vm.prank(ALICE);
        identity.registerBeaconKey(x, y);
    }

    function test_registerBeaconKey(uint256 secret, uint256 later) public {
        secret = bound(secret, 1, type(uint128).max);
        later = bound(later, 1, 1000);
        _join(ALICE, "alice", THRESHOLD);
        uint256 joined = block.number;
        (uint256 oldX, uint256 oldY) = VrfProver.key(SECRET);
        (uint256 newX, uint256 newY) = VrfProver.key(secret);
        vm.roll(block.number + later);

        expectEvent(address(identity));
        emit IIdentity.BeaconKeyRegistered(ALICE, newX, newY);
        vm.prank(ALICE);
        identity.registerBeaconKey(newX, newY);
        vm.roll(block.number + 1);

        (uint256 x, uint256 y) = identity.beaconKeyAt(ALICE, joined + later - 1);
        assertEq(abi.encode(x, y), abi.encode(oldX, oldY), "key before");
        (x, y) = identity.beaconKeyAt(ALICE, joined + later);
        assertEq(abi.encode(x, y), abi.encode(newX, newY), "key after");
    }

    /// @dev Of two keys registered in one block the second counts.
    function test_registerBeaconKey_twiceInABlock() public {
        _join(ALICE, "alice", THRESHOLD);
        (uint256 x, uint256 y) = VrfProver.key(SECRET + 1);
        vm.prank(ALICE);
        identity.registerBeaconKey(x, y);
        vm.roll(block.number + 1);
        (uint256 foundX, uint256 foundY) = identity.beaconKeyAt(ALICE, block.number - 1);
        assertEq(abi.encode(foundX, foundY), abi.encode(x, y), "key");
    }

    function test_beaconKeyAt_revertsBeforeTheFirstKey() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.expectRevert(
            abi.encodeWithSelector(IIdentity.IdentityNoBeaconKey.selector, ALICE, block.number - 1)
        );
        identity.beaconKeyAt(ALICE, block.number - 1);
    }

    function test_beaconKeyAt_revertsForThePresent() public {
        _join(ALICE, "alice", THRESHOLD);
        _expectNotPast(block.number);
        identity.beaconKeyAt(ALICE, block.number);
    }

    function test_operatorCountAt_revertsForThePresent(uint256 ahead) public {
        uint256 asked = block.number + bound(ahead, 0, type(uint128).max);
        _expectNotPast(asked);
        identity.operatorCountAt(asked);
    }

    function test_unitsAt_revertsForThePresent() public {
        _expectNotPast(block.number);
        identity.unitsAt(_one(ALICE), block.number);
    }

    function _expectNotPast(uint256 asked) private {
        vm.expectRevert(
            abi.encodeWithSelector(IIdentity.IdentityFutureLookup.selector, asked, block.number)
        );
    }

    function test_unitsAt_revertsForStrangers() public {
        _deposit(ALICE, THRESHOLD);
        vm.roll(block.number + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IIdentity.IdentityNotActiveAt.selector, ALICE, block.number - 1)
        );
        identity.unitsAt(_one(ALICE), block.number - 1);
    }

    function test_unitsAt_revertsBeforeJoining() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.expectRevert(
            abi.encodeWithSelector(IIdentity.IdentityNotActiveAt.selector, ALICE, block.number - 1)
        );
        identity.unitsAt(_one(ALICE), block.number - 1);
    }

    function test_unitsAt_revertsBetweenMemberships() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.roll(block.number + 1);
        vm.prank(ALICE);
        identity.leave();
        uint256 left = block.number;
        vm.roll(block.number + 1);
        _join(ALICE, "alice", 0);
        vm.expectRevert(abi.encodeWithSelector(IIdentity.IdentityNotActiveAt.selector, ALICE, left));
        identity.unitsAt(_one(ALICE), left);
    }

    function test_unitsAt(uint256 first, uint256 second, uint256 threshold) public {
        first = bound(first, THRESHOLD, type(uint32).max);
        second = bound(second, THRESHOLD, type(uint32).max);
        threshold = bound(threshold, 1, 1000);
        _join(ALICE, "alice", first);
        _join(BOB, "bob", second);
        vm.roll(block.number + 1);
        uint256 past = block.number - 1;
        // Later changes of stake do not count.
        _deposit(ALICE, 1_000_000);
        vm.prank(BOB);
        stake.requestWithdrawal(second);
        // The present threshold counts.
        _setParameter("stake_threshold", int256(threshold));

        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (BOB, ALICE);
        uint32[] memory units = identity.unitsAt(accounts, past);
        assertEq(units.length, 2, "length");
        assertEq(uint256(units[0]), second / threshold, "bob");
        assertEq(uint256(units[1]), first / threshold, "alice");
    }

    function test_unitsAt_capsHugeStakes() public {
        _join(ALICE, "alice", THRESHOLD * (uint256(type(uint32).max) + 1));
        assertEq(_units(ALICE), type(uint32).max, "units");
    }

    function test_unitsAt_thresholdZeroCountsAsOne() public {
        _join(ALICE, "alice", THRESHOLD + 3);
        _setParameter("stake_threshold", 0);
        assertEq(_units(ALICE), THRESHOLD + 3, "units");
    }

    function test_unitsAt_isZeroAfterLeaving() public {
        _join(ALICE, "alice", THRESHOLD);
        vm.roll(block.number + 1);
        vm.prank(ALICE);
        identity.leave();
        assertEq(uint256(identity.unitsAt(_one(ALICE), block.number - 1)[0]), 0, "units");
    }

    function test_unitsAt_isZeroForABannedOperator() public {
        _join(ALICE, "alice", 5 * THRESHOLD);
        _setBan(BanKind.Operator, keccak256("alice"), 0, true);
        assertEq(_units(ALICE), 0, "banned");
        _setBan(BanKind.Operator, keccak256("alice"), 0, false);
        assertEq(_units(ALICE), 5, "ban lifted");
    }

    function test_unitsAt_isZeroForABannedCertificate() public {
        _join(ALICE, "alice", 5 * THRESHOLD);
        _setBan(BanKind.Credential, sha256(_certificate("alice")), 0, true);
        assertEq(_units(ALICE), 0, "units");
    }

    /// @dev Units are numbered from 0; a ban of a number that the operator does not have subtracts
    /// nothing.
    function test_unitsAt_subtractsBannedUnits(uint256 mask) public {
        _join(ALICE, "alice", 6 * THRESHOLD);
        uint256 expected = 6;
        for (uint32 unit = 0; unit < 10; ++unit) {
            if (mask >> unit & 1 == 0) continue;
            _setBan(BanKind.Node, keccak256("alice"), unit, true);
            if (unit < 6) --expected;
        }
        assertEq(_units(ALICE), expected, "units");
    }

    function _units(address account) private returns (uint256) {
        vm.roll(block.number + 1);
        return identity.unitsAt(_one(account), block.number - 1)[0];
    }

    function test_operator_isZeroForStrangers() public view {
        IIdentity.Operator memory none;
        assertEq(abi.encode(identity.operator(STRANGER)), abi.encode(none), "operator");
        assertEq(identity.operatorByName(keccak256("stranger")), address(0), "by name");
    }

    function test_operators_pages(uint256 start, uint256 limit) public {
        _join(ALICE, "alice", THRESHOLD);
        _join(BOB, "bob", THRESHOLD);
        _join(CAROL, "carol", THRESHOLD);
        address[] memory all = identity.operators(0, type(uint256).max);
        assertEq(all.length, 3, "all");
        start = start % 2 == 0 ? start : bound(start, 0, 4);
        limit = limit % 2 == 0 ? limit : bound(limit, 0, 4);

        address[] memory some = identity.operators(start, limit);
        uint256 left = start < 3 ? 3 - start : 0;
        assertEq(some.length, limit < left ? limit : left, "length");
        for (uint256 i = 0; i < some.length; ++i) {
            assertEq(some[i], all[start + i], "operator");
        }
    }

    function _one(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}

/// @notice Makes five accounts join, leave and be pruned; no call reverts. It records the state the
/// contract must have.
contract IdentityHandler is OperatorsTest {
    address[5] public actors;
    mapping(address account => bool) public active;
    uint256 public count;
    /// @dev The blocks with a join, leave or prune.
    uint256[] public blocks;
    /// @dev The number of active operators at the end of a block.
    mapping(uint256 blockNumber => uint256) public counts;

    function prepare() external {
        setUp();
        for (uint256 i = 0; i < 5; ++i) {
            actors[i] = _actor(_name(i));
            _deposit(actors[i], THRESHOLD);
        }
    }

    function join(uint256 who) external {
        address actor = actors[who % 5];
        if (active[actor]) return;
        uint256 balance = stake.balanceOf(actor);
        _join(actor, _name(who % 5), balance < THRESHOLD ? THRESHOLD - balance : 0);
        active[actor] = true;
        ++count;
        _record();
    }

    function leave(uint256 who) external {
        address actor = actors[who % 5];
        if (!active[actor]) return;
        vm.prank(actor);
        identity.leave();
        active[actor] = false;
        --count;
        _record();
    }

    function prune(uint256 who) external {
        address actor = actors[who % 5];
        if (!active[actor]) return;
        vm.prank(actor);
        stake.requestWithdrawal(1);
        identity.prune(actor);
        active[actor] = false;
        --count;
        _record();
    }

    function roll(uint256 by) external {
        vm.roll(block.number + bound(by, 1, 10));
    }

    function check() external view {
        assertEq(identity.operatorCount(), count, "count");
        address[] memory list = identity.operators(0, 10);
        assertEq(list.length, count, "list");
        for (uint256 i = 0; i < list.length; ++i) {
            assertTrue(active[list[i]], "listed is active");
        }
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(identity.operator(actors[i]).active, active[actors[i]], "active");
        }
        for (uint256 i = 0; i < blocks.length && blocks[i] < block.number; ++i) {
            assertEq(identity.operatorCountAt(blocks[i]), counts[blocks[i]], "past count");
        }
    }

    function _record() private {
        if (blocks.length == 0 || blocks[blocks.length - 1] != block.number) {
            blocks.push(block.number);
        }
        counts[block.number] = count;
    }

    function _name(uint256 index) private pure returns (string memory) {
        return string.concat("actor", vm.toString(index));
    }
}

contract IdentityInvariantTest is OperatorsTest {
    IdentityHandler private _handler;

    function setUp() public override {
        _handler = new IdentityHandler();
        _handler.prepare();
        bytes4[] memory selectors = new bytes4[](4);
        selectors[0] = IdentityHandler.join.selector;
        selectors[1] = IdentityHandler.leave.selector;
        selectors[2] = IdentityHandler.prune.selector;
        selectors[3] = IdentityHandler.roll.selector;
        _target(address(_handler), selectors);
    }

    function invariant_listCountAndHistoryAgree() public view {
        _handler.check();
    }
}
