// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The data that crosses contract boundaries
/// @notice Names of modules, parameters and node sets are short ASCII strings, left aligned in a bytes32.

/// @notice One object's edit: `path` gets the value whose keccak256 is `blob`; zero removes it.
/// @dev `was` is the blob the editor saw (zero: none). A mismatch reverts the whole change, so what was voted on is what
/// happens.
struct Edit {
    string path;
    bytes32 was;
    bytes32 blob;
}

/// @notice One object as stored: the blob it has and the revision that set it.
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

/// @notice Sets (`present`) or removes a typed parameter of Core: an integer input of the service template.
struct ParameterEdit {
    bytes32 name;
    int256 value;
    bool present;
}

/// @notice A set of equal nodes: `groups` and `size` name the Core parameters that hold the number of groups and the
/// number of places per group.
struct NodeSet {
    bytes32 name;
    bytes32 groups;
    bytes32 size;
}

/// @notice What a ban is about.
enum BanKind {
    /// @dev `subject` is keccak256 of the operator's name; all of its units.
    Operator,
    /// @dev `subject` is keccak256 of the operator's name; its unit number `unit`.
    Node,
    /// @dev `subject` is the SHA-256 fingerprint of a certificate.
    Credential
}

/// @notice Adds (`banned`) or lifts a ban.
struct Ban {
    BanKind kind;
    bytes32 subject;
    uint32 unit;
    bool banned;
}

/// @notice Who may update a module.
enum UpdateMode {
    /// @dev Only the timelock, after a vote.
    Governance,
    /// @dev The timelock, or any of a list of accounts.
    Admins
}

/// @notice Sets how `module` may be updated.
struct Permission {
    bytes32 module;
    UpdateMode mode;
    address[] admins;
}

/// @notice A change: everything one revision alters, applied whole or not at all.
/// @dev `sets` replaces the list of node sets when `replaceSets`; else it must be empty.
struct Change {
    ModuleEdits[] modules;
    ParameterEdit[] parameters;
    bool replaceSets;
    NodeSet[] sets;
    Ban[] bans;
    Permission[] permissions;
}

/// @notice An ECVRF proof (RFC 9381, secp256k1, SHA-256, try-and-increment) with the points that make it cheap to check:
/// U = s*B - c*Y, sH = s*H, cGamma = c*Gamma.
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

/// @notice What an operator's agent says of one of its nodes.
enum NodeState {
    Unknown,
    Starting,
    Running,
    Stopped,
    Failed
}
