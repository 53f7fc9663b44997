// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proof} from "./Types.sol";

/// @title Epochs and the allocation: slot -> operator
/// @notice The deal, for seed S and the operators active at the epoch's snapshot block:
/// order: ascending keccak256(abi.encodePacked(S, operator)); P: prefix sums of their units; U: all
/// units.
/// r = uint256(keccak256(abi.encodePacked(S, "offset"))) % U. N: places of all node sets together.
/// Pick k of N takes unit floor((k*U + r) / N) if U >= N, else unit k, and is vacant for k >= U.
/// Sets are numbered one after the other; pick k counted within its set is place k / groups of
/// group sigma(k % groups), with sigma the Fisher-Yates shuffle of 0..groups: for i from groups-1
/// down to 1 swap i with uint256(keccak256(abi.encodePacked(S, set name, uint32(i)))) % (i+1).
/// N, groups and sizes are read now (Core parameters), so a change of the topology needs no new
/// deal.
/// @dev Warning: the snapshot is one epoch old. Epoch e deals with the operators and stakes of the
/// block before epoch e-1 opened; an operator that joins now is dealt to in the second epoch from
/// now at the earliest.
/// @dev Warning: a beacon that stays silent holds the next epoch back without limit. The epoch in
/// force stays in force; `begin` can replace the beacon of epoch 1 only.
interface IMapper {
    /// @notice An epoch. Number 0 is made by `begin`: dealt, without operators.
    /// @param openedAt the block that opened it
    /// @param snapshot the block whose operators and stakes it deals with
    /// @param snapshotOperators number of operators active at the snapshot: the deal must name them
    /// all
    /// @param dealtOperators number of operators dealt so far
    /// @param dealtUnits sum of their units
    /// @param dealt whether the deal is finished
    /// @param beacon the operator that proved its seed
    struct Epoch {
        uint64 number;
        uint64 openedAt;
        uint64 snapshot;
        uint32 snapshotOperators;
        uint32 dealtOperators;
        uint64 dealtUnits;
        bool dealt;
        address beacon;
        bytes32 seed;
    }

    /// @notice Epoch 0 was made, or made again: its seed was fixed and the beacon of epoch 1 drawn.
    event EpochsBegun(bytes32 seed, address indexed beacon);
    /// @notice An epoch opened: its beacon proved the seed. Its deal follows.
    event EpochOpened(uint64 indexed epoch, address indexed beacon, bytes32 seed, uint64 snapshot);
    /// @notice The next operators of the order were dealt.
    /// @param from index of the first of them in the order
    /// @param operators number of them
    /// @param pointer the contract whose code holds their records
    event ChunkDealt(uint64 indexed epoch, uint32 from, uint32 operators, address pointer);
    /// @notice The deal was finished: the epoch is in force.
    /// @param operators number of operators in the deal
    /// @param units sum of their units
    event EpochDealt(uint64 indexed epoch, uint32 operators, uint64 units);

    /// @notice The epochs have begun, and the beacon of epoch 1 was not silent for `epoch_interval`
    /// blocks.
    error MapperAlreadyBegun();
    /// @notice The epochs have not begun; see `begin`.
    error MapperNotBegun();
    /// @notice No operator is active, so there is nobody to draw a beacon from.
    error MapperNoOperators();
    /// @notice It is block `blockNumber`; the next epoch can open from block `opensAt`.
    error MapperTooEarly(uint256 blockNumber, uint256 opensAt);
    /// @notice The deal of `epoch` must be finished first.
    error MapperDealUnfinished(uint64 epoch);
    /// @notice The proof is not the one that `beacon` makes with its key for `epoch`.
    error MapperInvalidProof(uint64 epoch, address beacon);
    /// @notice The chunk is for epoch `given`; the epoch that is dealt is `latest`.
    error MapperWrongEpoch(uint64 given, uint64 latest);
    /// @notice The deal of `epoch` is finished already.
    error MapperAlreadyDealt(uint64 epoch);
    /// @notice The chunk starts at index `given`, beyond the next operator of the order,
    /// `expected`, or ends before it.
    error MapperUnexpectedChunk(uint32 given, uint32 expected);
    /// @notice The chunk has no operators, or more than `limit`.
    error MapperInvalidChunk(uint256 operators, uint256 limit);
    /// @notice The hash of `operator` is not above the hash of the operator before it.
    error MapperNotAscending(address operator);
    /// @notice With the chunk, `given` operators would be dealt; the snapshot has
    /// `snapshotOperators`.
    error MapperTooManyOperators(uint256 given, uint256 snapshotOperators);
    /// @notice The service has no such set, group or place.
    error MapperUnknownSlot(bytes32 set, uint32 group, uint32 place);

