// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ICore} from "./interfaces/ICore.sol";
import {IIdentity} from "./interfaces/IIdentity.sol";
import {IMapper} from "./interfaces/IMapper.sol";
import {ISecurity} from "./interfaces/ISecurity.sol";
import {ITopology} from "./interfaces/ITopology.sol";
import {NodeSet, Proof} from "./interfaces/Types.sol";
import {Deal} from "./libraries/Deal.sol";
import {ECVRF} from "./libraries/ECVRF.sol";
import {IDENTITY, SECURITY, TOPOLOGY} from "./libraries/Names.sol";
import {Order} from "./libraries/Order.sol";

/// @notice Deals the slots of a service to its operators.
/// @dev Powers: none. Anyone may begin, open with the beacon's proof, and deal; the contract checks
/// everything. A beacon that stays silent holds the next epoch back; the epoch in force stays.
/// Replacing Identity needs a new Mapper, which starts at epoch 0.
contract Mapper is IMapper {
    using Order for Order.Chunk[];
    using SafeCast for uint256;

    bytes32 private constant EPOCH_INTERVAL = "epoch_interval";

    ICore private immutable CORE;

    /// @dev The newest epoch.
    uint64 private _latest;
    /// @dev The newest epoch whose deal is finished: the one in force.
    uint64 private _current;
    /// @dev The hash of the last operator dealt in the newest epoch.
    bytes32 private _lastHash;
    mapping(uint64 number => Epoch) private _epochs;
    mapping(uint64 number => Order.Chunk[]) private _orders;

    constructor(address core) {
        CORE = ICore(core);
    }

    /// @inheritdoc IMapper
    function begin() external {
        uint256 begun = _epochs[0].openedAt;
        bool silent = _latest == 0 && block.number >= begun + CORE.naturalParameter(EPOCH_INTERVAL);
        if (begun != 0 && !silent) revert MapperAlreadyBegun();
        IIdentity identity = _identity();
        uint256 count = identity.operatorCount();
        if (count == 0) revert MapperNoOperators();

        uint256 last = block.number - 1;
        bytes32 seed = keccak256(abi.encode(blockhash(last), address(this), block.chainid));
        address beacon = identity.operators(uint256(seed) % count, 1)[0];
        // Reverts if the beacon joined in this block: it would never have a key at the snapshot.
        identity.beaconKeyAt(beacon, last);

        Epoch storage epoch = _epochs[0];
        epoch.openedAt = block.number.toUint64();
        epoch.snapshot = last.toUint64();
        epoch.dealt = true;
        epoch.beacon = beacon;
        epoch.seed = seed;

        emit EpochsBegun(seed, beacon);
    }

    /// @inheritdoc IMapper
    function open(Proof calldata proof) external {
        Epoch memory last = _requireBegun();
        (address beacon, uint256 x, uint256 y) = _nextBeacon(last);
        uint256 opening = _opensAt(last);
        if (block.number < opening) revert MapperTooEarly(block.number, opening);
        (bool valid, bytes32 seed) = ECVRF.verify(proof, x, y, _alpha(last));
        uint64 number = last.number + 1;
        if (!valid) revert MapperInvalidProof(number, beacon);

        // Not below zero: `begin` needs a block before its own.
        uint64 snapshot = last.openedAt - 1;
        Epoch storage epoch = _epochs[number];
        epoch.number = number;
        epoch.openedAt = block.number.toUint64();
        epoch.snapshot = snapshot;
        epoch.snapshotOperators = _identity().operatorCountAt(snapshot).toUint32();
        epoch.beacon = beacon;
        epoch.seed = seed;
        _latest = number;
        _lastHash = 0;

        emit EpochOpened(number, beacon, seed, snapshot);

        // Without operators no chunk could finish the deal. It is finished here, after EpochOpened,
        // so that the events come in the order of the facts.
        if (epoch.snapshotOperators == 0) _finish(epoch);
    }

    /// @inheritdoc IMapper
    function deal(uint64 number, uint32 from, address[] calldata operators) external {
        _requireBegun();
        Epoch storage epoch = _epochs[_latest];
        if (number != epoch.number) revert MapperWrongEpoch(number, epoch.number);
        if (epoch.dealt) revert MapperAlreadyDealt(number);
        if (operators.length == 0 || operators.length > Order.CHUNK_LIMIT) {
            revert MapperInvalidChunk(operators.length, Order.CHUNK_LIMIT);
        }
        uint32 dealt = epoch.dealtOperators;
        uint256 end = from + operators.length;
        if (from > dealt || end <= dealt) revert MapperUnexpectedChunk(from, dealt);
        if (end > epoch.snapshotOperators) {
            revert MapperTooManyOperators(end, epoch.snapshotOperators);
        }

        _dealChunk(epoch, operators[dealt - from:]);
        if (epoch.dealtOperators == epoch.snapshotOperators) _finish(epoch);
    }

    /// @inheritdoc IMapper
    function alpha() external view returns (bytes memory) {
        return _alpha(_requireBegun());
    }

    /// @inheritdoc IMapper
    function nextBeacon() external view returns (address beacon, uint256 x, uint256 y) {
        return _nextBeacon(_requireBegun());
    }

    /// @inheritdoc IMapper
    function opensAt() external view returns (uint256) {
        return _opensAt(_requireBegun());
    }

    /// @inheritdoc IMapper
    function latestEpoch() external view returns (Epoch memory) {
        return _epochs[_latest];
    }

    /// @inheritdoc IMapper
    function currentEpoch() external view returns (Epoch memory) {
        return _epochs[_current];
    }

    /// @inheritdoc IMapper
    function latestOrder(uint256 start, uint256 limit)
        external
        view
        returns (address[] memory operators, uint32[] memory units)
    {
        return _orders[_latest].page(start, limit);
    }

    /// @inheritdoc IMapper
    function currentOrder(uint256 start, uint256 limit)
        external
        view
        returns (address[] memory operators, uint32[] memory units)
    {
        return _orders[_current].page(start, limit);
    }

    /// @inheritdoc IMapper
    function operatorOf(bytes32 set, uint32 group, uint32 place)
        external
        view
        returns (address operator, uint32 unit)
    {
        uint64 number = _current;
        bytes32 seed = _epochs[number].seed;
        (uint256 pick, uint256 slots) = _pickOf(set, group, place, seed);
        (bool filled, uint256 dealt) = Deal.unitOf(pick, slots, _epochs[number].dealtUnits, seed);
        if (!filled) return (address(0), 0);

        uint256 index;
        (operator, index) = _orders[number].find(dealt);
        unit = _unitNumber(operator, index).toUint32();
    }

    /// @inheritdoc IMapper
    function totals() external view returns (uint256 slots, uint256 units) {
        NodeSet[] memory sets = _nodeSets();
        for (uint256 i = 0; i < sets.length; ++i) {
            slots += _slotParameter(sets[i].groups) * _slotParameter(sets[i].size);
        }
        units = _epochs[_current].dealtUnits;
    }

    function _dealChunk(Epoch storage epoch, address[] calldata operators) private {
        bytes32 seed = epoch.seed;
        bytes32 last = _lastHash;
        for (uint256 i = 0; i < operators.length; ++i) {
            bytes32 hash = keccak256(abi.encodePacked(seed, operators[i]));
            if (hash <= last) revert MapperNotAscending(operators[i]);
            last = hash;
        }
        uint32[] memory units = _identity().unitsAt(operators, epoch.snapshot);

        uint32 from = epoch.dealtOperators;
        Order.Chunk memory chunk = _orders[epoch.number].append(operators, units);
        epoch.dealtOperators = chunk.operators;
        epoch.dealtUnits = chunk.units;
        _lastHash = last;

        emit ChunkDealt(epoch.number, from, chunk.operators - from, chunk.pointer);
    }

    function _finish(Epoch storage epoch) private {
        epoch.dealt = true;
        _current = epoch.number;

        emit EpochDealt(epoch.number, epoch.dealtOperators, epoch.dealtUnits);
    }

    function _requireBegun() private view returns (Epoch memory epoch) {
        epoch = _epochs[_latest];
        if (epoch.openedAt == 0) revert MapperNotBegun();
    }

    function _nextBeacon(Epoch memory epoch)
        private
        view
        returns (address beacon, uint256 x, uint256 y)
    {
        if (!epoch.dealt) revert MapperDealUnfinished(epoch.number);
        beacon = epoch.beacon;
        if (epoch.dealtUnits != 0) {
            uint256 draw = uint256(keccak256(abi.encodePacked(epoch.seed, "beacon")));
            (beacon,) = _orders[epoch.number].find(draw % epoch.dealtUnits);
        }
        (x, y) = _identity().beaconKeyAt(beacon, epoch.snapshot);
    }

    function _opensAt(Epoch memory epoch) private view returns (uint256) {
        // Epoch 0 deals nothing, so epoch 1 need not wait.
        return
            epoch.number == 0
                ? epoch.openedAt
                : epoch.openedAt + CORE.naturalParameter(EPOCH_INTERVAL);
    }

    function _alpha(Epoch memory epoch) private view returns (bytes memory) {
        return abi.encodePacked(
            "koinon epoch", block.chainid, address(CORE), epoch.number + 1, epoch.seed
        );
    }

    /// @dev Returns the slot's number among all `slots`.
    function _pickOf(bytes32 set, uint32 group, uint32 place, bytes32 seed)
        private
        view
        returns (uint256 pick, uint256 slots)
    {
        bool found;
        NodeSet[] memory sets = _nodeSets();
        for (uint256 i = 0; i < sets.length; ++i) {
            uint256 groups = _slotParameter(sets[i].groups);
            uint256 size = _slotParameter(sets[i].size);
            if (sets[i].name == set && group < groups && place < size) {
                found = true;
                pick = slots + place * groups + Deal.unshuffled(seed, set, groups, group);
            }
            slots += groups * size;
        }
        if (!found) revert MapperUnknownSlot(set, group, place);
    }

    /// @dev Returns the number of the operator's unit with index `index` among its units that are
    /// not banned.
    function _unitNumber(address operator, uint256 index) private view returns (uint256 unit) {
        bytes32 nameHash = keccak256(bytes(_identity().operator(operator).name));
        uint32[] memory banned = ISecurity(CORE.module(SECURITY)).bannedUnits(nameHash);
        unit = index;
        for (uint256 i = 0; i < banned.length && banned[i] <= unit; ++i) {
            ++unit;
        }
    }

    function _nodeSets() private view returns (NodeSet[] memory) {
        return ITopology(CORE.module(TOPOLOGY)).nodeSets();
    }

    /// @dev Returns a number of groups or places; a slot names each with 32 bits.
    function _slotParameter(bytes32 parameter) private view returns (uint256) {
        return CORE.naturalParameter(parameter).toUint32();
    }

    function _identity() private view returns (IIdentity) {
        return IIdentity(CORE.module(IDENTITY));
    }
}
