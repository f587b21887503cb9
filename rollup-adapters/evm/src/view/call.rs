//! Calls that change nothing: `eth_call` and `eth_estimateGas`. RE15

use alloy_consensus::Header;
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use revm::{
    ExecuteEvm as _,
    context::{
        BlockEnv as RevmBlock, ContextTr as _, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    context_interface::either::Either,
};
use rollup_types::StateError;

use crate::{
    BLOCK_GAS, EvmConfig, TRANSACTION_GAS,
    block::{self, Machine},
    overlay::{Base, Failure, Overlay},
    signed::MAX_FEE,
};

/// What a plain transfer costs.
const TRANSFER_GAS: u64 = 21_000;

/// What to call. Needs no signature; the nonce is not checked, and gas costs nothing unless a price is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// Who calls; the zero address by default.
    pub from: Address,
    /// The called account; none creates a contract.
    pub to: Option<Address>,
    /// Wei to send along; the caller has to have it.
    pub value: U256,
    /// Gas limit; the highest of a transaction by default and at most.
    pub gas: Option<u64>,
    /// Wei per gas; 0 by default, else the caller has to have it.
    pub gas_price: u128,
    /// Input, or initialisation code.
    pub data: Bytes,
    /// Warmed addresses and slots.
    pub access_list: AccessList,
    /// Delegations (EIP-7702), already signed.
    pub authorization_list: Vec<SignedAuthorization>,
}

/// What a call that succeeded returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// Returned bytes; of a creation the code.
    pub output: Bytes,
    /// Gas that it used, after refunds.
    pub gas_used: u64,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// It reverted, with these bytes.
    #[error("execution reverted")]
    Reverted(Bytes),
    /// It ran out of gas.
    #[error("out of gas")]
    OutOfGas,
    /// It did what the EVM forbids, in the words of geth.
    #[error("{0}")]
    Halted(String),
    /// It could not start with so little gas.
    #[error("{0}")]
    IntrinsicGas(String),
    /// It could not start.
    #[error("{0}")]
    Refused(String),
    /// An estimate found this gas too little, which is all that the request or the caller's money allows.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
}

type Answer = Result<Result<CallResult, CallFailure>, StateError>;

pub(super) fn call(
    config: &EvmConfig,
    base: Base<'_>,
    header: &Header,
    request: &CallRequest,
) -> Answer {
    let mut caller = match Caller::new(config, base, header, request) {
        Ok(caller) => caller,
        Err(failure) => return Ok(Err(failure)),
    };
    caller.run(caller.transaction.gas_limit)
}

pub(super) fn estimate_gas(
    config: &EvmConfig,
    base: Base<'_>,
    header: &Header,
    request: &CallRequest,
) -> Result<Result<u64, CallFailure>, StateError> {
    let mut caller = match Caller::new(config, base, header, request) {
        Ok(caller) => caller,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut enough = match caller.affordable_gas()? {
        Ok(gas) => gas,
        Err(failure) => return Ok(Err(failure)),
    };
    // Most transactions are plain transfers, for which one run says it all.
    let is_transfer = request.data.is_empty() && request.to.is_some();
    if is_transfer && enough > TRANSFER_GAS && caller.run(TRANSFER_GAS)?.is_ok() {
        return Ok(Ok(TRANSFER_GAS));
    }
    let used = match caller.run(enough)? {
        Ok(result) => result.gas_used,
        Err(CallFailure::OutOfGas | CallFailure::IntrinsicGas(_)) => {
            return Ok(Err(CallFailure::Allowance(enough)));
        }
        Err(failure) => return Ok(Err(failure)),
    };
    // What it used is what it needs, but for refunds and for the 64th that inner calls leave.
    let mut short = used.saturating_sub(1);
    let mut guess = (used / 63 * 64 + 2_300).min(enough);
    while enough - short > enough / 64 {
        if guess <= short || guess >= enough {
            guess = short + (enough - short) / 2;
        }
        match caller.run(guess)? {
            Ok(_) => enough = guess,
            Err(_) => short = guess,
        }
        guess = short + (enough - short) / 2;
    }
    Ok(Ok(enough))
}

/// Runs one call again and again, always on the same state.
struct Caller<'a> {
    machine: Machine<'a>,
    transaction: TxEnv,
}

