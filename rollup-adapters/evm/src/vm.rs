//! The machine as the rollup's node knows it.

use alloy_consensus::{Header, Transaction as _};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{Address, B256, Sealed, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use bytes::Bytes;
use revm::bytecode::Bytecode;
use rollup_types::{
    BlockEnv, Hash, Input, MountainRange, Refusal, State, StateError, Transition, Vm,
};

use crate::{
    BLOCK_GAS, ConfigError, EvmConfig, admission,
    block::{Block, encode_range},
    keys,
    overlay::{Base, Overlay},
    predeploys,
    signed::{self, Signed},
    stored,
};

/// The EVM as the machine of a rollup.
#[derive(Clone, Debug)]
pub struct Evm {
    config: EvmConfig,
}

impl Evm {
    /// A machine of this configuration.
    ///
    /// # Errors
    /// No rollup can be run so.
    pub fn new(config: EvmConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { config })
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &EvmConfig {
        &self.config
    }

    fn genesis_state<'a>(&self, state: &'a dyn State) -> Result<Overlay<'a>, StateError> {
        let mut overlay = Overlay::new(Base { state, root: None });
        predeploys::place(&mut overlay, self.config.home_l1_chain_id)?;
        for (address, account) in &self.config.alloc {
            let code = Bytecode::new_legacy(account.code.clone());
            let slots = (account.storage.iter())
                .map(|(slot, value)| (U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0)));
            overlay.place(*address, (account.balance, account.nonce), code, slots)?;
        }
        Ok(overlay)
    }
}

impl Vm for Evm {
    fn genesis(&self) -> Transition {
        let changes = self
            .genesis_state(&Nothing)
            .and_then(|overlay| overlay.finish(EMPTY_ROOT_HASH))
            .expect("nothing is read where nothing is stored");
        let range = MountainRange::new();
        let header = Sealed::new(Header {
            beneficiary: self.config.fee_account,
            state_root: changes.state_root,
            gas_limit: BLOCK_GAS,
            extra_data: vec![0; 16].into(),
            base_fee_per_gas: Some(self.config.base_fee),
            withdrawals_root: Some(B256::new(range.root().0)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        });
        let mut writes = changes.writes;
        writes.push((keys::WITHDRAWALS.to_vec(), Some(encode_range(&range))));
        stored::write_block(&header, &Vec::new(), &Vec::new(), &mut writes);
        Transition {
            hash: Hash(header.hash().0),
            state_root: Hash(header.state_root.0),
            writes,
            ..Transition::default()
        }
    }

    fn execute(
        &self,
        state: &dyn State,
        env: &BlockEnv,
        inputs: &[Input],
    ) -> Result<Transition, StateError> {
        let mut block = Block::begin(&self.config, state, env)?;
        block.execute(inputs)?;
        block.finish()
    }

    fn id(&self, transaction: &[u8]) -> Hash {
        Hash(signed::id(transaction).0)
    }

    fn admit(
        &self,
        state: &dyn State,
        transaction: &[u8],
    ) -> Result<Result<(), Refusal>, StateError> {
        admission::admit(&self.config, state, transaction)
    }

    fn slot(&self, transaction: &[u8]) -> Option<Vec<u8>> {
        let signed = Signed::read(transaction, self.config.chain_id).ok()?;
        Some(slot(signed.sender, signed.envelope.nonce()))
    }

    fn replaces(&self, transaction: &[u8], waiting: &[u8]) -> Result<(), String> {
        admission::replaces(transaction, waiting)
    }
}

/// What transactions of one sender and nonce have in common (RT6): the sender, and the nonce in 8 bytes, big-endian.
fn slot(sender: Address, nonce: u64) -> Vec<u8> {
    [sender.as_slice(), &nonce.to_be_bytes()].concat()
}

/// The state before genesis.
struct Nothing;

impl State for Nothing {
    fn get(&self, _: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(None)
    }
}
