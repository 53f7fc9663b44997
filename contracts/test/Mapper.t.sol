// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICore} from "../src/interfaces/ICore.sol";
import {IIdentity} from "../src/interfaces/IIdentity.sol";
import {IMapper} from "../src/interfaces/IMapper.sol";
import {BanKind, Proof} from "../src/interfaces/Types.sol";
import {Order} from "../src/libraries/Order.sol";
import {MapperBase} from "./MapperBase.sol";
import {OperatorsTest} from "./OperatorsTest.sol";
import {VrfProver} from "./VrfProver.sol";

/// @dev Fewer runs than usual: each lets operators join and makes proofs, for some 5 M gas.
/// forge-config: default.fuzz.runs = 64
contract MapperEpochTest is MapperBase {
    function test_begin_revertsTwice() public {
        _populate(1);
        _begin();
        vm.expectRevert(IMapper.MapperAlreadyBegun.selector);
        mapper.begin();
    }

    function test_begin_revertsWhileTheBeaconHasTime(uint256 early) public {
        _populate(2);
        _begin();
        vm.roll(block.number + INTERVAL - bound(early, 1, INTERVAL));
        vm.expectRevert(IMapper.MapperAlreadyBegun.selector);
        mapper.begin();
    }

    function test_begin_revertsAfterTheFirstEpoch() public {
        _ready(2);
        vm.roll(block.number + INTERVAL);
        vm.expectRevert(IMapper.MapperAlreadyBegun.selector);
        mapper.begin();
    }

    /// @dev A silent first beacon delays a new service by one interval only.
    function test_begin_againAfterSilence(uint256 late, bytes32 blockHash) public {
        _populate(3);
        _begin();
        vm.roll(block.number + INTERVAL + bound(late, 0, 1000));
        vm.setBlockhash(block.number - 1, blockHash);
        bytes32 seed = keccak256(abi.encode(blockHash, address(mapper), block.chainid));
        expectEvent(address(mapper));
        emit IMapper.EpochsBegun(seed, members[uint256(seed) % 3]);
        mapper.begin();
        assertEq(mapper.latestEpoch().seed, seed, "seed");
        assertEq(uint256(mapper.latestEpoch().openedAt), block.number, "opened at");
        assertEq(uint256(mapper.latestEpoch().snapshot), block.number - 1, "snapshot");
        _open();
        assertEq(uint256(mapper.latestEpoch().number), 1, "epoch 1 opens");
    }

    function test_begin_revertsWithoutOperators() public {
        vm.expectRevert(IMapper.MapperNoOperators.selector);
        mapper.begin();
    }

    function test_begin_revertsForABeaconOfThisBlock() public {
        _populate(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IIdentity.IdentityNoBeaconKey.selector, members[0], block.number - 1
            )
        );
        mapper.begin();
    }

    function test_begin(uint256 count, bytes32 blockHash) public {
        count = bound(count, 1, 5);
        _populate(count);
        vm.roll(block.number + 1);
        vm.setBlockhash(block.number - 1, blockHash);
        bytes32 seed = keccak256(abi.encode(blockHash, address(mapper), block.chainid));
        address beacon = members[uint256(seed) % count];

        expectEvent(address(mapper));
        emit IMapper.EpochsBegun(seed, beacon);
        vm.prank(STRANGER);
        mapper.begin();

        IMapper.Epoch memory expected;
        expected.openedAt = uint64(block.number);
        expected.snapshot = uint64(block.number - 1);
        expected.dealt = true;
        expected.beacon = beacon;
        expected.seed = seed;
        assertEq(abi.encode(mapper.latestEpoch()), abi.encode(expected), "latest");
        assertEq(uint256(mapper.currentEpoch().number), 0, "in force: none");
        (address next, uint256 x, uint256 y) = mapper.nextBeacon();
        (uint256 keyX, uint256 keyY) = VrfProver.key(SECRET);
        assertEq(abi.encode(next, x, y), abi.encode(beacon, keyX, keyY), "next beacon");
        assertEq(mapper.opensAt(), block.number, "the first opens at once");
        assertEq(
            mapper.alpha(),
            abi.encodePacked("koinon epoch", block.chainid, address(core), uint64(1), seed),
            "alpha"
        );
    }

    function test_open_revertsBeforeBegin() public {
        Proof memory proof;
        vm.expectRevert(IMapper.MapperNotBegun.selector);
        mapper.open(proof);
    }

    function test_alpha_revertsBeforeBegin() public {
        vm.expectRevert(IMapper.MapperNotBegun.selector);
        mapper.alpha();
    }

    function test_nextBeacon_revertsBeforeBegin() public {
        vm.expectRevert(IMapper.MapperNotBegun.selector);
        mapper.nextBeacon();
    }

    function test_opensAt_revertsBeforeBegin() public {
        vm.expectRevert(IMapper.MapperNotBegun.selector);
        mapper.opensAt();
    }

    function test_open_revertsTooEarly(uint256 early) public {
        _ready(2);
        _deal(_ordered(mapper.latestEpoch().seed, members), 2);
        uint256 opensAt = mapper.opensAt();
        vm.roll(opensAt - bound(early, 1, INTERVAL));
        Proof memory proof = VrfProver.prove(SECRET, mapper.alpha());
        vm.expectRevert(
            abi.encodeWithSelector(IMapper.MapperTooEarly.selector, block.number, opensAt)
        );
        mapper.open(proof);
    }

    function test_open_revertsOnUnfinishedDeal() public {
        _ready(3);
        vm.roll(mapper.opensAt());
        Proof memory proof = VrfProver.prove(SECRET, mapper.alpha());
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperDealUnfinished.selector, 1));
        mapper.open(proof);
    }

    function test_nextBeacon_revertsOnUnfinishedDeal() public {
        _ready(3);
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperDealUnfinished.selector, 1));
        mapper.nextBeacon();
    }

    function test_open_revertsOnProofByAnotherKey(uint256 secret) public {
        secret = bound(secret, SECRET + 1, type(uint128).max);
        _populate(2);
        _begin();
        vm.roll(mapper.opensAt());
        Proof memory proof = VrfProver.prove(secret, mapper.alpha());
        _expectInvalidProof(1);
        mapper.open(proof);
    }

    /// @dev The proof of one epoch does not open another.
    function test_open_revertsOnProofOfAnotherEpoch() public {
        _populate(2);
        _begin();
        vm.roll(mapper.opensAt());
        Proof memory proof = VrfProver.prove(SECRET, mapper.alpha());
        mapper.open(proof);
        _deal(members, 10);
        vm.roll(mapper.opensAt());
        _expectInvalidProof(2);
        mapper.open(proof);
    }

    /// @dev Expects that the next call rejects its proof for `epoch`.
    function _expectInvalidProof(uint64 epoch) private {
        (address beacon,,) = mapper.nextBeacon();
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperInvalidProof.selector, epoch, beacon));
    }

    function test_open(uint256 count, uint256 late) public {
        count = bound(count, 1, 5);
        _populate(count);
        _begin();
        uint64 snapshot = mapper.latestEpoch().snapshot;
        (address beacon,,) = mapper.nextBeacon();
        // Operators that join after the snapshot are not in the deal.
        _populate(6);
        vm.roll(mapper.opensAt() + bound(late, 0, 1000));
        Proof memory proof = VrfProver.prove(SECRET, mapper.alpha());
        bytes32 seed = VrfProver.output(proof);

        expectEvent(address(mapper));
        emit IMapper.EpochOpened(1, beacon, seed, snapshot);
        vm.prank(STRANGER);
        mapper.open(proof);

        IMapper.Epoch memory expected;
        expected.number = 1;
        expected.openedAt = uint64(block.number);
        expected.snapshot = snapshot;
        expected.snapshotOperators = uint32(count);
        expected.beacon = beacon;
        expected.seed = seed;
        assertEq(abi.encode(mapper.latestEpoch()), abi.encode(expected), "latest");
        assertEq(uint256(mapper.currentEpoch().number), 0, "in force: none yet");
        assertEq(mapper.opensAt(), block.number + INTERVAL, "opens at");
        assertEq(
            mapper.alpha(),
            abi.encodePacked("koinon epoch", block.chainid, address(core), uint64(2), seed),
            "alpha"
        );
    }

    /// @dev The snapshot of epoch e + 1 is the block before epoch e opened; its beacon is drawn
    /// from the deal of epoch e.
    function test_open_drawsTheSecondBeaconFromTheFirstDeal() public {
        _ready(4);
        _deal(members, 10);
        IMapper.Epoch memory first = mapper.latestEpoch();
        (address[] memory order, uint32[] memory units) = mapper.currentOrder(0, 10);
        uint256 draw = uint256(keccak256(abi.encodePacked(first.seed, "beacon"))) % first.dealtUnits;
        uint256 index;
        for (uint256 sum = units[0]; sum <= draw; sum += units[index]) {
            ++index;
        }
        (address beacon,,) = mapper.nextBeacon();
        assertEq(beacon, order[index], "drawn by units");

        _open();
        IMapper.Epoch memory second = mapper.latestEpoch();
        assertEq(uint256(second.number), 2, "number");
        assertEq(uint256(second.snapshot), first.openedAt - 1, "snapshot");
        assertEq(second.beacon, beacon, "beacon");
        assertEq(uint256(mapper.currentEpoch().number), 1, "in force until dealt");
    }

    /// @dev A key registered after the snapshot counts from a later deal on.
    function test_open_usesTheKeyOfTheSnapshot() public {
        _ready(1);
        (uint256 x, uint256 y) = VrfProver.key(SECRET + 1);
        vm.prank(members[0]);
        identity.registerBeaconKey(x, y);
        _deal(members, 10);
        _open();
        assertEq(uint256(mapper.latestEpoch().number), 2, "opened with the old key");
        _deal(members, 10);
        (, uint256 usedX,) = mapper.nextBeacon();
        // The snapshot of epoch 2 is the block before epoch 1 opened, when the old key was
        // registered.
        assertTrue(usedX != x, "old key");
        _open();
        _deal(members, 10);
        (, usedX,) = mapper.nextBeacon();
        assertEq(usedX, x, "new key");
        vm.roll(mapper.opensAt());
        mapper.open(VrfProver.prove(SECRET + 1, mapper.alpha()));
        assertEq(uint256(mapper.latestEpoch().number), 4, "opened with the new key");
    }

    /// @dev Epochs go on after all operators have left: the last beacon serves again, and `open`
    /// finishes the empty deal.
    function test_open_finishesAnEmptyDeal() public {
        _ready(1);
        vm.prank(members[0]);
        identity.leave();
        _deal(members, 10);
        assertEq(uint256(mapper.currentEpoch().dealtUnits), 0, "who left has no units");
        (address beacon,,) = mapper.nextBeacon();
        assertEq(beacon, members[0], "last beacon");
        // The snapshot of epoch 2 still has the operator.
        _open();
        _deal(members, 10);

        vm.roll(mapper.opensAt());
        Proof memory proof = VrfProver.prove(SECRET, mapper.alpha());
        expectEvent(address(mapper));
        emit IMapper.EpochOpened(
            3, beacon, VrfProver.output(proof), mapper.latestEpoch().openedAt - 1
        );
        expectEvent(address(mapper));
        emit IMapper.EpochDealt(3, 0, 0);
        mapper.open(proof);

        assertEq(uint256(mapper.latestEpoch().snapshotOperators), 0, "members");
        assertEq(uint256(mapper.currentEpoch().number), 3, "in force");
        _setSet(WORKER, 1, 1);
        (address operator,) = mapper.operatorOf(WORKER, 0, 0);
        assertEq(operator, address(0), "vacant");
        _open();
        assertEq(uint256(mapper.currentEpoch().number), 4, "and on");
    }

    function test_open_atOnceWithIntervalZero() public {
        _setParameter("epoch_interval", 0);
        _populate(2);
        _begin();
        for (uint256 i = 1; i < 4; ++i) {
            mapper.open(VrfProver.prove(SECRET, mapper.alpha()));
            _deal(members, 10);
            assertEq(uint256(mapper.currentEpoch().number), i, "epoch");
        }
    }

    function test_opensAt_readsTheInterval(uint256 interval) public {
        interval = bound(interval, 0, uint256(type(int256).max));
        _ready(1);
        _setParameter("epoch_interval", int256(interval));
        uint256 openedAt = mapper.latestEpoch().openedAt;
        assertEq(mapper.opensAt(), openedAt + interval, "opens at");
    }
}

