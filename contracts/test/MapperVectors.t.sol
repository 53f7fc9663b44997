// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BanKind} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";

/// @notice Compares the Mapper with suite/vectors/deal.json, which an independent reference wrote.
/// @dev A vector's seed is not the output of a proof. The test writes it over the epoch's seed
/// after `open`; everything else is real.
contract MapperVectorsTest is OperatorsTest {
    /// @dev Storage slots: of `_epochs` in Mapper, and of `seed` in Epoch.
    uint256 private constant EPOCHS_SLOT = 2;
    uint256 private constant SEED_SLOT = 2;

    string private _json;
    bytes32[] private _sets;
    uint256[] private _groups;
    uint256[] private _sizes;
    address[] private _operators;

    function setUp() public override {
        super.setUp();
        _json = vm.readFile("../suite/vectors/deal.json");
    }

    function test_deal_matchesEveryCase() public {
        moreVm.pauseGasMetering();
        uint256 count;
        for (; vm.keyExistsJson(_json, _path(".cases", count)); ++count) {
            uint256 state = vm.snapshotState();
            _check(_path(".cases", count));
            vm.revertToState(state);
        }
        assertEq(count, 10, "cases in the file");
    }

    function test_deal_matchesTheThousandOperators() public {
        moreVm.pauseGasMetering();
        string memory path = _path(".digests", 0);
        for (uint256 i = 0; i < vm.parseJsonUint(_json, string.concat(path, ".count")); ++i) {
            bytes memory label = bytes(string.concat("koinon operator thousand ", vm.toString(i)));
            _joinWith(address(uint160(uint256(keccak256(label)))), 1 + (i * 7919) % 23);
        }
        _open(vm.parseJsonBytes32(_json, string.concat(path, ".seed")));
        _deal(_operators, 300);
        _checkSlots(path);
    }

    function _check(string memory path) private {
        string memory list = string.concat(path, ".operators");
        for (uint256 i = 0; vm.keyExistsJson(_json, _path(list, i)); ++i) {
            string memory operator = _path(list, i);
            _joinWith(
                vm.parseJsonAddress(_json, string.concat(operator, ".account")),
                vm.parseJsonUint(_json, string.concat(operator, ".units"))
            );
        }
        _open(vm.parseJsonBytes32(_json, string.concat(path, ".seed")));

        address[] memory order = moreVm.parseJsonAddressArray(_json, string.concat(path, ".order"));
        uint64 number = mapper.latestEpoch().number;
        uint256 half = order.length / 2;
        if (half != 0) mapper.deal(number, 0, _slice(order, 0, half));
        mapper.deal(number, uint32(half), _slice(order, half, order.length));

        uint256[] memory prefix = vm.parseJsonUintArray(_json, string.concat(path, ".prefix"));
        (address[] memory dealt, uint32[] memory units) = mapper.currentOrder(0, order.length);
        assertEq(abi.encode(dealt), abi.encode(order), string.concat(path, " order"));
        for (uint256 i = 0; i < units.length; ++i) {
            assertEq(uint256(units[i]), prefix[i + 1] - prefix[i], string.concat(path, " units"));
        }
        _checkSlots(path);
    }

    /// @dev Compares every slot, by the digest of the allocation.
    function _checkSlots(string memory path) private {
        _readSets(string.concat(path, ".sets"));
        (uint256 slots, uint256 units) = mapper.totals();
        assertEq(
            slots, vm.parseJsonUint(_json, string.concat(path, ".N")), string.concat(path, " N")
        );
        assertEq(
            units, vm.parseJsonUint(_json, string.concat(path, ".U")), string.concat(path, " U")
        );

        bytes memory packed = new bytes(slots * 24);
        uint256 end;
        for (uint256 i = 0; i < _sets.length; ++i) {
            for (uint32 group = 0; group < _groups[i]; ++group) {
                for (uint32 place = 0; place < _sizes[i]; ++place) {
                    (address operator, uint32 unit) = mapper.operatorOf(_sets[i], group, place);
                    bytes24 slot = bytes24(abi.encodePacked(operator, unit));
                    for (uint256 j = 0; j < 24; ++j) {
                        packed[end++] = slot[j];
                    }
                }
            }
        }
        assertEq(
            keccak256(packed),
            vm.parseJsonBytes32(_json, string.concat(path, ".digest")),
            string.concat(path, " digest")
        );
    }

    function _readSets(string memory list) private {
        for (uint256 i = 0; vm.keyExistsJson(_json, _path(list, i)); ++i) {
            string memory set = _path(list, i);
            _sets.push(bytes32(bytes(vm.parseJsonString(_json, string.concat(set, ".name")))));
            _groups.push(vm.parseJsonUint(_json, string.concat(set, ".groups")));
            _sizes.push(vm.parseJsonUint(_json, string.concat(set, ".size")));
        }
        _setSets(_sets, _groups, _sizes);
    }

    /// @dev An operator of the vector without units joins with one and is banned.
    function _joinWith(address account, uint256 units) private {
        string memory name = vm.toString(uint256(uint160(account)));
        _join(account, name, (units == 0 ? 1 : units) * THRESHOLD);
        if (units == 0) _setBan(BanKind.Operator, keccak256(bytes(name)), 0, true);
        _operators.push(account);
    }

    function _open(bytes32 seed) private {
        _begin();
        _open();
        bytes32 slot = bytes32(uint256(keccak256(abi.encode(1, EPOCHS_SLOT))) + SEED_SLOT);
        moreVm.store(address(mapper), slot, seed);
        assertEq(mapper.latestEpoch().seed, seed, "seed in place");
    }

    function _path(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }
}
