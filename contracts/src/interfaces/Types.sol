// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The data that contracts hand to each other and to clients
/// @notice Names of modules, parameters and node sets are short ASCII strings, left aligned in a
/// bytes32.

/// @notice Sets or removes one object: `path` gets the value whose keccak256 is `blob`; zero
/// removes the object.
/// @dev `was` is the blob the editor saw (zero: no object). If the module holds another blob, the
/// whole change reverts: exactly what was voted on happens, or nothing.
struct Edit {
    string path;
    bytes32 was;
    bytes32 blob;
}

/// @notice One object as stored: its blob and the revision that set it.
struct Entry {
    string path;
    bytes32 blob;
    uint64 revision;
}

/// @notice The edits of one module.
struct ModuleEdits {
    bytes32 module;
    Edit[] edits;
}

/// @notice Sets (`present`) or removes a typed parameter of Core: an integer input of the service
/// template.
struct ParameterEdit {
    bytes32 name;
    int256 value;
    bool present;
}

/// @notice A set of equal nodes. `groups` and `size` are names of Core parameters: the number of
/// groups and the number of places per group.
struct NodeSet {
    bytes32 name;
    bytes32 groups;
    bytes32 size;
}

/// @notice The kind of a ban's subject.
enum BanKind {
    /// @dev Bans all units of an operator; `subject` is keccak256 of its name.
    Operator,
    /// @dev Bans the unit number `unit` of an operator; `subject` is keccak256 of its name.
    Node,
    /// @dev Bans a certificate; `subject` is its SHA-256 fingerprint.
    Credential
}

/// @notice Adds a ban, or lifts it if `banned` is false.
struct Ban {
    BanKind kind;
    bytes32 subject;
    uint32 unit;
    bool banned;
}

/// @notice The accounts that may update a module.
enum UpdateMode {
    /// @dev The timelock alone, after a vote.
    Governance,
    /// @dev The timelock and each account of a list.
    Admins
}

/// @notice Sets the accounts that may update `module`.
struct Permission {
    bytes32 module;
    UpdateMode mode;
    address[] admins;
}

/// @notice Everything that one revision alters; it is applied whole or not at all.
/// @dev If `replaceSets`, `sets` replaces the list of node sets; otherwise `sets` must be empty.
struct Change {
    ModuleEdits[] modules;
    ParameterEdit[] parameters;
    bool replaceSets;
    NodeSet[] sets;
    Ban[] bans;
    Permission[] permissions;
}

/// @notice An ECVRF proof (RFC 9381, secp256k1, SHA-256, try-and-increment), with three points that
/// make it cheap to check: U = s*B - c*Y, sH = s*H, cGamma = c*Gamma.
struct Proof {
    uint256 gammaX;
    uint256 gammaY;
    uint256 c;
    uint256 s;
    uint256 uX;
    uint256 uY;
    uint256 sHX;
    uint256 sHY;
    uint256 cGammaX;
    uint256 cGammaY;
}

/// @notice A node's state in its operator's report.
enum NodeState {
    Unknown,
    Starting,
    Running,
    Stopped,
    Failed
}
