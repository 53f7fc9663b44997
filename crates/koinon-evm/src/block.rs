//! A block as the chain keeps it: header, transactions with their senders, receipts.

use alloy::consensus::BlockHeader as _;
use alloy::consensus::EMPTY_OMMER_ROOT_HASH;
use alloy::consensus::Eip658Value;
use alloy::consensus::Header;
use alloy::consensus::ReceiptEnvelope;
use alloy::consensus::Sealed;
use alloy::consensus::Transaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::TxReceipt as _;
use alloy::consensus::constants::EMPTY_WITHDRAWALS;
use alloy::consensus::proofs;
use alloy::consensus::transaction::Recovered;
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::rpc::types as rpc;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::Bloom;
use alloy_primitives::Bytes;
use alloy_primitives::Log;
use alloy_primitives::U256;
use alloy_primitives::keccak256;
use alloy_rlp::Decodable;
use alloy_rlp::Encodable;
use alloy_rlp::RlpDecodable;
use alloy_rlp::RlpEncodable;

/// Wei per gas that every transaction pays, in every block. There is no market for gas; a fee of 0
/// would make clients take the chain for one before EIP-1559.
pub(crate) const BASE_FEE: u64 = 1;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: Sealed<Header>,
    pub(crate) txs: Vec<Recovered<TxEnvelope>>,
    pub(crate) receipts: Vec<Receipt>,
}

/// The result of one transaction, besides the state.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Receipt {
    pub(crate) success: bool,
    pub(crate) gas_used: u64,
    /// The address of a created contract, or no bytes.
    contract: Bytes,
    pub(crate) logs: Vec<Log>,
}

impl Receipt {
    pub(crate) fn new(
        success: bool,
        gas_used: u64,
        contract: Option<Address>,
        logs: Vec<Log>,
    ) -> Self {
        let contract = contract.map_or_else(Bytes::new, |address| address.into_array().into());
        Self { success, gas_used, contract, logs }
    }

    pub(crate) fn contract(&self) -> Option<Address> {
        Address::try_from(self.contract.as_ref()).ok()
    }
}

/// The fields of a header that do not follow from its transactions.
#[derive(Debug)]
pub(crate) struct HeaderParts {
    pub(crate) parent_hash: B256,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) gas_limit: u64,
    pub(crate) beneficiary: Address,
    pub(crate) state_root: B256,
    pub(crate) extra_data: Bytes,
}

/// Returns PREVRANDAO of a block: a hash of its parent and number. It is predictable, so no source
/// of randomness.
pub(crate) fn prevrandao(parent_hash: B256, number: u64) -> B256 {
    let mut preimage = b"koinon-evm prevrandao".to_vec();
    preimage.extend_from_slice(parent_hash.as_slice());
    preimage.extend_from_slice(&number.to_be_bytes());
    keccak256(preimage)
}

