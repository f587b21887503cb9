//! One block: inputs in, one after the other, until there are no more or enough gas is used (RE3).

use alloy_consensus::{Header, Transaction as _, Typed2718 as _, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_eips::{
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip7685::EMPTY_REQUESTS_HASH,
};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, Log, Sealed, U256};
use alloy_trie::root::ordered_trie_root_encoded;
use borsh::BorshDeserialize as _;
use revm::{
    ExecuteEvm as _, MainBuilder as _, MainnetEvm,
    context::{
        BlockEnv as RevmBlock, CfgEnv, Context, ContextSetters as _, ContextTr as _, Journal,
        TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    handler::{
        EthFrame, Handler as _, MainnetContext, MainnetHandler, SYSTEM_ADDRESS, SystemCallTx as _,
    },
    primitives::hardfork::SpecId,
    state::EvmState,
};
use rollup_types::{
    BlockEnv, Deposit, Hash, Input, L1Message, MessageBody, MountainRange, Outcome, State,
    StateError, Transition, Verdict, Withdrawal,
};

use crate::{
    DEPOSIT_TYPE, EvmConfig,
    config::{MAX_BASE_FEE, MIN_BASE_FEE},
    keys,
    overlay::{Base, Failure, Overlay},
    predeploys::{self, TOKEN_FACTORY},
    receipt::Receipt,
    signed::{self, Signed},
    stored::{self, StoredTransaction},
    transaction::DepositTransaction,
};

/// Highest gas limit of a transaction; once as much is used, a block ends.
pub const TRANSACTION_GAS: u64 = 30_000_000;
/// The gas limit of a block's header, which no block reaches: its last transaction begins below half of it.
pub const BLOCK_GAS: u64 = 2 * TRANSACTION_GAS;
/// EIP-1559's, but the target is a quarter of the header's limit: half of what ends a block. RE4
const FEE_PARAMS: BaseFeeParams = BaseFeeParams::new(8, 4);
/// Most inputs of a block, skipped ones too.
pub const MAX_INPUTS: usize = 16_384;
/// Gas that the deposit of a token can use. RE8
pub const DEPOSIT_GAS: u64 = 3_000_000;

/// revm over what is stored.
pub(crate) type Machine<'a> = MainnetEvm<MainnetContext<Overlay<'a>>>;
/// What drives it.
pub(crate) type Driver<'a> = MainnetHandler<Machine<'a>, EVMError<Failure>, EthFrame>;

/// A block that is being made.
pub(crate) struct Block<'a> {
    config: &'a EvmConfig,
    env: &'a BlockEnv,
    state: &'a dyn State,
    parent: Sealed<Header>,
    base_fee: u64,
    machine: Machine<'a>,
    gas_used: u64,
    outcomes: Vec<Outcome>,
    body: Vec<StoredTransaction>,
    receipts: Vec<Receipt>,
    withdrawals: Vec<Withdrawal>,
}

impl<'a> Block<'a> {
    /// The environment is that of RE5.
    pub(crate) fn begin(
        config: &'a EvmConfig,
        state: &'a dyn State,
        env: &'a BlockEnv,
    ) -> Result<Self, StateError> {
        let head = stored::head(state)?;
        let parent = stored::header(state, head)?
            .ok_or_else(|| StateError(format!("the header of block {head} is missing")))?;
        assert_eq!(env.number, head + 1, "blocks are made one after the other");
        assert_eq!(
            env.parent.0,
            parent.hash().0,
            "a block is made on its parent"
        );
        let mut base_fee = next_base_fee(&parent);
        // Else inputs that are skipped, which cost nothing, would end blocks and make the gas after them cheaper. RE4
        if !env.is_forced && parent.extra_data.starts_with(&env.height.to_be_bytes()) {
            base_fee = base_fee.max(parent.base_fee_per_gas.unwrap_or(MIN_BASE_FEE));
        }
        let overlay = Overlay::new(Base { state, root: None });
        let block = RevmBlock {
            number: U256::from(env.number),
            beneficiary: config.fee_account,
            timestamp: U256::from(env.timestamp_ms / 1000),
            gas_limit: BLOCK_GAS,
            basefee: base_fee,
            prevrandao: Some(B256::new(env.randao_mix.0)),
            ..RevmBlock::default()
        };
        Ok(Self {
            config,
            env,
            state,
            parent,
            base_fee,
            machine: machine(overlay, config.chain_id, block),
            gas_used: 0,
            outcomes: Vec::new(),
            body: Vec::new(),
            receipts: Vec::new(),
            withdrawals: Vec::new(),
        })
    }

    /// Executes inputs until the block ends. How much gas an input may use ends none, only what was used. RE3
    pub(crate) fn execute(&mut self, inputs: &[Input]) -> Result<(), StateError> {
        for input in inputs.iter().take(MAX_INPUTS) {
            if self.gas_used >= TRANSACTION_GAS {
                break;
            }
            let outcome = match input {
                Input::Transaction(bytes) => self.transaction(bytes, None)?,
                Input::L1(message) => match &message.body {
                    MessageBody::Deposit(deposit) => self.deposit(message, deposit)?,
                    MessageBody::ForcedTransaction(bytes) => {
                        self.transaction(bytes, Some(message))?
                    }
                },
            };
            self.outcomes.push(outcome);
        }
        Ok(())
    }