    /// @notice Fixes seed 0 = keccak256(abi.encode(blockhash(block.number - 1), address(this),
    /// chainid)) and draws the first beacon among the operators active now (index seed 0 % count).
    /// It works once, and again only if that operator let `epoch_interval` blocks pass without
    /// opening epoch 1. Reverts with IdentityNoBeaconKey if that operator joined in this very
    /// block: its key must be known at the snapshot.
    /// @dev Warning: the caller chooses the block, and the block's producer its hash. Seed 0 deals
    /// nothing.
    function begin() external;
    /// @notice Opens the next epoch with the proof of its beacon over `alpha()`; the seed is the
    /// proof's output. Anyone may send it. The epoch's snapshot is the block before its predecessor
    /// opened (for epoch 1: before `begin`), when neither this seed nor the one before it was known
    /// to anyone who could still act on it. Without operators at the snapshot the deal is finished
    /// at once.
    function open(Proof calldata proof) external;
    /// @notice Deals the next operators of the order. Anyone may call; the contract checks
    /// everything. Operators that are dealt already are skipped, so nobody can make a chunk fail by
    /// dealing part of it first.
    /// @dev Warning: units are read when they are dealt. An operator that left or was banned since
    /// the epoch opened gets none, and a change of `stake_threshold` between two chunks counts for
    /// the second one.
    /// @param from index in the order of the first operator given
    function deal(uint64 epoch, uint32 from, address[] calldata operators) external;

    /// @notice Returns the message that the next epoch's beacon proves:
    /// abi.encodePacked("koinon epoch", chainid, core, uint64 next epoch, seed).
    function alpha() external view returns (bytes memory);
    /// @notice Returns the operator that must prove the next epoch's seed, and the VRF key it must
    /// use. It is the owner of unit uint256(keccak256(abi.encodePacked(seed, "beacon"))) % U of the
    /// newest deal, with its key at that deal's snapshot (for epoch 1: drawn by `begin`, key at its
    /// snapshot; if nobody has units the last beacon serves again). Reverts with
    /// MapperDealUnfinished while that deal is not finished.
    function nextBeacon() external view returns (address beacon, uint256 x, uint256 y);
    /// @notice Returns the block from which the next epoch may open: `epoch_interval` blocks after
    /// the newest; epoch 1 at once.
    function opensAt() external view returns (uint256);
    /// @notice Returns the newest epoch, dealt or not; number 0 before epoch 1 opens.
    function latestEpoch() external view returns (Epoch memory);
    /// @notice Returns the epoch in force: the newest whose deal is finished. Number 0 allocates
    /// nothing.
    function currentEpoch() external view returns (Epoch memory);
    /// @notice Returns the order of the newest epoch as far as it is dealt: up to `limit` operators
    /// from index `start`. `units[i]` are those of `operators[i]`, as they were when dealt.
    function latestOrder(uint256 start, uint256 limit)
        external
        view
        returns (address[] memory operators, uint32[] memory units);
    /// @notice Returns the order of the epoch in force: up to `limit` operators from index `start`.
    /// `units[i]` are those of `operators[i]`, as they were when dealt.
    function currentOrder(uint256 start, uint256 limit)
        external
        view
        returns (address[] memory operators, uint32[] memory units);
    /// @notice Returns the operator of a slot in force and the number of its unit that backs the
    /// node; zero if the slot is vacant. The operator's unit with index j in the deal is its j-th
    /// unit that is not banned now (both from 0).
    /// @dev Warning: a ban changes the unit numbers at once, but the operator of a slot only with
    /// the next deal.
    function operatorOf(bytes32 set, uint32 group, uint32 place)
        external
        view
        returns (address operator, uint32 unit);
    /// @notice Returns the number of slots now and the number of units in force.
    function totals() external view returns (uint256 slots, uint256 units);
}