impl Block {
    /// Seals a block, computing roots, bloom and hash.
    pub(crate) fn seal(
        parts: HeaderParts,
        txs: Vec<Recovered<TxEnvelope>>,
        receipts: Vec<Receipt>,
    ) -> Self {
        let mut cumulative = 0;
        let mut logs_bloom = Bloom::ZERO;
        let mut envelopes = Vec::with_capacity(receipts.len());
        for (tx, receipt) in txs.iter().zip(&receipts) {
            cumulative += receipt.gas_used;
            let envelope = receipt_envelope(tx, receipt, cumulative, receipt.logs.clone());
            logs_bloom |= envelope.bloom();
            envelopes.push(envelope);
        }
        let header = Header {
            parent_hash: parts.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: parts.beneficiary,
            state_root: parts.state_root,
            transactions_root: proofs::calculate_transaction_root(&txs),
            receipts_root: proofs::calculate_receipt_root(&envelopes),
            logs_bloom,
            number: parts.number,
            gas_limit: parts.gas_limit,
            gas_used: cumulative,
            timestamp: parts.timestamp,
            extra_data: parts.extra_data,
            mix_hash: prevrandao(parts.parent_hash, parts.number),
            base_fee_per_gas: Some(BASE_FEE),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        let hash = header.hash_slow();
        Self { header: Sealed::new_unchecked(header, hash), txs, receipts }
    }

    pub(crate) fn number(&self) -> u64 {
        self.header.number
    }

    pub(crate) fn hash(&self) -> B256 {
        self.header.seal()
    }

    /// Returns the logs at some positions, ascending, as JSON-RPC shows them.
    pub(crate) fn rpc_logs(&self, wanted: impl IntoIterator<Item = usize>) -> Vec<rpc::Log> {
        let mut wanted = wanted.into_iter().peekable();
        let logs = self.receipts.iter().enumerate();
        let logs = logs.flat_map(|(tx, receipt)| receipt.logs.iter().map(move |log| (tx, log)));
        logs.enumerate()
            .filter(|(index, _)| wanted.next_if_eq(index).is_some())
            .map(|(index, (tx, log))| self.rpc_log(tx, index, log.clone()))
            .collect()
    }

    fn rpc_log(&self, tx: usize, index: usize, inner: Log) -> rpc::Log {
        rpc::Log {
            inner,
            block_hash: Some(self.hash()),
            block_number: Some(self.number()),
            block_timestamp: Some(self.header.timestamp),
            transaction_hash: self.txs.get(tx).map(|tx| *tx.tx_hash()),
            transaction_index: Some(tx as u64),
            log_index: Some(index as u64),
            removed: false,
        }
    }

    /// Returns the transaction at a position, as JSON-RPC shows it.
    pub(crate) fn rpc_tx(&self, index: usize) -> Option<rpc::Transaction> {
        let tx = self.txs.get(index)?;
        Some(rpc::Transaction {
            inner: tx.clone(),
            block_hash: Some(self.hash()),
            block_number: Some(self.number()),
            transaction_index: Some(index as u64),
            effective_gas_price: Some(tx.effective_gas_price(self.header.base_fee_per_gas())),
            block_timestamp: Some(self.header.timestamp),
        })
    }

    /// Returns the receipt at a position, as JSON-RPC shows it.
    pub(crate) fn rpc_receipt(&self, index: usize) -> Option<rpc::TransactionReceipt> {
        let tx = self.txs.get(index)?;
        let receipt = self.receipts.get(index)?;
        let before = &self.receipts[..index];
        let first_log: usize = before.iter().map(|receipt| receipt.logs.len()).sum();
        let cumulative = before.iter().map(|r| r.gas_used).sum::<u64>() + receipt.gas_used;
        let logs = receipt.logs.iter().enumerate();
        let logs = logs.map(|(i, log)| self.rpc_log(index, first_log + i, log.clone())).collect();
        Some(rpc::TransactionReceipt {
            inner: receipt_envelope(tx, receipt, cumulative, logs),
            transaction_hash: *tx.tx_hash(),
            transaction_index: Some(index as u64),
            block_hash: Some(self.hash()),
            block_number: Some(self.number()),
            gas_used: receipt.gas_used,
            effective_gas_price: tx.effective_gas_price(self.header.base_fee_per_gas()),
            blob_gas_used: None,
            blob_gas_price: None,
            from: tx.signer(),
            to: tx.to(),
            contract_address: receipt.contract(),
        })
    }

    /// Returns the header as JSON-RPC shows it in a block or a `newHeads` notice.
    pub(crate) fn rpc_header(&self) -> rpc::Header {
        rpc::Header {
            hash: self.hash(),
            inner: self.header.inner().clone(),
            total_difficulty: None,
            size: Some(U256::from(self.size())),
        }
    }

    /// Returns the length of the block as the network would encode it: header, transactions, no
    /// ommers, no withdrawals.
    fn size(&self) -> usize {
        let list = |len: usize| len + alloy_rlp::length_of_length(len);
        let txs: usize = self.txs.iter().map(|tx| tx.inner().length()).sum();
        list(self.header.inner().length() + list(txs) + list(0) + list(0))
    }
}

fn receipt_envelope<L: AsRef<Log>>(
    tx: &TxEnvelope,
    receipt: &Receipt,
    cumulative_gas_used: u64,
    logs: Vec<L>,
) -> ReceiptEnvelope<L> {
    let logs_bloom = receipt.logs.iter().collect();
    let receipt = alloy::consensus::Receipt {
        status: Eip658Value::Eip658(receipt.success),
        cumulative_gas_used,
        logs,
    };
    let with_bloom = alloy::consensus::ReceiptWithBloom { receipt, logs_bloom };
    ReceiptEnvelope::from_typed(tx.tx_type(), with_bloom)
}

/// A transaction with its sender, so that reading it back costs no signature recovery.
#[derive(Debug)]
struct SignedBy<'a>(&'a Recovered<TxEnvelope>);

