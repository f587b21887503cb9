//! How the reading of the L1 goes, for `/readyz`.

use std::time::{Duration, Instant};

use hotshot_types::L1Block;

/// Without an agreed answer for this long the node is not ready.
const SILENT: Duration = Duration::from_secs(60);
/// Blocks of the L1 that the node may lag behind an endpoint (node.md section 9).
const MAX_LAG: u64 = 100;

/// How the reading of the L1 goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct L1Status {
    /// The newest block that enough endpoints say is final.
    pub(crate) finalized: Option<L1Block>,
    /// The highest number that any endpoint says is final.
    pub(crate) highest: u64,
    /// When enough of them last agreed.
    pub(crate) agreed: Option<Instant>,
    /// The L1 contradicts what it called final, and is not followed.
    pub(crate) taken_back: Option<String>,
    /// What is wrong now.
    pub(crate) alarm: Option<String>,
}

impl L1Status {
    /// Why a validator can't do its job, as far as the L1 goes.
    pub(crate) fn why_not_ready(&self) -> Option<String> {
        if let Some(alarm) = &self.taken_back {
            return Some(alarm.clone());
        }
        let because = |what: String| match &self.alarm {
            Some(alarm) => format!("{what}: {alarm}"),
            None => what,
        };
        let (Some(finalized), Some(agreed)) = (self.finalized, self.agreed) else {
            return Some(because("no final L1 block is known yet".into()));
        };
        let silent = agreed.elapsed();
        if silent > SILENT {
            let seconds = silent.as_secs();
            return Some(because(format!(
                "too few L1 endpoints have answered alike for {seconds} s"
            )));
        }
        let lag = self.highest.saturating_sub(finalized.number);
        (lag > MAX_LAG).then(|| {
            because(format!(
                "{lag} final L1 blocks behind what one endpoint shows"
            ))
        })
    }
}

#[cfg(test)]
mod tests;
