//! The Rust bindings of Koinon's contracts: calls, events, errors and creation code.
//!
//! In: the committed artifacts in `contracts/artifacts` (`cargo xtask contracts` rebuilds them).
//! Out: one module per contract, as `sol!` generates it. Left out on purpose: everything written by
//! hand, so that a change of the client (`koinon-chain`) does not compile the bindings again.
#![expect(clippy::too_many_arguments, reason = "generated from events with many fields")]

use alloy::sol;

sol!(
    #[sol(rpc, all_derives)]
    Blobs,
    "../../contracts/artifacts/Blobs.json"
);
// `Artifacts` adds nothing to the functions that all object modules share, so the client uses its
// binding for those functions of any of them.
sol!(
    #[sol(rpc, all_derives)]
    Artifacts,
    "../../contracts/artifacts/Artifacts.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Core,
    "../../contracts/artifacts/Core.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Governance,
    "../../contracts/artifacts/Governance.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Identity,
    "../../contracts/artifacts/Identity.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Mapper,
    "../../contracts/artifacts/Mapper.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Security,
    "../../contracts/artifacts/Security.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Stake,
    "../../contracts/artifacts/Stake.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Templates,
    "../../contracts/artifacts/Templates.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Timelock,
    "../../contracts/artifacts/Timelock.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Topology,
    "../../contracts/artifacts/Topology.json"
);