impl Encodable for SignedBy<'_> {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        self.0.signer().encode(out);
        self.0.inner().encode(out);
    }

    fn length(&self) -> usize {
        self.0.signer().length() + self.0.inner().length()
    }
}

/// Encodes a transaction together with its sender.
pub(crate) fn encode_recovered(tx: &Recovered<TxEnvelope>) -> Vec<u8> {
    alloy_rlp::encode(SignedBy(tx))
}

/// Reads what [`encode_recovered`] wrote.
pub(crate) fn decode_recovered(buf: &mut &[u8]) -> alloy_rlp::Result<Recovered<TxEnvelope>> {
    let signer = Address::decode(buf)?;
    let tx = TxEnvelope::decode(buf)?;
    Ok(Recovered::new_unchecked(tx, signer))
}

#[derive(RlpEncodable, RlpDecodable)]
struct BlockRecord {
    header: Header,
    txs: Vec<Bytes>,
    receipts: Vec<Receipt>,
}

impl Encodable for Block {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        let txs = self.txs.iter().map(|tx| encode_recovered(tx).into()).collect();
        let receipts = self.receipts.clone();
        BlockRecord { header: self.header.inner().clone(), txs, receipts }.encode(out);
    }
}

impl Decodable for Block {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let BlockRecord { header, txs, receipts } = BlockRecord::decode(buf)?;
        let txs = txs
            .iter()
            .map(|bytes| decode_recovered(&mut bytes.as_ref()))
            .collect::<alloy_rlp::Result<Vec<_>>>()?;
        if txs.len() != receipts.len() {
            return Err(alloy_rlp::Error::Custom("a block has as many receipts as transactions"));
        }
        let hash = header.hash_slow();
        Ok(Self { header: Sealed::new_unchecked(header, hash), txs, receipts })
    }
}

#[cfg(test)]
mod tests {
    use alloy::consensus::BlockBody;
    use alloy::consensus::SignableTransaction as _;
    use alloy::consensus::TxEip1559;
    use alloy_primitives::Signature;

    use super::*;

    #[test]
    fn a_block_is_as_large_as_the_network_would_encode_it() {
        for count in [0_u64, 1, 3, 40] {
            let tx = |nonce| {
                let tx = TxEip1559 { nonce, input: vec![1; 90].into(), ..TxEip1559::default() };
                let signed = tx.into_signed(Signature::test_signature());
                Recovered::new_unchecked(TxEnvelope::from(signed), Address::ZERO)
            };
            let txs: Vec<_> = (0..count).map(tx).collect();
            let header = Sealed::new(Header { number: 9, ..Header::default() });
            let peer = alloy::consensus::Block {
                header: header.inner().clone(),
                body: BlockBody {
                    transactions: txs.iter().map(|tx| tx.inner().clone()).collect(),
                    ommers: Vec::<Header>::new(),
                    withdrawals: Some(Default::default()),
                },
            };
            let block = Block { header, txs, receipts: Vec::new() };
            assert_eq!(block.size(), peer.length(), "{count} transactions");
        }
    }
}
