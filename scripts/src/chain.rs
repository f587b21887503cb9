//! What the chain itself says about a run.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Header, Height};
use sequencer_client::{client::Api, types::Block};

use crate::network::{Network, Node, eventually};

/// Blocks asked for at a time; nodes may give fewer.
const PAGE: u32 = 100;

/// All blocks from one height to another, both included.
pub(crate) async fn blocks(api: &Api, from: Height, to: Height) -> Result<Vec<Block>> {
    let mut found: Vec<Block> = Vec::new();
    let mut next = from;
    while next <= to {
        let page = api.blocks(next, PAGE).await?;
        let count = page.blocks.len();
        for block in page.blocks {
            ensure!(
                block.header.height == next,
                "{} left out block {next}",
                api.url()
            );
            if next <= to {
                found.push(block);
            }
            next = next.next();
        }
        ensure!(count > 0, "{} has no block {next}", api.url());
    }
    Ok(found)
}

/// Views in which no block was proposed that became final, seen from gaps between blocks. The
/// last block of an epoch is proposed again until it is final; those views are not counted.
pub(crate) fn views_lost<'a>(headers: impl IntoIterator<Item = &'a Header>) -> u64 {
    let mut lost = 0;
    let mut before: Option<&Header> = None;
    for header in headers {
        let first_lost = match before {
            Some(before) if before.epoch == header.epoch => before.origin_view.next(),
            // Genesis is no proposal; an epoch starts at view 1.
            _ => hotshot_types::View(1),
        };
        if header.height > Height(0) {
            lost += header.origin_view.above(first_lost);
            before = Some(header);
        }
    }
    lost
}

/// The highest final block that all running nodes have.
pub(crate) async fn common_height(network: &Network) -> Result<Height> {
    let mut lowest = Height::MAX;
    for node in network.nodes.iter().filter(|node| node.is_started()) {
        lowest = lowest.min(node.api()?.status().await?.final_height);
    }
    Ok(lowest)
}

/// Compares the block hashes of all running nodes at each height up to one that all have, and
/// returns the blocks.
pub(crate) async fn agreed(network: &Network) -> Result<Vec<Block>> {
    let top = common_height(network).await?;
    let mut first: Option<(&Node, Vec<Block>)> = None;
    for node in network.nodes.iter().filter(|node| node.is_started()) {
        let blocks = blocks(&node.api()?, Height(0), top).await?;
        let Some((other, expected)) = &first else {
            first = Some((node, blocks));
            continue;
        };
        for (one, two) in expected.iter().zip(&blocks) {
            let height = one.header.height;
            ensure!(
                one.hash == two.hash,
                "{other} and {node} contradict each other at height {height}"
            );
        }
    }
    Ok(first.context("no node runs")?.1)
}

/// Waits until a restarted node has signed something new: its signature is in a certificate on a
/// block above `height`, or it proposed such a block.
pub(crate) async fn voted_above(node: &Node, height: Height, limit: Duration) -> Result<()> {
    let api = node.api()?;
    let validator = node.validator();
    // It may have caught up with more than a page when it first votes.
    let looked_at = std::cell::Cell::new(height);
    let attempt = async || -> Result<()> {
        let page = api.blocks(looked_at.get().next(), PAGE).await?;
        let takes_part = page.blocks.iter().any(|block| {
            let signed = block
                .certificate
                .as_ref()
                .is_some_and(|fc| fc.signers.contains(validator));
            signed || block.header.proposer == validator
        });
        if let Some(last) = page.blocks.last() {
            looked_at.set(last.header.height);
        }
        ensure!(
            takes_part,
            "none of {} newer blocks carries its signature",
            page.blocks.len()
        );
        Ok(())
    };
    eventually(limit, &format!("a vote of {node}"), attempt).await
}

#[cfg(test)]
mod tests {
    use hotshot_types::{Epoch, Hash, L1Block, Signature, TimestampMs, ValidatorIndex, View};

    use super::*;

    fn header(height: u64, epoch: u64, view: u64) -> Header {
        Header {
            version: 1,
            chain_domain: Hash::ZERO,
            height: Height(height),
            epoch: Epoch(epoch),
            origin_view: View(view),
            proposer: ValidatorIndex(0),
            parent_hash: Hash::ZERO,
            timestamp_ms: TimestampMs(0),
            l1_finalized: L1Block {
                number: 0,
                hash: Hash::ZERO,
                timestamp: 0,
            },
            payload_len: 0,
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash::ZERO,
            history_root: Hash::ZERO,
            next_committee: Hash::ZERO,
            randao_reveal: Signature::ZERO,
            randao_mix: Hash::ZERO,
        }
    }

    #[test]
    fn gaps_between_views_of_one_epoch_are_lost_views() {
        let chain = [
            header(0, 0, 0),
            header(1, 1, 1),
            header(2, 1, 2),
            header(3, 1, 5),
        ];
        assert_eq!(views_lost(&chain), 2);
    }

    #[test]
    fn views_start_at_one_in_each_epoch() {
        let chain = [
            header(1, 1, 1),
            header(2, 1, 2),
            header(3, 2, 1),
            header(4, 2, 3),
        ];
        assert_eq!(views_lost(&chain), 1);
        assert_eq!(views_lost(&[header(1, 1, 3)]), 2);
    }
}
