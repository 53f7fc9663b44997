//! Bindings of the contracts, from the committed artifacts (`cargo xtask contracts` rebuilds them).
#![expect(clippy::too_many_arguments, reason = "generated from events with many fields")]

use alloy::sol;

sol!(
    #[sol(rpc, all_derives)]
    Blobs,
    "../../contracts/artifacts/Blobs.json"
);
// `Artifacts` is a plain module: its binding serves wherever only what all modules share is used.
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
