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
/// @dev Powers: none. Anyone may begin, open with the beacon's proof, and deal; the contract checks all of it. A beacon that
/// stays silent holds the next epoch back: the one in force stays. Replacing Identity needs a new Mapper, which begins anew.
contract Mapper is IMapper {
    using Order for Order.Chunk[];
    using SafeCast for uint256;

    bytes32 private constant EPOCH_INTERVAL = "epoch_interval";

    ICore private immutable CORE;

    /// @dev The newest epoch, and the newest that is dealt. Epoch 0 is `begin`: dealt, without operators.
    uint64 private _latest;
    uint64 private _inForce;
    /// @dev The hash of the operator dealt last in the newest epoch.
    bytes32 private _lastHash;
    mapping(uint64 number => Epoch) private _epochs;
    mapping(uint64 number => Order.Chunk[]) private _orders;

    constructor(address core) {
        CORE = ICore(core);
    }

    /// @inheritdoc IMapper
    function begin() external {
        uint256 begun = _epochs[0].openedAt;
        bool silent = _latest == 0 && block.number >= begun + CORE.natural(EPOCH_INTERVAL);
        if (begun != 0 && !silent) revert MapperAlreadyBegun();
        IIdentity identity = _identity();
        uint256 count = identity.operatorCount();
        if (count == 0) revert MapperNoOperators();

        uint256 last = block.number - 1;
        bytes32 seed = keccak256(abi.encode(blockhash(last), address(this), block.chainid));
        address beacon = identity.operators(uint256(seed) % count, 1)[0];
        // Reverts if it joined in this block: its key would be unknown at the snapshot for ever.
        identity.beaconKeyAt(beacon, last);

        Epoch storage epoch = _epochs[0];
        epoch.openedAt = block.number.toUint64();
        epoch.snapshot = last.toUint64();
        epoch.dealt = true;
        epoch.beacon = beacon;
        epoch.seed = seed;

        emit Begun(seed, beacon);
    }

    /// @inheritdoc IMapper
    function open(Proof calldata proof) external {
        Epoch memory last = _begun();
        (address beacon, uint256 x, uint256 y) = _nextBeacon(last);
        uint256 opening = _opensAt(last);
        if (block.number < opening) revert MapperTooEarly(block.number, opening);
        (bool valid, bytes32 seed) = ECVRF.verify(proof, x, y, _alpha(last));
        if (!valid) revert MapperInvalidProof();

        // `begin` was not in block 0: it asked for a block before it.
        uint64 snapshot = last.openedAt - 1;
        uint64 number = last.number + 1;
        Epoch storage epoch = _epochs[number];
        epoch.number = number;
        epoch.openedAt = block.number.toUint64();
        epoch.snapshot = snapshot;
        epoch.members = _identity().operatorCountAt(snapshot).toUint32();
        epoch.beacon = beacon;
        epoch.seed = seed;
        _latest = number;
        _lastHash = 0;

        emit Opened(number, beacon, seed, snapshot);

        // With nobody to deal to, no chunk could finish the deal.
        if (epoch.members == 0) _finish(epoch);
    }

    /// @inheritdoc IMapper
    function deal(uint64 number, uint32 from, address[] calldata operators) external {
        _begun();
        Epoch storage epoch = _epochs[_latest];
        if (number != epoch.number) revert MapperWrongEpoch(number, epoch.number);
        if (epoch.dealt) revert MapperAlreadyDealt(number);
        if (operators.length == 0 || operators.length > Order.CHUNK_LIMIT) {
            revert MapperInvalidChunk(operators.length, Order.CHUNK_LIMIT);
        }
        uint32 dealt = epoch.operators;
        uint256 end = from + operators.length;
        if (from > dealt || end <= dealt) revert MapperUnexpectedChunk(from, dealt);
        if (end > epoch.members) revert MapperTooManyOperators(end, epoch.members);

        _append(epoch, operators[dealt - from:]);
        if (epoch.operators == epoch.members) _finish(epoch);
    }

    /// @inheritdoc IMapper
    function alpha() external view returns (bytes memory) {
        return _alpha(_begun());
    }

    /// @inheritdoc IMapper
    function nextBeacon() external view returns (address, uint256, uint256) {
        return _nextBeacon(_begun());
    }

    /// @inheritdoc IMapper
    function opensAt() external view returns (uint256) {
        return _opensAt(_begun());
    }

    /// @inheritdoc IMapper
    function latest() external view returns (Epoch memory) {
        return _epochs[_latest];
    }

    /// @inheritdoc IMapper
    function current() external view returns (Epoch memory) {
        return _epochs[_inForce];
    }

    /// @inheritdoc IMapper
    function order(bool inForce, uint256 start, uint256 limit)
        external
        view
        returns (address[] memory, uint32[] memory)
    {
        return _orders[inForce ? _inForce : _latest].page(start, limit);
    }

    /// @inheritdoc IMapper
    function operatorOf(bytes32 set, uint32 group, uint32 place)
        external
        view
        returns (address operator, uint32 unit)
    {
        uint64 number = _inForce;
        bytes32 seed = _epochs[number].seed;
        (uint256 pick, uint256 slots) = _pickOf(set, group, place, seed);
        (bool filled, uint256 dealt) = Deal.unitOf(pick, slots, _epochs[number].units, seed);
        if (!filled) return (address(0), 0);

        uint256 index;
        (operator, index) = _orders[number].find(dealt);
        unit = _skipBanned(operator, index).toUint32();
    }

    /// @inheritdoc IMapper
    function totals() external view returns (uint256 slots, uint256 units) {
        NodeSet[] memory sets = _nodeSets();
        for (uint256 i = 0; i < sets.length; ++i) {
            slots += _natural(sets[i].groups) * _natural(sets[i].size);
        }
        units = _epochs[_inForce].units;
    }

    function _append(Epoch storage epoch, address[] calldata operators) private {
        bytes32 seed = epoch.seed;
        bytes32 last = _lastHash;
        for (uint256 i = 0; i < operators.length; ++i) {
            bytes32 hash = keccak256(abi.encodePacked(seed, operators[i]));
            if (hash <= last) revert MapperNotAscending(operators[i]);
            last = hash;
        }
        uint32[] memory units = _identity().unitsAt(operators, epoch.snapshot);

        uint32 from = epoch.operators;
        Order.Chunk memory chunk = _orders[epoch.number].append(operators, units);
        epoch.operators = chunk.operators;
        epoch.units = chunk.units;
        _lastHash = last;

        emit Chunk(epoch.number, from, chunk.operators - from, chunk.pointer);
    }

    function _finish(Epoch storage epoch) private {
        epoch.dealt = true;
        _inForce = epoch.number;

        emit Dealt(epoch.number, epoch.operators, epoch.units);
    }

    function _begun() private view returns (Epoch memory epoch) {
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
        if (epoch.units != 0) {
            uint256 draw = uint256(keccak256(abi.encodePacked(epoch.seed, "beacon")));
            (beacon,) = _orders[epoch.number].find(draw % epoch.units);
        }
        (x, y) = _identity().beaconKeyAt(beacon, epoch.snapshot);
    }

    function _opensAt(Epoch memory epoch) private view returns (uint256) {
        // Nothing is dealt in epoch 0: there is nothing to wait for.
        return epoch.number == 0 ? epoch.openedAt : epoch.openedAt + CORE.natural(EPOCH_INTERVAL);
    }

    function _alpha(Epoch memory epoch) private view returns (bytes memory) {
        return abi.encodePacked(
            "koinon epoch", block.chainid, address(CORE), epoch.number + 1, epoch.seed
        );
    }

    /// @dev The slot's number among all `slots`.
    function _pickOf(bytes32 set, uint32 group, uint32 place, bytes32 seed)
        private
        view
        returns (uint256 pick, uint256 slots)
    {
        bool found;
        NodeSet[] memory sets = _nodeSets();
        for (uint256 i = 0; i < sets.length; ++i) {
            uint256 groups = _natural(sets[i].groups);
            uint256 size = _natural(sets[i].size);
            if (sets[i].name == set && group < groups && place < size) {
                found = true;
                pick = slots + place * groups + Deal.unshuffled(seed, set, groups, group);
            }
            slots += groups * size;
        }
        if (!found) revert MapperNoSlot(set, group, place);
    }

    /// @dev The number of the operator's unit that has `index` units before it which are not banned.
    function _skipBanned(address operator, uint256 index) private view returns (uint256 unit) {
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

    /// @dev A number of groups or places; slots are named by 32 bits.
    function _natural(bytes32 parameter) private view returns (uint256) {
        return CORE.natural(parameter).toUint32();
    }

    function _identity() private view returns (IIdentity) {
        return IIdentity(CORE.module(IDENTITY));
    }
}