    fn transaction(
        &mut self,
        bytes: &bytes::Bytes,
        message: Option<&L1Message>,
    ) -> Result<Outcome, StateError> {
        let transaction = match Signed::read(bytes, self.config.chain_id) {
            Ok(transaction) => transaction,
            Err(reason) => {
                // What is no transaction is known by the message that brought it. RE9
                let id = match message {
                    Some(message) if !reason.is_transaction() => message.hash(),
                    _ => Hash(signed::id(bytes).0),
                };
                return Ok(skipped(id, reason.to_string()));
            }
        };
        let id = Hash(transaction.hash().0);
        let result = match self.machine.transact(transaction.environment()) {
            Ok(done) => {
                self.overlay().apply(done.state)?;
                done.result
            }
            Err(EVMError::Database(Failure(error))) => return Err(error),
            Err(error) => return Ok(skipped(id, reason(&error))),
        };
        let gas_used = result.gas().tx_gas_used();
        let base_fees = U256::from(self.base_fee) * U256::from(gas_used);
        let fee_account = self.config.fee_account;
        self.overlay().credit(fee_account, base_fees)?;

        let envelope = &transaction.envelope;
        let sender = transaction.sender;
        let contract = envelope
            .is_create()
            .then(|| sender.create(envelope.nonce()));
        self.include(
            StoredTransaction {
                hash: transaction.hash(),
                sender,
                bytes: signed::shared(bytes),
            },
            Done {
                transaction_type: envelope.ty(),
                to: envelope.to(),
                contract,
                price: envelope.effective_gas_price(Some(self.base_fee)),
                gas_used,
                is_success: result.is_success(),
                logs: logs(result),
            },
        );
        Ok(applied(id))
    }

    /// RE7
    fn deposit(&mut self, message: &L1Message, deposit: &Deposit) -> Result<Outcome, StateError> {
        let transaction = DepositTransaction {
            index: message.index,
            l1_block: message.l1_block,
            sender: Address::new(message.sender.0),
            token: Address::new(deposit.token.0),
            amount: U256::from(deposit.amount),
            recipient: Address::new(deposit.recipient.0),
            decimals: deposit.decimals,
        };
        let recipient = transaction.recipient;
        let (is_success, gas_used, logs) = if transaction.token.is_zero() {
            self.overlay().credit(recipient, transaction.amount)?;
            (true, 0, Vec::new())
        } else {
            let input = predeploys::mint(
                transaction.token,
                deposit.decimals,
                deposit.amount,
                recipient,
            );
            let result = self.system_call(TOKEN_FACTORY, input)?;
            match result {
                Some(result) => (
                    result.is_success(),
                    result.gas().tx_gas_used(),
                    logs(result),
                ),
                None => (false, 0, Vec::new()),
            }
        };
        let id = message.hash();
        self.include(
            StoredTransaction {
                hash: B256::new(id.0),
                sender: transaction.sender,
                bytes: transaction.committed().into(),
            },
            Done {
                transaction_type: DEPOSIT_TYPE,
                to: Some(recipient),
                contract: None,
                price: 0,
                gas_used,
                is_success,
                logs,
            },
        );
        Ok(applied(id))
    }

