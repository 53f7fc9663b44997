//! Posting lists of logs by address and by topic position, so a query never scans the chain.

use std::ops::RangeInclusive;

use alloy::rpc::types::Filter;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::map::HashMap;

use crate::block::Block;

/// The place of a log: block number and position among the block's logs.
pub(crate) type LogPlace = (u64, u32);

/// The index, growing with each block.
#[derive(Debug, Default)]
pub(crate) struct LogIndex {
    all: Vec<LogPlace>,
    by_address: HashMap<Address, Vec<LogPlace>>,
    by_topic: HashMap<(usize, B256), Vec<LogPlace>>,
}

impl LogIndex {
    pub(crate) fn add(&mut self, block: &Block) {
        let logs = block.receipts.iter().flat_map(|receipt| &receipt.logs);
        for (index, log) in logs.enumerate() {
            // A block of 60M gas has at most 160,000 logs.
            let place = (block.number(), index as u32);
            self.all.push(place);
            self.by_address.entry(log.address).or_default().push(place);
            for (position, topic) in log.topics().iter().enumerate() {
                self.by_topic.entry((position, *topic)).or_default().push(place);
            }
        }
    }

    /// Returns at most `limit` logs that match address and topics within a range of blocks, in
    /// chain order.
    pub(crate) fn find(
        &self,
        filter: &Filter,
        range: RangeInclusive<u64>,
        limit: usize,
    ) -> Vec<LogPlace> {
        let mut alternatives: Vec<Vec<&[LogPlace]>> = Vec::new();
        if !filter.address.is_empty() {
            let lists = filter.address.iter().filter_map(|address| self.by_address.get(address));
            alternatives.push(lists.map(|list| within(list, &range)).collect());
        }
        for (position, topics) in filter.topics.iter().enumerate() {
            if !topics.is_empty() {
                let lists =
                    topics.iter().filter_map(|topic| self.by_topic.get(&(position, *topic)));
                alternatives.push(lists.map(|list| within(list, &range)).collect());
            }
        }
        if alternatives.is_empty() {
            return within(&self.all, &range).iter().take(limit).copied().collect();
        }
        alternatives.sort_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>());
        let (rarest, others) = alternatives.split_at(1);
        let mut found: Vec<LogPlace> = rarest[0].iter().flat_map(|list| *list).copied().collect();
        found.sort_unstable();
        found.retain(|place| {
            others.iter().all(|lists| lists.iter().any(|list| list.binary_search(place).is_ok()))
        });
        found.truncate(limit);
        found
    }
}

fn within<'a>(list: &'a [LogPlace], range: &RangeInclusive<u64>) -> &'a [LogPlace] {
    let start = list.partition_point(|(block, _)| block < range.start());
    let end = list.partition_point(|(block, _)| block <= range.end());
    list.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Log;
    use alloy_primitives::LogData;
    use proptest::prelude::*;

    use super::*;
    use crate::block::HeaderParts;
    use crate::block::Receipt;

    fn block(number: u64, logs: &[(u8, Vec<u8>)]) -> Block {
        let logs = logs.iter().map(|(address, topics)| {
            let topics = topics.iter().map(|topic| B256::repeat_byte(*topic)).collect();
            let data = LogData::new_unchecked(topics, Default::default());
            Log { address: Address::repeat_byte(*address), data }
        });
        let parts = HeaderParts {
            parent_hash: B256::ZERO,
            number,
            timestamp: number,
            gas_limit: 0,
            beneficiary: Address::ZERO,
            state_root: B256::ZERO,
            extra_data: Default::default(),
        };
        let mut block = Block::seal(parts, Vec::new(), Vec::new());
        block.receipts.push(Receipt::new(true, 0, None, logs.collect()));
        block
    }

    proptest! {
        #[test]
        fn index_equals_linear_scan(
            chain in proptest::collection::vec(
                proptest::collection::vec((0u8..4, proptest::collection::vec(0u8..4, 0..=4)), 0..6),
                0..20,
            ),
            addresses in proptest::collection::vec(0u8..5, 0..3),
            topics in proptest::collection::vec(proptest::collection::vec(0u8..5, 0..3), 0..=4),
            from in 0u64..22,
            span in 0u64..22,
        ) {
            let blocks: Vec<Block> =
                chain.iter().enumerate().map(|(n, logs)| block(n as u64, logs)).collect();
            let mut index = LogIndex::default();
            for block in &blocks {
                index.add(block);
            }
            let mut filter = Filter::new()
                .address(addresses.iter().map(|a| Address::repeat_byte(*a)).collect::<Vec<_>>());
            for (position, alternatives) in topics.iter().enumerate() {
                for topic in alternatives {
                    filter.topics[position].insert(B256::repeat_byte(*topic));
                }
            }
            let mut expected = Vec::new();
            for block in &blocks {
                let logs = block.receipts.iter().flat_map(|receipt| &receipt.logs);
                for (i, log) in logs.enumerate() {
                    let address = filter.address.is_empty() || filter.address.contains(&log.address);
                    let topics = filter.topics.iter().enumerate().all(|(position, wanted)| {
                        wanted.is_empty()
                            || log.topics().get(position).is_some_and(|t| wanted.contains(t))
                    });
                    let in_range = (from..=from + span).contains(&block.number());
                    if address && topics && in_range {
                        expected.push((block.number(), i as u32));
                    }
                }
            }
            prop_assert_eq!(index.find(&filter, from..=from + span, usize::MAX), expected);
        }
    }
}
