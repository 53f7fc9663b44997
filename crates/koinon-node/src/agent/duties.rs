//! What an operator owes its service besides its nodes: opening epochs when it is the beacon, and dealing.

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Epoch;
use koinon_trust::BeaconKey;

/// Blocks after which operators other than the beacon deal: they need not all pay for the same work.
const OTHERS_DEAL_AFTER: u64 = 8;

/// Opens the next epoch and deals it, as far as it is this operator's turn. Returns what was done, for the log.
pub(crate) async fn serve(
    contracts: &Contracts,
    operator: Address,
    key: &BeaconKey,
    head: Head,
) -> Result<Option<&'static str>, ChainError> {
    let view = contracts.at(head.block);
    let Some(latest) = view.latest_epoch().await? else { return Ok(None) };
    if !latest.dealt && latest.number > Epoch(0) {
        if latest.beacon != operator && head.block < latest.opened_at + OTHERS_DEAL_AFTER {
            return Ok(None);
        }
        contracts.deal().await?;
        return Ok(Some("dealt the epoch"));
    }
    let beacon = view.next_beacon().await?;
    if beacon.operator != operator || head.block + 1 < beacon.opens_at || beacon.key != key.public()
    {
        return Ok(None);
    }
    contracts.open_epoch(&beacon, key).await?;
    contracts.deal().await?;
    Ok(Some("opened and dealt the epoch"))
}