/// @dev Fewer runs than usual: each lets operators join and makes proofs, for some 5 M gas.
/// forge-config: default.fuzz.runs = 64
contract MapperDealTest is MapperBase {
    function test_deal_revertsBeforeBegin() public {
        vm.expectRevert(IMapper.MapperNotBegun.selector);
        mapper.deal(0, 0, new address[](1));
    }

    function test_deal_revertsOnEpochZero() public {
        _populate(1);
        _begin();
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperAlreadyDealt.selector, 0));
        mapper.deal(0, 0, members);
    }

    function test_deal_revertsOnAnotherEpoch(uint64 number) public {
        _ready(2);
        _deal(members, 10);
        _open();
        if (number == 2) number = 1;
        address[] memory sorted = _sorted();
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperWrongEpoch.selector, number, 2));
        mapper.deal(number, 0, sorted);
    }

    function test_deal_revertsWhenDealt() public {
        _ready(2);
        _deal(members, 10);
        address[] memory sorted = _sorted();
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperAlreadyDealt.selector, 1));
        mapper.deal(1, 0, sorted);
    }

    function test_deal_revertsOnNoOperators() public {
        _ready(2);
        vm.expectRevert(
            abi.encodeWithSelector(IMapper.MapperInvalidChunk.selector, 0, Order.CHUNK_LIMIT)
        );
        mapper.deal(1, 0, new address[](0));
    }

    function test_deal_revertsOverTheLimit() public {
        _ready(2);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMapper.MapperInvalidChunk.selector, Order.CHUNK_LIMIT + 1, Order.CHUNK_LIMIT
            )
        );
        mapper.deal(1, 0, new address[](Order.CHUNK_LIMIT + 1));
    }

    function test_deal_revertsOnAGap(uint32 from) public {
        _ready(4);
        address[] memory sorted = _sorted();
        mapper.deal(1, 0, _slice(sorted, 0, 1));
        if (from < 2) from += 2;
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperUnexpectedChunk.selector, from, 1));
        mapper.deal(1, from, _slice(sorted, 1, 1));
    }

    function test_deal_revertsOnAReplay() public {
        _ready(4);
        address[] memory sorted = _sorted();
        mapper.deal(1, 0, _slice(sorted, 0, 2));
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperUnexpectedChunk.selector, 0, 2));
        mapper.deal(1, 0, _slice(sorted, 0, 2));
    }

    function test_deal_revertsOnTooManyOperators() public {
        _ready(3);
        // This operator joins after the snapshot.
        _populate(4);
        address[] memory sorted = _sorted();
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperTooManyOperators.selector, 4, 3));
        mapper.deal(1, 0, sorted);
    }

    function test_deal_revertsOnAccountsThatAreNoOperators() public {
        _ready(3);
        address[] memory accounts = new address[](1);
        accounts[0] = STRANGER;
        vm.expectRevert(
            abi.encodeWithSelector(
                IIdentity.IdentityNotActiveAt.selector, STRANGER, mapper.latestEpoch().snapshot
            )
        );
        mapper.deal(1, 0, accounts);
    }

    function test_deal_revertsOnSwappedOperators(uint256 index) public {
        _ready(5);
        address[] memory sorted = _sorted();
        index = bound(index, 0, 3);
        (sorted[index], sorted[index + 1]) = (sorted[index + 1], sorted[index]);
        vm.expectRevert(
            abi.encodeWithSelector(IMapper.MapperNotAscending.selector, sorted[index + 1])
        );
        mapper.deal(1, 0, sorted);
    }

    function test_deal_revertsOnOperatorGivenTwice() public {
        _ready(3);
        address[] memory sorted = _sorted();
        sorted[1] = sorted[0];
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperNotAscending.selector, sorted[0]));
        mapper.deal(1, 0, sorted);
    }

    function test_deal_revertsOnOperatorGivenInTwoChunks() public {
        _ready(3);
        address[] memory sorted = _sorted();
        mapper.deal(1, 0, _slice(sorted, 0, 2));
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperNotAscending.selector, sorted[1]));
        mapper.deal(1, 2, _slice(sorted, 1, 1));
    }

    /// @dev A deal that skipped an operator cannot be finished: no operator is left that could
    /// follow.
    function test_deal_leavesNobodyOut(uint256 skipped) public {
        _ready(4);
        address[] memory sorted = _sorted();
        skipped = bound(skipped, 0, 3);
        address[] memory some = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            some[i] = sorted[i < skipped ? i : i + 1];
        }
        mapper.deal(1, 0, some);
        assertFalse(mapper.latestEpoch().dealt, "dealt");
        for (uint256 i = 0; i < 4; ++i) {
            if (skipped == 3 && i == 3) continue;
            vm.expectRevert(abi.encodeWithSelector(IMapper.MapperNotAscending.selector, sorted[i]));
            mapper.deal(1, 3, _slice(sorted, i, 1));
        }
    }

    function test_deal(uint256 count, uint256 size) public {
        count = bound(count, 1, 8);
        size = bound(size, 1, count);
        _ready(count);
        address[] memory sorted = _sorted();
        uint256 total;
        for (uint256 from = 0; from < count; from += size) {
            address[] memory part = _slice(sorted, from, size);
            for (uint256 i = 0; i < part.length; ++i) {
                total += stake.balanceOf(part[i]) / THRESHOLD;
            }
            address pointer = vm.computeCreateAddress(address(mapper), vm.getNonce(address(mapper)));
            expectEvent(address(mapper));
            emit IMapper.ChunkDealt(1, uint32(from), uint32(part.length), pointer);
            bool last = from + size >= count;
            if (last) {
                expectEvent(address(mapper));
                emit IMapper.EpochDealt(1, uint32(count), uint64(total));
            }
            vm.prank(STRANGER);
            mapper.deal(1, uint32(from), part);

            IMapper.Epoch memory epoch = mapper.latestEpoch();
            assertEq(uint256(epoch.dealtOperators), from + part.length, "operators");
            assertEq(uint256(epoch.dealtUnits), total, "units");
            assertEq(epoch.dealt, last, "dealt");
            assertEq(pointer.code.length, 1 + 28 * part.length, "code");
        }
        assertEq(abi.encode(mapper.currentEpoch()), abi.encode(mapper.latestEpoch()), "in force");
        (address[] memory order, uint32[] memory units) = mapper.currentOrder(0, 100);
        assertEq(abi.encode(order), abi.encode(sorted), "order");
        for (uint256 i = 0; i < count; ++i) {
            assertEq(uint256(units[i]), stake.balanceOf(order[i]) / THRESHOLD, "units of one");
        }
    }

    /// @dev If another caller dealt the start of a chunk first, the chunk still deals the rest.
    function test_deal_skipsOperatorsDealtAlready(uint256 first, uint256 from) public {
        _ready(6);
        address[] memory sorted = _sorted();
        first = bound(first, 1, 5);
        from = bound(from, 0, first);
        mapper.deal(1, 0, _slice(sorted, 0, first));
        address pointer = vm.computeCreateAddress(address(mapper), vm.getNonce(address(mapper)));

        expectEvent(address(mapper));
        emit IMapper.ChunkDealt(1, uint32(first), uint32(6 - first), pointer);
        mapper.deal(1, uint32(from), _slice(sorted, from, 6));

        (address[] memory order,) = mapper.currentOrder(0, 100);
        assertEq(abi.encode(order), abi.encode(sorted), "order");
    }

    /// @dev The former deal stays in force, whole, until the next one is finished.
    function test_deal_keepsTheFormerDealInForceUntilFinished() public {
        _ready(4);
        _deal(members, 10);
        IMapper.Epoch memory first = mapper.currentEpoch();
        (address[] memory before,) = mapper.currentOrder(0, 10);
        _open();
        address[] memory sorted = _sorted();
        mapper.deal(2, 0, _slice(sorted, 0, 3));

        (address[] memory order,) = mapper.currentOrder(0, 10);
        assertEq(abi.encode(order), abi.encode(before), "order in force");
        assertEq(abi.encode(mapper.currentEpoch()), abi.encode(first), "epoch in force");
        (order,) = mapper.latestOrder(0, 10);
        assertEq(abi.encode(order), abi.encode(_slice(sorted, 0, 3)), "order being dealt");
    }

    /// @dev An operator that leaves or is banned during the deal gets no units if it is not dealt
    /// yet.
    function test_deal_readsUnitsWhenDealt() public {
        _ready(4);
        address[] memory sorted = _sorted();
        mapper.deal(1, 0, _slice(sorted, 0, 2));
        vm.prank(sorted[0]);
        identity.leave();
        vm.prank(sorted[2]);
        identity.leave();
        _setBan(BanKind.Operator, keccak256(bytes(identity.operator(sorted[3]).name)), 0, true);
        mapper.deal(1, 2, _slice(sorted, 2, 2));

        (, uint32[] memory units) = mapper.currentOrder(0, 10);
        assertEq(uint256(units[0]), stake.balanceOf(sorted[0]) / THRESHOLD, "left later");
        assertEq(uint256(units[2]), 0, "left before");
        assertEq(uint256(units[3]), 0, "banned before");
        assertTrue(mapper.currentEpoch().dealt, "dealt");
    }

    /// @dev A negative threshold stops the deal, with an error that names it; once it is corrected
    /// the deal goes on.
    function test_deal_goesOnAfterANegativeThresholdIsCorrected() public {
        _ready(2);
        address[] memory sorted = _sorted();
        _setParameter("stake_threshold", -1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICore.CoreNegativeParameter.selector, bytes32("stake_threshold"), int256(-1)
            )
        );
        mapper.deal(1, 0, sorted);
        _setParameter("stake_threshold", 5);
        mapper.deal(1, 0, sorted);
        assertTrue(mapper.currentEpoch().dealt, "dealt");
    }

    /// @dev Stakes beyond the range of uint32 units neither stop a deal nor overflow the sum.
    function test_deal_survivesHugeStakes() public {
        _populate(1);
        for (uint256 i = 0; i < 3; ++i) {
            string memory name = string.concat("whale", vm.toString(i));
            members.push(_actor(name));
            _join(_actor(name), name, THRESHOLD << 40);
        }
        _begin();
        _open();
        _deal(members, 10);
        assertEq(
            uint256(mapper.currentEpoch().dealtUnits), 3 * uint256(type(uint32).max) + 1, "units"
        );
    }

    function test_currentOrder_pages(uint256 start, uint256 limit, uint256 size) public {
        _ready(7);
        _deal(members, bound(size, 1, 7));
        address[] memory sorted = _sorted();
        start = start % 2 == 0 ? start : bound(start, 0, 8);
        limit = limit % 2 == 0 ? limit : bound(limit, 0, 8);
        (address[] memory order, uint32[] memory units) = mapper.currentOrder(start, limit);
        uint256 left = start < 7 ? 7 - start : 0;
        assertEq(order.length, limit < left ? limit : left, "length");
        for (uint256 i = 0; i < order.length; ++i) {
            assertEq(order[i], sorted[start + i], "operator");
            assertEq(uint256(units[i]), stake.balanceOf(order[i]) / THRESHOLD, "units");
        }
    }
}

