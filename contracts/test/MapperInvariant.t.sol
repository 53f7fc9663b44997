// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IMapper} from "../src/interfaces/IMapper.sol";
import {BanKind} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";

/// @notice Makes operators join, leave, stake and be banned while epochs are opened and dealt; no
/// call reverts.
/// @dev Records which accounts were operators at which block, and computes from that the units each
/// deal must give.
contract MapperHandler is OperatorsTest {
    uint256 private constant ACTORS = 6;
    bytes32 private constant WORKER = "worker";
    bytes32 private constant BOOT = "boot";

    address[ACTORS] public actors;
    /// @dev The units that each operator must have in the deal in force.
    mapping(address account => uint256) public expected;
    /// @dev The units given so far in the newest deal.
    mapping(address account => uint256) private _pending;
    /// @dev The number of operators at the snapshot of the deal in force.
    uint256 public expectedMembers;
    uint256[2] public groups = [3, 2];
    uint256[2] public sizes = [3, 1];
    uint256 public threshold = THRESHOLD;

    mapping(address account => bool) private _active;
    mapping(address account => bool) private _banned;
    mapping(address account => uint256) private _bannedUnits;
    /// @dev The blocks with a join or leave, and for each a mask: bit i is set if actor i was an
    /// operator at its end.
    uint256[] private _blocks;
    uint256[] private _masks;

    function prepare() external {
        setUp();
        for (uint256 i = 0; i < ACTORS; ++i) {
            actors[i] = _actor(_name(i));
            _join(actors[i], _name(i), (1 + i) * THRESHOLD);
            _active[actors[i]] = true;
        }
        _record();
        _applySets();
        _begin();
        _open();
    }

    function join(uint256 who) external {
        who %= ACTORS;
        address actor = actors[who];
        if (_active[actor] || _banned[actor]) return;
        uint256 balance = stake.balanceOf(actor);
        _join(actor, _name(who), balance < threshold ? threshold - balance : 0);
        _active[actor] = true;
        _record();
    }

    function leave(uint256 who) external {
        address actor = actors[who % ACTORS];
        if (!_active[actor]) return;
        vm.prank(actor);
        identity.leave();
        _active[actor] = false;
        _record();
    }

    function deposit(uint256 who, uint256 amount) external {
        _deposit(actors[who % ACTORS], bound(amount, 1, 5 * THRESHOLD));
    }

    function requestWithdrawal(uint256 who, uint256 amount) external {
        address actor = actors[who % ACTORS];
        uint256 balance = stake.balanceOf(actor);
        if (balance == 0) return;
        vm.prank(actor);
        stake.requestWithdrawal(bound(amount, 1, balance));
    }

    function toggleBan(uint256 who) external {
        who %= ACTORS;
        address actor = actors[who];
        _banned[actor] = !_banned[actor];
        _setBan(BanKind.Operator, keccak256(bytes(_name(who))), 0, _banned[actor]);
    }

    function toggleUnitBan(uint256 who, uint32 unit) external {
        who %= ACTORS;
        unit %= 8;
        address actor = actors[who];
        _bannedUnits[actor] ^= 1 << unit;
        bool banned = _bannedUnits[actor] >> unit & 1 == 1;
        _setBan(BanKind.Node, keccak256(bytes(_name(who))), unit, banned);
    }

    function setThreshold(uint256 value) external {
        threshold = bound(value, 1, 2 * THRESHOLD);
        _setParameter("stake_threshold", int256(threshold));
    }

    function resize(uint256 index, uint256 newGroups, uint256 newSize) external {
        groups[index % 2] = bound(newGroups, 0, 4);
        sizes[index % 2] = bound(newSize, 0, 4);
        _applySets();
    }

    function roll(uint256 by) external {
        vm.roll(block.number + bound(by, 1, INTERVAL));
    }

    /// @dev Deals a chunk of any size; opens the next epoch first if the newest deal is finished.
    function proceed(uint256 size) external {
        IMapper.Epoch memory epoch = mapper.latestEpoch();
        if (epoch.dealt) {
            _open();
            epoch = mapper.latestEpoch();
            for (uint256 i = 0; i < ACTORS; ++i) {
                _pending[actors[i]] = 0;
            }
        }
        if (!epoch.dealt) {
            address[] memory order = _ordered(epoch.seed, _membersAt(epoch.snapshot));
            size = bound(size, 1, order.length);
            address[] memory part = _slice(order, epoch.dealtOperators, size);
            for (uint256 i = 0; i < part.length; ++i) {
                _pending[part[i]] = _unitsOf(part[i], epoch.snapshot);
            }
            mapper.deal(epoch.number, epoch.dealtOperators, part);
        }
        epoch = mapper.latestEpoch();
        if (epoch.dealt) {
            for (uint256 i = 0; i < ACTORS; ++i) {
                expected[actors[i]] = _pending[actors[i]];
            }
            expectedMembers = _membersAt(epoch.snapshot).length;
        }
    }

    function checkOrder() external view {
        IMapper.Epoch memory epoch = mapper.currentEpoch();
        (address[] memory order, uint32[] memory units) = mapper.currentOrder(0, 100);
        assertEq(order.length, expectedMembers, "complete");
        uint256 sum;
        bytes32 last;
        for (uint256 i = 0; i < order.length; ++i) {
            bytes32 hash = keccak256(abi.encodePacked(epoch.seed, order[i]));
            assertTrue(hash > last, "strictly ascending");
            assertEq(uint256(units[i]), expected[order[i]], "units");
            last = hash;
            sum += units[i];
        }
        assertEq(uint256(epoch.dealtUnits), sum, "sum of units");
    }

    function checkSlots() external view {
        (uint256 slots, uint256 units) = mapper.totals();
        assertEq(slots, groups[0] * sizes[0] + groups[1] * sizes[1], "slots");
        uint256[ACTORS] memory held;
        uint256[ACTORS] memory taken;
        uint256 filled = _countSet(WORKER, 0, held, taken) + _countSet(BOOT, 1, held, taken);
        assertEq(filled, slots < units ? slots : units, "filled");
        for (uint256 i = 0; i < ACTORS; ++i) {
            uint256 mine = expected[actors[i]];
            if (mine == 0) assertEq(held[i], 0, "no slot without units");
            if (units < slots) {
                assertEq(held[i], mine, "all units are used");
            } else if (slots != 0) {
                assertTrue(held[i] >= mine * slots / units, "no less than the share");
                assertTrue(held[i] <= (mine * slots + units - 1) / units, "no more than the share");
            }
        }
    }

    /// @dev Adds the slots of a set to `held`, marks their units in `taken`, and compares the
    /// groups.
    function _countSet(
        bytes32 set,
        uint256 index,
        uint256[ACTORS] memory held,
        uint256[ACTORS] memory taken
    ) private view returns (uint256 filled) {
        uint256[4][ACTORS] memory inGroup;
        for (uint32 group = 0; group < groups[index]; ++group) {
            for (uint32 place = 0; place < sizes[index]; ++place) {
                (address operator, uint32 unit) = mapper.operatorOf(set, group, place);
                if (operator == address(0)) continue;
                ++filled;
                uint256 actor = _indexOf(operator);
                assertEq(_bannedUnits[operator] >> unit & 1, 0, "unit not banned");
                assertEq(taken[actor] >> unit & 1, 0, "unit taken once");
                taken[actor] |= 1 << unit;
                ++held[actor];
                ++inGroup[actor][group];
            }
        }
        for (uint256 i = 0; i < ACTORS; ++i) {
            for (uint256 a = 0; a < groups[index]; ++a) {
                for (uint256 b = 0; b < groups[index]; ++b) {
                    assertTrue(inGroup[i][a] <= inGroup[i][b] + 1, "groups differ by one");
                }
            }
        }
    }

    function _unitsOf(address actor, uint256 snapshot) private view returns (uint256 units) {
        if (!_active[actor] || _banned[actor]) return 0;
        uint256 total = stake.stakeAt(actor, snapshot) / threshold;
        for (uint256 unit = 0; unit < total; ++unit) {
            if (_bannedUnits[actor] >> unit & 1 == 0) ++units;
        }
    }

    function _membersAt(uint256 snapshot) private view returns (address[] memory members) {
        uint256 mask;
        for (uint256 i = 0; i < _blocks.length && _blocks[i] <= snapshot; ++i) {
            mask = _masks[i];
        }
        members = new address[](ACTORS);
        uint256 count;
        for (uint256 i = 0; i < ACTORS; ++i) {
            if (mask >> i & 1 == 1) members[count++] = actors[i];
        }
        return _slice(members, 0, count);
    }

    function _indexOf(address operator) private view returns (uint256 index) {
        while (actors[index] != operator) ++index;
    }

    function _record() private {
        uint256 mask;
        for (uint256 i = 0; i < ACTORS; ++i) {
            if (_active[actors[i]]) mask |= 1 << i;
        }
        _blocks.push(block.number);
        _masks.push(mask);
    }

    function _applySets() private {
        bytes32[] memory names = new bytes32[](2);
        uint256[] memory counts = new uint256[](2);
        uint256[] memory places = new uint256[](2);
        (names[0], counts[0], places[0]) = (WORKER, groups[0], sizes[0]);
        (names[1], counts[1], places[1]) = (BOOT, groups[1], sizes[1]);
        _setSets(names, counts, places);
    }

    function _name(uint256 index) private pure returns (string memory) {
        return string.concat("actor", vm.toString(index));
    }
}

