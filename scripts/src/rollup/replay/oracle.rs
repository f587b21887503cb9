//! A second execution of a rollup's blocks: plain revm over accounts in memory, and Ethereum's trie over all of them.
//!
//! It knows of a block what its header and its transactions say, as any client reads them, and nothing of the machine.

use alloy_consensus::{Header, Transaction as _, TxEnvelope, Typed2718 as _};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use anyhow::{Context as _, Result, ensure};
use light_client::rpc::Endpoint;
use revm::{
    Context, ExecuteCommitEvm as _, MainBuilder as _, MainContext as _,
    bytecode::Bytecode,
    context::{TxEnv, either::Either, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rollup::{BRIDGE, TOKEN_FACTORY, setup::ALLOCATED};

/// The type of a deposit.
const DEPOSIT: &str = "0x7e";

/// What was executed a second time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Checked {
    pub(crate) transactions: u64,
    /// Reverted or out of gas.
    pub(crate) failed: u64,
    pub(crate) creations: u64,
    pub(crate) logs: u64,
    pub(crate) deposits: u64,
}

/// All accounts.
pub(crate) struct Oracle {
    db: CacheDB<EmptyDB>,
    chain_id: u64,
    parent: B256,
    pub(crate) checked: Checked,
}

impl Oracle {
    /// The state at genesis, as the definition has it.
    pub(crate) async fn new(endpoint: &Endpoint, rich: &[hotshot_types::Address]) -> Result<Self> {
        let mut db = CacheDB::new(EmptyDB::default());
        for account in rich {
            let info = AccountInfo::from_balance(U256::from(ALLOCATED));
            db.insert_account_info(Address::new(account.0), info);
        }
        for address in [BRIDGE, TOKEN_FACTORY] {
            let code: Bytes = endpoint.ask("eth_getCode", json!([address, "0x0"])).await?;
            let nonce: U256 = endpoint
                .ask("eth_getTransactionCount", json!([address, "0x0"]))
                .await?;
            let code = Bytecode::new_raw(code);
            let info = AccountInfo::new(U256::ZERO, nonce.to(), code.hash_slow(), code);
            db.insert_account_info(address.parse()?, info);
            let slot: U256 = endpoint
                .ask("eth_getStorageAt", json!([address, "0x0", "0x0"]))
                .await?;
            db.insert_account_storage(address.parse()?, U256::ZERO, slot)?;
        }
        let genesis = block(endpoint, 0).await?;
        let oracle = Self {
            db,
            chain_id: endpoint.chain_id().await?,
            parent: serde_json::from_value(genesis["hash"].clone())?,
            checked: Checked::default(),
        };
        let header: Header = serde_json::from_value(genesis)?;
        ensure!(oracle.root() == header.state_root, "the genesis differs");
        Ok(oracle)
    }

    /// Executes a block and compares the state root.
    pub(crate) async fn replay(&mut self, endpoint: &Endpoint, number: u64) -> Result<()> {
        let answer = block(endpoint, number).await?;
        let header: Header = serde_json::from_value(answer.clone())?;
        let hash: B256 = serde_json::from_value(answer["hash"].clone())?;
        ensure!(
            header.hash_slow() == hash
                && header.parent_hash == self.parent
                && header.number == number,
            "the header of block {number} is not what its hash says"
        );
        let parent = U256::from(number - 1);
        self.db.cache.block_hashes.insert(parent, self.parent);
        let transactions = answer["transactions"]
            .as_array()
            .context("no transactions")?;
        let mut gas = 0;
        for transaction in transactions {
            if transaction["type"] == DEPOSIT {
                self.deposit(transaction)?;
            } else {
                let envelope: TxEnvelope = serde_json::from_value(transaction.clone())?;
                gas += self.transact(&header, &envelope)?;
            }
        }
        ensure!(
            gas == header.gas_used,
            "block {number} used {} gas, and {gas} here",
            header.gas_used
        );
        ensure!(
            self.root() == header.state_root,
            "the state after block {number} differs"
        );
        self.parent = hash;
        Ok(())
    }

    /// Ether from the L1; this run deposits nothing else.
    fn deposit(&mut self, transaction: &Value) -> Result<()> {
        let token: Address = serde_json::from_value(transaction["l1Token"].clone())?;
        ensure!(token == Address::ZERO, "a deposit of a token");
        let recipient = serde_json::from_value(transaction["recipient"].clone())?;
        let amount = serde_json::from_value(transaction["l1Amount"].clone())?;
        self.credit(recipient, amount)?;
        self.checked.deposits += 1;
        Ok(())
    }

    /// A signed transaction; the gas it used.
    fn transact(&mut self, header: &Header, envelope: &TxEnvelope) -> Result<u64> {
        let caller = alloy_consensus::transaction::SignerRecoverable::recover_signer(envelope)?;
        let authorizations = envelope.authorization_list().unwrap_or_default();
        let environment = TxEnv {
            tx_type: envelope.ty(),
            caller,
            gas_limit: envelope.gas_limit(),
            gas_price: envelope.max_fee_per_gas(),
            kind: envelope.kind(),
            value: envelope.value(),
            data: envelope.input().clone(),
            nonce: envelope.nonce(),
            chain_id: envelope.chain_id(),
            access_list: envelope.access_list().cloned().unwrap_or_default(),
            gas_priority_fee: envelope.max_priority_fee_per_gas(),
            authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
            ..TxEnv::default()
        };
        let base_fee = header.base_fee_per_gas.context("no base fee")?;
        let mut evm = Context::mainnet()
            .with_db(&mut self.db)
            .modify_cfg_chained(|rules| {
                rules.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                rules.chain_id = self.chain_id;
            })
            .modify_block_chained(|block| {
                block.number = U256::from(header.number);
                block.timestamp = U256::from(header.timestamp);
                block.beneficiary = header.beneficiary;
                block.basefee = base_fee;
                block.gas_limit = header.gas_limit;
                block.prevrandao = Some(header.mix_hash);
            })
            .build_mainnet();
        let result = evm.transact_commit(environment)?;
        let gas = result.gas().tx_gas_used();
        let logs = match &result {
            ExecutionResult::Success { logs, .. } => logs.len() as u64,
            _ => {
                self.checked.failed += 1;
                0
            }
        };
        self.checked.transactions += 1;
        self.checked.creations += u64::from(envelope.kind().is_create());
        self.checked.logs += logs;
        // Ethereum burns the base fee; here it is paid with the tip.
        self.credit(header.beneficiary, U256::from(gas) * U256::from(base_fee))?;
        Ok(gas)
    }

    fn credit(&mut self, address: Address, amount: U256) -> Result<()> {
        let account = self.db.load_account(address)?;
        account.info.balance += amount;
        account.account_state = revm::database::AccountState::None;
        Ok(())
    }

    fn root(&self) -> B256 {
        let accounts = self.db.cache.accounts.iter();
        state_root_unhashed(accounts.filter_map(|(address, account)| {
            let info = account.info().filter(|info| !info.is_empty())?;
            let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
            let slots = slots.map(|(slot, value)| (B256::from(*slot), *value));
            let account = TrieAccount {
                nonce: info.nonce,
                balance: info.balance,
                storage_root: storage_root_unhashed(slots),
                code_hash: info.code_hash,
            };
            Some((*address, account))
        }))
    }
}

/// A block with its transactions.
async fn block(endpoint: &Endpoint, number: u64) -> Result<Value> {
    let params = json!([format!("{number:#x}"), true]);
    Ok(endpoint.ask("eth_getBlockByNumber", params).await?)
}