impl<'a> Caller<'a> {
    fn new(
        config: &EvmConfig,
        base: Base<'a>,
        header: &Header,
        request: &CallRequest,
    ) -> Result<Self, CallFailure> {
        if request.gas_price > MAX_FEE {
            return Err(CallFailure::Refused(format!(
                "a gas price of {} is out of range",
                request.gas_price
            )));
        }
        let block = RevmBlock {
            number: U256::from(header.number),
            beneficiary: header.beneficiary,
            timestamp: U256::from(header.timestamp),
            gas_limit: BLOCK_GAS,
            basefee: header.base_fee_per_gas.unwrap_or_default(),
            prevrandao: Some(header.mix_hash),
            ..RevmBlock::default()
        };
        let mut machine = block::machine(Overlay::new(base), config.chain_id, block);
        let rules = &mut machine.ctx.cfg;
        rules.disable_nonce_check = true;
        rules.disable_eip3607 = true;
        rules.disable_base_fee = request.gas_price == 0;
        let authorizations = request.authorization_list.iter().cloned();
        let is_delegation = !request.authorization_list.is_empty();
        let transaction = TxEnv {
            tx_type: if is_delegation {
                4
            } else {
                u8::from(!request.access_list.is_empty())
            },
            caller: request.from,
            gas_limit: request.gas.unwrap_or(TRANSACTION_GAS).min(TRANSACTION_GAS),
            gas_price: request.gas_price,
            kind: request.to.map_or(TxKind::Create, TxKind::Call),
            value: request.value,
            data: request.data.clone(),
            nonce: 0,
            chain_id: Some(config.chain_id),
            access_list: request.access_list.clone(),
            gas_priority_fee: is_delegation.then_some(request.gas_price),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: authorizations.map(Either::Left).collect(),
        };
        Ok(Self {
            machine,
            transaction,
        })
    }

    /// The gas limit asked for, or what the caller can pay of it.
    fn affordable_gas(&mut self) -> Result<Result<u64, CallFailure>, StateError> {
        let asked = self.transaction.gas_limit;
        if self.transaction.gas_price == 0 {
            return Ok(Ok(asked));
        }
        let overlay = self.machine.ctx.db_mut();
        let account = overlay.account(self.transaction.caller)?;
        let balance = account.map_or(U256::ZERO, |account| account.balance);
        let left = balance.saturating_sub(self.transaction.value);
        if left.is_zero() {
            let reason = "insufficient funds for transfer".to_owned();
            return Ok(Err(CallFailure::Refused(reason)));
        }
        let gas = left / U256::from(self.transaction.gas_price);
        Ok(Ok(asked.min(u64::try_from(gas).unwrap_or(u64::MAX))))
    }

    fn run(&mut self, gas_limit: u64) -> Answer {
        let transaction = TxEnv {
            gas_limit,
            ..self.transaction.clone()
        };
        let result = match self.machine.transact(transaction) {
            Ok(done) => done.result,
            Err(EVMError::Database(Failure(error))) => return Err(error),
            Err(
                error @ EVMError::Transaction(
                    InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                    | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
                ),
            ) => return Ok(Err(CallFailure::IntrinsicGas(block::reason(&error)))),
            Err(error) => return Ok(Err(CallFailure::Refused(block::reason(&error)))),
        };
        let gas_used = result.gas().tx_gas_used();
        Ok(match result {
            ExecutionResult::Success { output, logs, .. } => Ok(CallResult {
                output: output.into_data(),
                gas_used,
                logs,
            }),
            ExecutionResult::Revert { output, .. } => Err(CallFailure::Reverted(output)),
            ExecutionResult::Halt { reason, .. } => Err(halted(&reason)),
        })
    }
}

/// What the EVM stopped at.
fn halted(reason: &HaltReason) -> CallFailure {
    let words = match reason {
        HaltReason::OutOfGas(_) => return CallFailure::OutOfGas,
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::CallTooDeep => "max call depth exceeded",
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        other => return CallFailure::Halted(format!("execution halted: {other}")),
    };
    CallFailure::Halted(words.to_owned())
}