/// @dev Fewer runs than usual: the handler makes real deals, which takes time, and each is checked
/// whole.
/// forge-config: default.invariant.runs = 32
contract MapperInvariantTest is OperatorsTest {
    MapperHandler private _handler;

    function setUp() public override {
        _handler = new MapperHandler();
        _handler.prepare();
        bytes4[] memory selectors = new bytes4[](12);
        selectors[0] = MapperHandler.join.selector;
        selectors[1] = MapperHandler.leave.selector;
        selectors[2] = MapperHandler.deposit.selector;
        selectors[3] = MapperHandler.requestWithdrawal.selector;
        selectors[4] = MapperHandler.toggleBan.selector;
        selectors[5] = MapperHandler.toggleUnitBan.selector;
        selectors[6] = MapperHandler.setThreshold.selector;
        selectors[7] = MapperHandler.resize.selector;
        selectors[8] = MapperHandler.roll.selector;
        // Listed three times, so that it is called more often.
        selectors[9] = MapperHandler.proceed.selector;
        selectors[10] = MapperHandler.proceed.selector;
        selectors[11] = MapperHandler.proceed.selector;
        _target(address(_handler), selectors);
    }

    function invariant_orderNamesEveryOperatorWithItsUnits() public view {
        _handler.checkOrder();
    }

    function invariant_slotsAreSharedByUnits() public view {
        _handler.checkSlots();
    }
}