contract MapperSlotTest is MapperBase {
    function setUp() public override {
        super.setUp();
        _ready(4);
        _deal(members, 3);
        bytes32[] memory names = new bytes32[](4);
        uint256[] memory groups = new uint256[](4);
        uint256[] memory sizes = new uint256[](4);
        (names[0], groups[0], sizes[0]) = (WORKER, 2, 3);
        (names[1], groups[1], sizes[1]) = ("no groups", 0, 3);
        (names[2], groups[2], sizes[2]) = ("no places", 3, 0);
        (names[3], groups[3], sizes[3]) = ("boot", 1, 2);
        _setSets(names, groups, sizes);
    }

    function _expectUnknownSlot(bytes32 set, uint32 group, uint32 place) private {
        vm.expectRevert(
            abi.encodeWithSelector(IMapper.MapperUnknownSlot.selector, set, group, place)
        );
        mapper.operatorOf(set, group, place);
    }

    function test_operatorOf_revertsOnUnknownSet(bytes32 set) public {
        if (set == WORKER || set == "boot") set = 0;
        _expectUnknownSlot(set, 0, 0);
    }

    function test_operatorOf_revertsOnUnknownGroup(uint32 group) public {
        _expectUnknownSlot(WORKER, uint32(bound(group, 2, type(uint32).max)), 0);
    }

    function test_operatorOf_revertsOnUnknownPlace(uint32 place) public {
        _expectUnknownSlot(WORKER, 0, uint32(bound(place, 3, type(uint32).max)));
    }

    function test_operatorOf_revertsInEmptySets() public {
        _expectUnknownSlot("no groups", 0, 0);
        _expectUnknownSlot("no places", 0, 0);
    }

    function test_operatorOf_revertsOnNegativeParameter() public {
        _setSet(WORKER, 2, 3);
        _setParameter("groups_A", -1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICore.CoreNegativeParameter.selector, bytes32("groups_A"), int256(-1)
            )
        );
        mapper.operatorOf(WORKER, 0, 0);
    }

    function test_totals() public view {
        (uint256 slots, uint256 units) = mapper.totals();
        assertEq(slots, 8, "slots");
        assertEq(units, 1 + 2 + 3 + 4, "units");
    }

    function test_totals_ofTheGreatestSetsDoNotOverflow() public {
        uint256 most = type(uint32).max;
        bytes32[] memory names = new bytes32[](3);
        uint256[] memory numbers = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (names[i], numbers[i]) = (bytes32(i + 1), most);
        }
        _setSets(names, numbers, numbers);
        (uint256 slots,) = mapper.totals();
        assertEq(slots, 3 * most * most, "slots");
    }

    function test_operatorOf_isVacantBeforeTheFirstDeal() public {
        OperatorsTest.setUp();
        _setSet(WORKER, 1, 1);
        (address operator, uint32 unit) = mapper.operatorOf(WORKER, 0, 0);
        assertEq(abi.encode(operator, unit), abi.encode(address(0), 0), "before begin");
    }

    /// @dev A change of groups and sizes takes effect at once, without a new deal.
    function test_operatorOf_readsTheTopologyNow(uint256 groups, uint256 size) public {
        groups = bound(groups, 1, 4);
        size = bound(size, 1, 4);
        _setSet(WORKER, groups, size);
        uint256 slots = groups * size;
        uint256 filled;
        for (uint32 group = 0; group < groups; ++group) {
            for (uint32 place = 0; place < size; ++place) {
                (address operator,) = mapper.operatorOf(WORKER, group, place);
                if (operator != address(0)) ++filled;
            }
        }
        assertEq(filled, slots < 10 ? slots : 10, "filled");
    }

    /// @dev The units of an operator are numbered past those that are banned now.
    function test_operatorOf_skipsBannedUnitNumbers(uint256 mask) public {
        _setSet(WORKER, 1, 10);
        // Operator 3 of `members` has 4 units. All are dealt, because there are as many slots as
        // units.
        address operator = members[3];
        uint32[4] memory expected;
        uint256 count;
        for (uint32 unit = 0; count < 4; ++unit) {
            if (unit < 12 && mask >> unit & 1 == 1) {
                _setBan(BanKind.Node, keccak256("op3"), unit, true);
            } else {
                expected[count++] = unit;
            }
        }
        uint256 found;
        for (uint32 place = 0; place < 10; ++place) {
            (address owner, uint32 unit) = mapper.operatorOf(WORKER, 0, place);
            if (owner == operator) assertEq(uint256(unit), expected[found++], "unit");
        }
        assertEq(found, 4, "slots");
    }

    /// @dev A unit banned before the deal is not dealt, and no slot is backed by it.
    function test_operatorOf_neverNamesABannedUnit() public {
        _setBan(BanKind.Node, keccak256("op3"), 1, true);
        _open();
        _deal(members, 10);
        assertEq(uint256(mapper.currentEpoch().dealtUnits), 9, "units");
        _setSet(WORKER, 3, 3);
        for (uint32 slot = 0; slot < 9; ++slot) {
            (address owner, uint32 unit) = mapper.operatorOf(WORKER, slot % 3, slot / 3);
            assertTrue(owner != address(0), "filled");
            if (owner == members[3]) {
                assertTrue(unit == 0 || unit == 2 || unit == 3, "unit");
            }
        }
    }
}