    /// A call by the rollup itself, which nobody pays for; none if revm gave up on it. RE8
    fn system_call(
        &mut self,
        to: Address,
        input: Bytes,
    ) -> Result<Option<ExecutionResult>, StateError> {
        let mut call = TxEnv::new_system_tx_with_caller(SYSTEM_ADDRESS, to, input);
        call.gas_limit = DEPOSIT_GAS;
        self.machine.ctx.set_tx(call);
        let result = Driver::default().run_system_call(&mut self.machine);
        let changes: EvmState = self.machine.finalize();
        match result {
            Ok(result) => {
                self.overlay().apply(changes)?;
                Ok(Some(result))
            }
            Err(EVMError::Database(Failure(error))) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn include(&mut self, transaction: StoredTransaction, done: Done) {
        self.gas_used += done.gas_used;
        let index = self.env.withdrawals + self.withdrawals.len() as u64;
        self.withdrawals
            .extend(predeploys::withdrawals(&done.logs, index));
        self.receipts.push(Receipt {
            transaction_type: done.transaction_type,
            transaction_hash: transaction.hash,
            from: transaction.sender,
            to: done.to,
            is_success: done.is_success,
            cumulative_gas_used: self.gas_used,
            gas_used: done.gas_used,
            effective_gas_price: done.price,
            contract_address: done.contract,
            logs_bloom: done.logs.iter().collect(),
            logs: done.logs,
        });
        self.body.push(transaction);
    }

    fn overlay(&mut self) -> &mut Overlay<'a> {
        self.machine.ctx.db_mut()
    }

    /// The block, once all is executed that is to be. RE6
    pub(crate) fn finish(self) -> Result<Transition, StateError> {
        let mut range = withdrawal_range(self.state)?;
        for withdrawal in &self.withdrawals {
            range.append(withdrawal.hash());
        }
        let overlay = self.machine.ctx.journaled_state.database;
        let changes = overlay.finish(self.parent.state_root)?;
        let mut writes = changes.writes;
        writes.push((keys::WITHDRAWALS.to_vec(), Some(encode_range(&range))));
        let mut origin = self.env.height.to_be_bytes().to_vec();
        origin.extend_from_slice(&self.env.l1_number.to_be_bytes());
        let header = Header {
            parent_hash: self.parent.hash(),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.config.fee_account,
            state_root: changes.state_root,
            transactions_root: root(self.body.iter().map(|entry| entry.bytes.to_vec())),
            receipts_root: root(self.receipts.iter().map(Receipt::committed)),
            logs_bloom: (self.receipts.iter())
                .fold(Bloom::ZERO, |all, receipt| all | receipt.logs_bloom),
            difficulty: U256::ZERO,
            number: self.env.number,
            gas_limit: BLOCK_GAS,
            gas_used: self.gas_used,
            timestamp: self.env.timestamp_ms / 1000,
            extra_data: origin.into(),
            mix_hash: B256::new(self.env.randao_mix.0),
            nonce: B64::ZERO,
            base_fee_per_gas: Some(self.base_fee),
            withdrawals_root: Some(B256::new(range.root().0)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        let header = Sealed::new(header);
        stored::write_block(&header, &self.body, &self.receipts, &mut writes);
        Ok(Transition {
            hash: Hash(header.hash().0),
            state_root: Hash(header.state_root.0),
            outcomes: self.outcomes,
            withdrawals: self.withdrawals,
            writes,
        })
    }
}

/// What a transaction of the block came to.
struct Done {
    transaction_type: u8,
    to: Option<Address>,
    contract: Option<Address>,
    price: u128,
    gas_used: u64,
    is_success: bool,
    logs: Vec<Log>,
}

/// revm with this chain's rules. RE5
pub(crate) fn machine(overlay: Overlay<'_>, chain_id: u64, block: RevmBlock) -> Machine<'_> {
    let mut rules = CfgEnv::new_with_spec(SpecId::PRAGUE);
    rules.chain_id = chain_id;
    Context::<RevmBlock, TxEnv, CfgEnv, _, Journal<_>, ()>::new(overlay, SpecId::PRAGUE)
        .with_block(block)
        .with_cfg(rules)
        .build_mainnet()
}

/// The base fee of the block after one, if another block of the sequencer makes it (RE4).
pub(crate) fn next_base_fee(parent: &Header) -> u64 {
    let base_fee = parent.base_fee_per_gas.unwrap_or(MIN_BASE_FEE);
    calc_next_block_base_fee(parent.gas_used, parent.gas_limit, base_fee, FEE_PARAMS)
        .clamp(MIN_BASE_FEE, MAX_BASE_FEE)
}

/// The mountain range of all withdrawals so far.
pub(crate) fn withdrawal_range(state: &dyn State) -> Result<MountainRange, StateError> {
    let bytes = state
        .get(keys::WITHDRAWALS)?
        .ok_or_else(|| StateError("the range of withdrawals is missing".to_owned()))?;
    MountainRange::try_from_slice(&bytes)
        .map_err(|error| StateError(format!("the range of withdrawals is broken: {error}")))
}

pub(crate) fn encode_range(range: &MountainRange) -> bytes::Bytes {
    let bytes = borsh::to_vec(range).expect("writing to memory succeeds");
    bytes.into()
}

fn root(items: impl Iterator<Item = Vec<u8>>) -> B256 {
    ordered_trie_root_encoded(&items.collect::<Vec<_>>())
}

fn logs(result: ExecutionResult) -> Vec<Log> {
    match result {
        ExecutionResult::Success { logs, .. } => logs,
        ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => Vec::new(),
    }
}

/// What revm has against a transaction, after the words of geth for it, by which wallets tell reasons apart.
pub(crate) fn reason(error: &EVMError<Failure>) -> String {
    let EVMError::Transaction(reason) = error else {
        return error.to_string();
    };
    let words = match reason {
        InvalidTransaction::LackOfFundForMaxFee { .. } => {
            "insufficient funds for gas * price + value"
        }
        InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
        | InvalidTransaction::GasFloorMoreThanGasLimit { .. } => "intrinsic gas too low",
        InvalidTransaction::GasPriceLessThanBasefee => "max fee per gas less than block base fee",
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas"
        }
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded",
        InvalidTransaction::NonceTooHigh { .. } => "nonce too high",
        InvalidTransaction::NonceTooLow { .. } => "nonce too low",
        InvalidTransaction::RejectCallerWithCode => "sender not an eoa",
        other => return other.to_string(),
    };
    format!("{words}: {reason}")
}

fn applied(id: Hash) -> Outcome {
    Outcome {
        id,
        verdict: Verdict::Applied,
    }
}

fn skipped(id: Hash, reason: String) -> Outcome {
    Outcome {
        id,
        verdict: Verdict::Skipped(reason),
    }
}
