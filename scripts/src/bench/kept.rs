//! How much room a database takes beside what it is for.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result};
use da::Slots;
use hotshot_types::Height;
use sequencer_client::{
    client::{BlockId, ClientError},
    types::ProblemCode,
};

use crate::{chain, network::Network, report::whole};

/// Epochs for which nodes keep their own slots unless told otherwise: `retention.slot_epochs`.
const SLOT_EPOCHS: u64 = 10;

/// Bytes on disk for each byte that a node has to keep: the payloads that it has not pruned, and its
/// own slots, for longer.
pub(super) async fn ratio(network: &Network) -> Result<f64> {
    let tip = chain::common_height(network).await?;
    let api = network.nodes[0].api()?;
    let (mut pruned, mut kept) = (Height(0), tip);
    while kept.above(pruned) > 1 {
        let middle = Height(pruned.0 + kept.above(pruned) / 2);
        match api.payload(BlockId::Height(middle)).await {
            Ok(_) => kept = middle,
            Err(ClientError::Refused(problem)) if problem.code == ProblemCode::Pruned => {
                pruned = middle;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let window = SLOT_EPOCHS * api.genesis().await?.parameters.epoch_length;
    let slots_from = Height(tip.0.saturating_sub(window));
    let blocks = chain::blocks(&api, slots_from.min(kept), tip).await?;
    let payloads = |from: Height| -> u64 {
        let kept = blocks.iter().filter(|block| block.header.height >= from);
        kept.map(|block| u64::from(block.header.payload_len)).sum()
    };
    let slots = Slots::new(&vec![1; network.nodes.len()])?;
    let own = slots.range(0).context("the first node has slots")?;
    let coded = f64::from(own.end - own.start) / f64::from(slots.threshold());
    let used = allocated(&network.nodes[0].home().join("db")).context("no database")?;
    Ok(whole(used) / (whole(payloads(kept)) + whole(payloads(slots_from)) * coded))
}

fn allocated(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    let mut bytes = metadata.blocks() * 512;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            match allocated(&entry?.path()) {
                Ok(more) => bytes += more,
                // The engine deletes what it has copied.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}
