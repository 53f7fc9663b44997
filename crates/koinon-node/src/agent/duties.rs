//! An operator's duties besides its nodes: to open epochs when it is the beacon, and to deal them.

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Epoch;
use koinon_trust::BeaconKey;

/// Blocks after an epoch opened from which operators other than its beacon deal it: earlier, all of
/// them would pay for the same work.
const OTHERS_DEAL_AFTER: u64 = 8;

/// Opens the next epoch, if this operator is its beacon, and deals it. Returns a description for
/// the log, or `None` if there is nothing to do.
pub(crate) async fn advance_epoch(
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

#[cfg(test)]
mod tests {
    use alloy::providers::mock::Asserter;
    use alloy_primitives::B256;
    use alloy_primitives::U256;
    use alloy_primitives::hex;

    use super::*;
    use crate::fixtures::OTHER;
    use crate::fixtures::contracts;
    use crate::fixtures::operator;
    use crate::fixtures::signer;

    fn encode(words: &[B256]) -> String {
        hex::encode_prefixed(words.iter().flat_map(|word| word.0).collect::<Vec<u8>>())
    }

    /// Encodes `Mapper.Epoch`: number, openedAt, snapshot, snapshotOperators, dealtOperators,
    /// dealtUnits, dealt, beacon and seed.
    fn epoch(number: u64, opened_at: u64, dealt: bool, beacon: Address) -> String {
        let zero = B256::ZERO;
        let word = |number: u64| B256::from(U256::from(number));
        let words = [
            word(number),
            word(opened_at),
            zero,
            zero,
            zero,
            zero,
            word(dealt.into()),
            beacon.into_word(),
            zero,
        ];
        encode(&words)
    }

    /// Advances the epoch on a chain that answers with `answers` and then not at all. Returns what
    /// was done, or whether more was asked of the chain.
    async fn advance(block: u64, answers: &[String]) -> Result<Option<&'static str>, ()> {
        let asserter = Asserter::new();
        let contracts = contracts(&asserter, Some(signer())).await;
        for answer in answers {
            asserter.push_success(answer);
        }
        let key = BeaconKey::from_bytes(&[1; 32]).unwrap();
        let head = Head { block, revision: Default::default(), epoch: Epoch(0) };
        advance_epoch(&contracts, operator(), &key, head).await.map_err(|error| {
            assert!(error.is_unreachable(), "{error}");
        })
    }

    #[tokio::test]
    async fn an_epoch_is_dealt_by_its_beacon_at_once_and_by_others_after_eight_blocks() {
        let me = operator();
        // The newest epoch, the block, and whether more is asked of the chain.
        let cases = [
            (epoch(0, 0, false, OTHER), 10, false),
            (epoch(1, 10, false, OTHER), 10, false),
            (epoch(1, 10, false, OTHER), 17, false),
            (epoch(1, 10, false, OTHER), 18, true),
            (epoch(1, 10, false, me), 10, true),
        ];
        for (latest, block, asks) in cases {
            let expected = if asks { Err(()) } else { Ok(None) };
            assert_eq!(
                advance(block, std::slice::from_ref(&latest)).await,
                expected,
                "{block} {latest}"
            );
        }
    }

    #[tokio::test]
    async fn an_epoch_is_opened_by_its_beacon_from_the_block_before_it_can_open() {
        let me = operator();
        let key = |secret: u8| BeaconKey::from_bytes(&[secret; 32]).unwrap().public();
        // The operator and the key of the beacon, the block, and whether more is asked.
        let cases =
            [(me, 1, 19, true), (me, 1, 18, false), (OTHER, 1, 19, false), (me, 2, 19, false)];
        for (operator, secret, block, asks) in cases {
            let [x, y] = key(secret).coordinates();
            let beacon = [operator.into_word(), x.into(), y.into()];
            // `bytes` of length 0, at offset 32.
            let alpha = [B256::from(U256::from(32)), B256::ZERO];
            let opens_at = B256::from(U256::from(20));
            let answers =
                [epoch(1, 10, true, OTHER), encode(&beacon), encode(&alpha), encode(&[opens_at])];
            let expected = if asks { Err(()) } else { Ok(None) };
            assert_eq!(advance(block, &answers).await, expected, "{operator} {secret} {block}");
        }
    }
}
