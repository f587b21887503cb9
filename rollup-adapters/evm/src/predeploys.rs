//! The contracts that are there from genesis on: the way out, and the tokens of the L1.
//!
//! Their sources are `rollup-adapters/contracts/src/predeploys`; their runtime code is committed here, since it is part
//! of every rollup's genesis.

use alloy_primitives::{Address, Bytes, Log, U256, address, hex};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use revm::bytecode::Bytecode;
use rollup_types::{StateError, Withdrawal};

use crate::{
    abi::{IBridge, ITokenFactory},
    overlay::Overlay,
};

/// Where ether is withdrawn, and where all withdrawals are recorded. RE10
pub const BRIDGE: Address = address!("4200000000000000000000000000000000000010");
/// Where tokens of the L1 are minted and withdrawn. RE11
pub const TOKEN_FACTORY: Address = address!("4200000000000000000000000000000000000012");

const BRIDGE_CODE: &str = include_str!("../predeploys/Bridge.hex");
const TOKEN_FACTORY_CODE: &str = include_str!("../predeploys/TokenFactory.hex");

/// Puts them in place.
pub(crate) fn place(overlay: &mut Overlay<'_>, home_chain: u64) -> Result<(), StateError> {
    // As a created contract has it (EIP-161).
    let fresh = (U256::ZERO, 1);
    let home = (U256::ZERO, U256::from(home_chain));
    overlay.place(BRIDGE, fresh, code(BRIDGE_CODE), [home])?;
    overlay.place(TOKEN_FACTORY, fresh, code(TOKEN_FACTORY_CODE), [])
}

fn code(hexadecimal: &str) -> Bytecode {
    let bytes = hex::decode(hexadecimal.trim()).expect("the committed code is hexadecimal");
    Bytecode::new_legacy(bytes.into())
}

/// The call that mints a deposited token.
pub(crate) fn mint(token: Address, decimals: u8, amount: u128, recipient: Address) -> Bytes {
    let call = ITokenFactory::mintCall {
        l1Token: token,
        decimals,
        amount,
        recipient,
    };
    call.abi_encode().into()
}

/// The withdrawals that a transaction recorded, numbered from `index` on.
pub(crate) fn withdrawals(logs: &[Log], mut index: u64) -> Vec<Withdrawal> {
    let mut found = Vec::new();
    for log in logs {
        if log.address != BRIDGE || log.topics() != [IBridge::Withdrawal::SIGNATURE_HASH] {
            continue;
        }
        let Ok(event) = IBridge::Withdrawal::decode_log_data(&log.data) else {
            continue;
        };
        found.push(Withdrawal {
            index,
            chain_id: event.chainId,
            token: rollup_types::Address(event.token.into()),
            amount: event.amount,
            recipient: rollup_types::Address(event.recipient.into()),
        });
        index += 1;
    }
    found
}
