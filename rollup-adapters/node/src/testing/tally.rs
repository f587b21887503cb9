//! A small machine for tests. A transaction of one byte or more counts under its first byte; some bytes mean more.

use bytes::Bytes;
use hotshot_types::digest::keccak;
use rollup_types::{
    BlockEnv, Hash, Input, MessageBody, Outcome, Refusal, State, StateError, Transition, Verdict,
    Vm, Withdrawal, Write,
};

/// Skipped.
pub(crate) const BAD: u8 = b'!';
/// Withdraws one.
pub(crate) const WITHDRAW: u8 = b'w';
/// Only good once [`KEY`] was counted.
pub(crate) const LOCKED: u8 = b'?';
/// Opens what is locked.
pub(crate) const KEY: u8 = b'k';
/// Only one of a second byte waits: the longest.
pub(crate) const SLOT: u8 = b'=';
/// Deletes what was counted under `a`.
pub(crate) const DELETE: u8 = b'd';

/// Takes so many inputs into a block.
pub(crate) struct Tally(pub(crate) usize);

pub(crate) fn count(state: &dyn State, name: u8) -> Option<u64> {
    let bytes = state.get(&[name]).unwrap()?;
    Some(u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

impl Vm for Tally {
    fn genesis(&self) -> Transition {
        Transition {
            hash: Hash([9; 32]),
            writes: vec![(b"genesis".to_vec(), Some(Bytes::from_static(b"!")))],
            ..Transition::default()
        }
    }

    fn execute(
        &self,
        state: &dyn State,
        env: &BlockEnv,
        inputs: &[Input],
    ) -> Result<Transition, StateError> {
        let mut transition = Transition::default();
        let mut counts = std::collections::BTreeMap::new();
        for input in inputs.iter().take(self.0) {
            let (id, name) = match input {
                Input::Transaction(bytes) => (self.id(bytes), bytes[0]),
                Input::L1(message) => match &message.body {
                    MessageBody::Deposit(_) => (message.hash(), b'$'),
                    MessageBody::ForcedTransaction(bytes) => (message.hash(), bytes[0]),
                },
            };
            let verdict = if name == BAD {
                Verdict::Skipped("it is bad".into())
            } else {
                let before = *counts
                    .entry(name)
                    .or_insert_with(|| count(state, name).unwrap_or(0));
                counts.insert(name, before + 1);
                Verdict::Applied
            };
            if name == WITHDRAW {
                transition.withdrawals.push(Withdrawal {
                    index: env.withdrawals + transition.withdrawals.len() as u64,
                    chain_id: 31_337,
                    token: rollup_types::Address::ZERO,
                    amount: 1,
                    recipient: rollup_types::Address([3; 20]),
                });
            }
            transition.outcomes.push(Outcome { id, verdict });
        }
        let is_deleted = counts.contains_key(&DELETE);
        transition.writes = counts
            .into_iter()
            .map(|(name, count)| -> Write {
                let is_gone = is_deleted && name == b'a';
                let value = Bytes::copy_from_slice(&count.to_be_bytes());
                (vec![name], (!is_gone).then_some(value))
            })
            .collect();
        if is_deleted && !transition.writes.iter().any(|(key, _)| key == b"a") {
            transition.writes.push((b"a".to_vec(), None));
        }
        let mut all = env.parent.0.to_vec();
        all.extend(env.height.to_be_bytes());
        all.extend(env.timestamp_ms.to_be_bytes());
        all.extend(env.l1_number.to_be_bytes());
        for outcome in &transition.outcomes {
            all.extend(outcome.id.0);
        }
        transition.hash = keccak(&all);
        transition.state_root = keccak(&transition.hash.0);
        Ok(transition)
    }

    fn id(&self, transaction: &[u8]) -> Hash {
        keccak(transaction)
    }

    fn admit(
        &self,
        state: &dyn State,
        transaction: &[u8],
    ) -> Result<Result<(), Refusal>, StateError> {
        let refused = |reason: &str, may_become_good| {
            Err(Refusal {
                reason: reason.to_owned(),
                may_become_good,
            })
        };
        Ok(match transaction[0] {
            BAD => refused("it is bad", false),
            LOCKED if count(state, KEY).is_none() => refused("it is locked", true),
            _ => Ok(()),
        })
    }

    fn slot(&self, transaction: &[u8]) -> Option<Vec<u8>> {
        let slot = transaction.strip_prefix(&[SLOT])?.first()?;
        Some(vec![SLOT, *slot])
    }

    fn replaces(&self, transaction: &[u8], waiting: &[u8]) -> Result<(), String> {
        let is_longer = transaction.len() > waiting.len();
        is_longer.then_some(()).ok_or("it is no longer".to_owned())
    }
}
