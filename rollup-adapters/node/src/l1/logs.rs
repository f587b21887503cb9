//! Messages and pins as the contracts logged them. Nothing here is believed: whoever asks checks the chains over them.

use light_client::rpc::{Endpoint, Log, RpcError, Tag};
use rollup_contracts::inbox::{InboxEvent, event};
use rollup_types::{Address, Pin};
use serde_json::json;

/// Blocks that are asked for at once.
const SPAN: u64 = 2_000;

/// What one endpoint said of the contracts' logs, from one block on. It outlives a reading that breaks off.
#[derive(Debug)]
pub(super) struct Logs {
    from: u64,
    /// The first block that was not read.
    next: u64,
    logs: Vec<Log>,
    /// Blocks that are asked for next.
    span: u64,
    /// Blocks that the endpoint does not refuse, as far as is known.
    most: u64,
}

impl Logs {
    pub(super) fn new(from: u64) -> Self {
        Self {
            from,
            next: from,
            logs: Vec::new(),
            span: SPAN,
            most: SPAN,
        }
    }

    /// The first block whose logs count.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// The first block that was not read.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Reads on up to a block. What was read stays if it fails, or if nobody waits for it any more.
    pub(super) async fn read(
        &mut self,
        endpoint: &Endpoint,
        contracts: [Address; 2],
        to: u64,
    ) -> Result<(), RpcError> {
        self.most = SPAN;
        while self.next <= to {
            let end = to.min(self.next.saturating_add(self.span - 1));
            let filter = json!({
                "address": contracts,
                "fromBlock": Tag::Number(self.next),
                "toBlock": Tag::Number(end),
            });
            match endpoint.ask("eth_getLogs", json!([filter])).await {
                Ok(found) => self.take(found, contracts, end),
                Err(error) => self.narrow(end, error)?,
            }
        }
        Ok(())
    }

    /// All logs up to a block, in order.
    pub(super) fn up_to(&mut self, block: u64) -> Vec<Log> {
        let logs = std::mem::replace(self, Self::new(self.from)).logs;
        logs.into_iter()
            .filter(|log| log.block_number <= block)
            .collect()
    }

    /// Forgets blocks at the end until no more than so many bytes are left.
    pub(super) fn shorten(&mut self, most_bytes: usize) {
        let mut bytes = 0;
        let over = self.logs.iter().find(|log| {
            bytes += size_of::<Log>() + size_of_val(log.topics.as_slice()) + log.data.0.len();
            bytes > most_bytes
        });
        if let Some(over) = over {
            self.next = over.block_number;
            self.logs.retain(|log| log.block_number < self.next);
            self.logs.shrink_to_fit();
        }
    }

    fn take(&mut self, mut found: Vec<Log>, contracts: [Address; 2], end: u64) {
        let asked = self.next..=end;
        found.retain(|log| contracts.contains(&log.address) && asked.contains(&log.block_number));
        found.sort_by_key(|log| (log.block_number, log.log_index));
        self.logs.extend(found);
        self.next = end + 1;
        self.span = self.span.saturating_mul(2).min(self.most);
    }

    /// Asks for half of it. Endpoints bound the range, or how much they answer, and always the same: that holds for the
    /// rest of the reading. One that took too long may be faster again.
    fn narrow(&mut self, end: u64, error: RpcError) -> Result<(), RpcError> {
        let asked = end - self.next + 1;
        let half = asked / 2;
        if half == 0 {
            return Err(error);
        }
        match error {
            RpcError::Refused { .. } | RpcError::Malformed { .. } => self.most = half,
            RpcError::Timeout { .. } | RpcError::Status { status: 504, .. } => {}
            _ => return Err(error),
        }
        self.span = half;
        Ok(())
    }
}

/// The pin of a log of the inbox, if it is of one.
pub(crate) fn pin(log: &Log) -> Option<Pin> {
    match event(log).ok()? {
        InboxEvent::Forced(pin) => Some(pin),
        InboxEvent::Advanced(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use hotshot_types::Hash;
    use light_client::rpc::Data;

    use super::*;

    const CONTRACTS: [Address; 2] = [Address([1; 20]), Address([2; 20])];

    fn log(block_number: u64, bytes: usize) -> Log {
        Log {
            address: CONTRACTS[0],
            topics: Vec::new(),
            data: Data(vec![0; bytes]),
            block_number,
            block_hash: Hash::ZERO,
            log_index: 0,
            removed: false,
        }
    }

    fn timeout() -> RpcError {
        let endpoint = "slow".into();
        RpcError::Timeout { endpoint }
    }

    fn malformed() -> RpcError {
        RpcError::Malformed {
            endpoint: "narrow".into(),
            method: "eth_getLogs",
            reason: "too many".into(),
        }
    }

    #[test]
    fn what_takes_too_long_is_halved_until_it_is_faster_again_and_what_is_refused_for_good() {
        let mut logs = Logs::new(1);
        logs.narrow(1_000, timeout()).unwrap();
        assert_eq!(logs.span, 500, "half of what was asked");
        logs.narrow(500, timeout()).unwrap();
        logs.take(Vec::new(), CONTRACTS, 250);
        logs.take(Vec::new(), CONTRACTS, 750);
        logs.take(Vec::new(), CONTRACTS, 1_750);
        assert_eq!((logs.next(), logs.span), (1_751, SPAN));
        logs.narrow(3_750, malformed()).unwrap();
        logs.take(Vec::new(), CONTRACTS, 2_750);
        assert_eq!(logs.span, 1_000);
        assert_eq!(logs.narrow(2_751, timeout()), Err(timeout()), "one block");
    }

    #[test]
    fn what_is_kept_is_bounded_by_whole_blocks() {
        let mut logs = Logs::new(1);
        let found = vec![log(2, 1_000), log(3, 10), log(3, 1_000), log(9, 10)];
        logs.take(found, CONTRACTS, 20);
        logs.shorten(1_000_000);
        assert_eq!((logs.next(), logs.logs.len()), (21, 4));
        logs.shorten(2_000);
        assert_eq!(
            (logs.next(), logs.logs.len()),
            (3, 1),
            "block 3 is read again"
        );
    }
}
