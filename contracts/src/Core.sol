// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {EnumerableMap} from "@openzeppelin/contracts/utils/structs/EnumerableMap.sol";

import {Module} from "./Module.sol";
import {IBlobs} from "./interfaces/IBlobs.sol";
import {ICore} from "./interfaces/ICore.sol";
import {IModule} from "./interfaces/IModule.sol";
import {ISecurity} from "./interfaces/ISecurity.sol";
import {ITopology} from "./interfaces/ITopology.sol";
import {Change, ModuleEdits, ParameterEdit} from "./interfaces/Types.sol";
import {
    ARTIFACTS,
    CORE,
    IDENTITY,
    SECURITY,
    TEMPLATES,
    TIMELOCK,
    TOPOLOGY
} from "./libraries/Names.sol";

/// @notice The root of one service.
/// @dev Powers: the timelock may update everything and replace any module but Core (`setModule`);
/// it alone sets permissions. An account that Security authorizes for a module may update that
/// module (`update`). The creator holds no power.
contract Core is Module, ICore {
    using EnumerableMap for EnumerableMap.Bytes32ToAddressMap;
    using EnumerableMap for EnumerableMap.Bytes32ToUintMap;

    /// @dev `parameters` returns all in one call. Each is an input of one service template.
    uint256 private constant PARAMETERS_LIMIT = 256;
    /// @dev `modules` returns all in one call.
    uint256 private constant MODULES_LIMIT = 64;

    IBlobs private immutable BLOBS;

    string private _name;
    uint64 private _revision;
    EnumerableMap.Bytes32ToAddressMap private _modules;
    /// @dev Values are int256 in two's complement.
    EnumerableMap.Bytes32ToUintMap private _parameters;

    /// @dev The creator will deploy the modules `names` at `addresses`, which follow from its
    /// nonce. So nobody ever holds a power to complete the service. Core adds itself as `core`.
    constructor(
        string memory serviceName,
        IBlobs blobStore,
        bytes32[] memory names,
        address[] memory addresses
    ) Module(address(this)) {
        if (names.length != addresses.length) {
            revert CoreModulesMismatch(names.length, addresses.length);
        }

        BLOBS = blobStore;
        _name = serviceName;
        _register(CORE, address(this));
        for (uint256 i = 0; i < names.length; ++i) {
            if (names[i] == 0 || addresses[i] == address(0) || _modules.contains(names[i])) {
                revert CoreInvalidModule(names[i], addresses[i]);
            }
            _register(names[i], addresses[i]);
        }
        if (!_modules.contains(TIMELOCK)) revert CoreMissingModule(TIMELOCK);
        if (!_modules.contains(SECURITY)) revert CoreMissingModule(SECURITY);

        emit ServiceCreated(serviceName, msg.sender);
    }

    /// @inheritdoc ICore
    function update(Change calldata change) external returns (uint64 newRevision) {
        _checkChange(change);
        _requireAuthorizedChange(change);

        newRevision = ++_revision;
        for (uint256 i = 0; i < change.parameters.length; ++i) {
            _applyParameter(change.parameters[i], newRevision);
        }

        emit ServiceUpdated(newRevision, msg.sender);

        _dispatch(change, newRevision);
    }

    /// @inheritdoc ICore
    function setModule(bytes32 moduleName, address newModule) external {
        if (msg.sender != _modules.get(TIMELOCK)) revert CoreUnauthorized(msg.sender, moduleName);
        if (moduleName == 0 || moduleName == CORE || newModule.code.length == 0) {
            revert CoreInvalidModule(moduleName, newModule);
        }
        if (_holdsObjects(moduleName) && IModule(newModule).core() != address(this)) {
            revert CoreInvalidModule(moduleName, newModule);
        }

        _register(moduleName, newModule);
        // The new module may hold other content, so the revision rises and readers look again.
        uint64 newRevision = ++_revision;

        emit ServiceUpdated(newRevision, msg.sender);

        // This call comes last because it asks the new Security, about the new timelock: either may
        // just have been replaced.
        address timelock = _modules.get(TIMELOCK);
        if (!_isAuthorized(timelock, CORE)) revert CoreTimelockLockedOut(timelock);
    }

    /// @inheritdoc ICore
    function name() external view returns (string memory) {
        return _name;
    }

    /// @inheritdoc ICore
    function revision() external view returns (uint64) {
        return _revision;
    }

    /// @inheritdoc ICore
    function blobs() external view returns (IBlobs) {
        return BLOBS;
    }

    /// @inheritdoc ICore
    function module(bytes32 moduleName) external view returns (address found) {
        (, found) = _modules.tryGet(moduleName);
    }

    /// @inheritdoc ICore
    function modules() external view returns (bytes32[] memory names, address[] memory addresses) {
        names = _modules.keys();
        addresses = new address[](names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            addresses[i] = _modules.get(names[i]);
        }
    }

    /// @inheritdoc ICore
    function parameter(bytes32 parameterName) external view returns (int256) {
        return _parameter(parameterName);
    }

    /// @inheritdoc ICore
    function naturalParameter(bytes32 parameterName) external view returns (uint256) {
        int256 value = _parameter(parameterName);
        if (value < 0) revert CoreNegativeParameter(parameterName, value);
        // value >= 0.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint256(value);
    }

    /// @inheritdoc ICore
    function parameters() external view returns (bytes32[] memory names, int256[] memory values) {
        names = _parameters.keys();
        values = new int256[](names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            values[i] = _parameter(names[i]);
        }
    }

    function _checkChange(Change calldata change) private view {
        if (!change.replaceSets && change.sets.length != 0) {
            revert CoreUnexpectedSets(change.sets.length);
        }
        bool empty = change.modules.length == 0 && change.parameters.length == 0
            && !change.replaceSets && change.bans.length == 0 && change.permissions.length == 0;
        if (empty) revert CoreEmptyChange();
        for (uint256 i = 0; i < change.modules.length; ++i) {
            ModuleEdits calldata edits = change.modules[i];
            if (edits.edits.length == 0) revert CoreEmptyEdits(edits.module);
            if (!_holdsObjects(edits.module)) revert CoreUnknownModule(edits.module);
            _requireKnownModule(edits.module);
        }
        if (change.replaceSets) _requireKnownModule(TOPOLOGY);
    }

    function _requireAuthorizedChange(Change calldata change) private view {
        for (uint256 i = 0; i < change.modules.length; ++i) {
            _requireAuthorized(change.modules[i].module);
        }
        if (change.parameters.length != 0) _requireAuthorized(CORE);
        if (change.replaceSets) _requireAuthorized(TOPOLOGY);
        if (change.bans.length != 0) _requireAuthorized(SECURITY);
        if (change.permissions.length != 0 && msg.sender != _modules.get(TIMELOCK)) {
            revert CoreUnauthorized(msg.sender, SECURITY);
        }
    }

    function _dispatch(Change calldata change, uint64 newRevision) private {
        for (uint256 i = 0; i < change.modules.length; ++i) {
            ModuleEdits calldata edits = change.modules[i];
            if (edits.module == CORE) _applyEdits(edits.edits, newRevision);
            else IModule(_modules.get(edits.module)).applyEdits(edits.edits, newRevision);
        }
        if (change.replaceSets) {
            ITopology(_modules.get(TOPOLOGY)).applySets(change.sets, newRevision);
        }
        if (change.bans.length != 0 || change.permissions.length != 0) {
            ISecurity(_modules.get(SECURITY))
                .applySecurity(change.bans, change.permissions, newRevision);
        }
    }

    function _applyParameter(ParameterEdit calldata edit, uint64 newRevision) private {
        if (edit.name == 0) revert CoreUnknownParameter(edit.name);
        if (edit.present) {
            if (_parameters.length() == PARAMETERS_LIMIT && !_parameters.contains(edit.name)) {
                revert CoreTooManyParameters(PARAMETERS_LIMIT);
            }
            // Same 256 bits: `_parameter` turns them back.
            // forge-lint: disable-next-line(unsafe-typecast)
            _parameters.set(edit.name, uint256(edit.value));
        } else if (!_parameters.remove(edit.name)) {
            revert CoreUnknownParameter(edit.name);
        }

        emit ParameterChanged(edit.name, edit.value, edit.present, newRevision);
    }

    function _register(bytes32 moduleName, address newModule) private {
        if (_modules.length() == MODULES_LIMIT && !_modules.contains(moduleName)) {
            revert CoreTooManyModules(MODULES_LIMIT);
        }

        _modules.set(moduleName, newModule);

        emit ModuleRegistered(moduleName, newModule);
    }

    function _requireAuthorized(bytes32 moduleName) private view {
        if (!_isAuthorized(msg.sender, moduleName)) {
            revert CoreUnauthorized(msg.sender, moduleName);
        }
    }

    function _isAuthorized(address account, bytes32 moduleName) private view returns (bool) {
        return ISecurity(_modules.get(SECURITY)).authorized(account, moduleName);
    }

    function _parameter(bytes32 parameterName) private view returns (int256) {
        (bool present, uint256 value) = _parameters.tryGet(parameterName);
        if (!present) revert CoreUnknownParameter(parameterName);
        // Same 256 bits: `_applyParameter` stored them.
        // forge-lint: disable-next-line(unsafe-typecast)
        return int256(value);
    }

    function _requireKnownModule(bytes32 moduleName) private view {
        if (!_modules.contains(moduleName)) revert CoreUnknownModule(moduleName);
    }

    /// @dev Core and the contracts derived from Module: the modules whose objects a change can
    /// edit.
    function _holdsObjects(bytes32 moduleName) private pure returns (bool) {
        return moduleName == CORE || moduleName == IDENTITY || moduleName == ARTIFACTS
            || moduleName == TOPOLOGY || moduleName == TEMPLATES || moduleName == SECURITY;
    }
}
