//! The calls that each verb is made of, after the checks that cost nothing.

use hotshot_types::Address;
use light_client::{
    abi::{
        self, SolCall as _, U256, from_address, from_amount, stake_table::IStakeTable,
        token::IStakeToken,
    },
    points,
    rpc::Data,
};
use serde::Serialize;

use super::{Amount, Desk, Payload};
use crate::cli::exit::{Exit, Failure};

/// One call.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    /// What it does, in words.
    pub(super) what: String,
    /// The contract.
    pub(super) to: Address,
    /// What it is called with.
    pub(super) data: Data,
}

/// Registers, after an approval if that is needed.
pub(super) async fn register(
    desk: &Desk,
    payload: &Payload,
    amount: Amount,
) -> Result<Vec<Step>, Failure> {
    if desk.is_online() {
        check_registration(desk, payload, amount).await?;
    }
    let mut steps = approval(desk, amount).await?;
    let possession = payload
        .possession
        .point()
        .ok_or_else(|| Failure::new(Exit::Invalid, "the proof of possession is no signature"))?;
    let call = IStakeTable::registerCall {
        pk1: points::words_g1(&payload.key.point_g1()),
        pk2: points::words_g2(&payload.key.point_g2()),
        possession: points::words_g1(&possession),
        networkKey: abi::word(payload.network_key),
        networkAddress: payload.address.clone(),
        amount: in_units(amount)?,
    };
    steps.push(Step {
        what: format!("register {} with {amount} tokens", payload.operator),
        to: desk.stake_table(),
        data: Data(call.abi_encode()),
    });
    Ok(steps)
}

async fn check_registration(desk: &Desk, payload: &Payload, amount: Amount) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::new(Exit::Refused, message));
    let (means, table) = (desk.means(), desk.stake_table());
    let minimum = means.view(table, IStakeTable::minimumStakeCall {}).await?;
    let minimum = Amount(from_amount(minimum));
    if amount.0 < minimum.0 {
        return refuse(format!(
            "{amount} tokens are below the least stake of {minimum}"
        ));
    }
    let account = abi::address(payload.operator);
    let known = means
        .view(table, IStakeTable::operatorCall { account })
        .await?;
    if known.retained != 0 {
        return refuse(format!(
            "{} is an operator already, or was one: an account registers once",
            payload.operator
        ));
    }
    let key = hotshot_types::digest::keccak(&payload.key.point_g2().0);
    let key = abi::word(key);
    let owner = means
        .view(table, IStakeTable::operatorOfCall { key })
        .await?;
    let owner = from_address(owner);
    if owner != Address::ZERO {
        return refuse(format!(
            "the consensus key is registered already, by {owner}: make another with `sequencer keys new`"
        ));
    }
    Ok(())
}

/// Lets the stake table take the tokens; nothing if it may already.
async fn approval(desk: &Desk, amount: Amount) -> Result<Vec<Step>, Failure> {
    let table = desk.stake_table();
    let (token, is_needed) = if desk.is_online() {
        let means = desk.means();
        let token = means.view(table, IStakeTable::tokenCall {}).await?;
        let token = from_address(token);
        let mut is_needed = true;
        if let Some(owner) = desk.sender_address() {
            let account = abi::address(owner);
            let balance = means
                .view(token, IStakeToken::balanceOfCall { account })
                .await?;
            if balance < U256::from(amount.0) {
                let has = u128::try_from(balance).unwrap_or(u128::MAX);
                let message = format!("{owner} has {} tokens and needs {amount}", Amount(has));
                return Err(Failure::new(Exit::Refused, message));
            }
            let spender = abi::address(table);
            let call = IStakeToken::allowanceCall {
                owner: account,
                spender,
            };
            is_needed = means.view(token, call).await? < U256::from(amount.0);
        }
        (token, is_needed)
    } else {
        let message = "pass --l1 URL: it takes a look at the L1 to know which token is staked";
        return Err(Failure::new(Exit::Usage, message));
    };
    if !is_needed {
        return Ok(Vec::new());
    }
    let call = IStakeToken::approveCall {
        spender: abi::address(table),
        value: U256::from(amount.0),
    };
    Ok(vec![Step {
        what: format!("let the stake table take {amount} tokens"),
        to: token,
        data: Data(call.abi_encode()),
    }])
}

/// Adds stake.
pub(super) async fn delegate(
    desk: &Desk,
    operator: Address,
    amount: Amount,
) -> Result<Vec<Step>, Failure> {
    let mut steps = approval(desk, amount).await?;
    let call = IStakeTable::delegateCall {
        operator: abi::address(operator),
        amount: in_units(amount)?,
    };
    steps.push(Step {
        what: format!("add {amount} tokens to {operator}"),
        to: desk.stake_table(),
        data: Data(call.abi_encode()),
    });
    Ok(steps)
}

/// Takes stake back.
pub(super) fn undelegate(desk: &Desk, operator: Address, amount: Amount) -> Vec<Step> {
    let call = IStakeTable::undelegateCall {
        operator: abi::address(operator),
        amount: in_units(amount).unwrap_or_default(),
    };
    vec![Step {
        what: format!("take {amount} tokens back from {operator}"),
        to: desk.stake_table(),
        data: Data(call.abi_encode()),
    }]
}

/// Leaves for good.
pub(super) fn exit(desk: &Desk) -> Vec<Step> {
    vec![Step {
        what: "leave for good, with all own stake".into(),
        to: desk.stake_table(),
        data: Data(IStakeTable::deregisterCall {}.abi_encode()),
    }]
}

/// Has withdrawals paid out.
pub(super) fn withdraw(desk: &Desk, withdrawals: &[u64]) -> Vec<Step> {
    let step = |number: &u64| {
        let withdrawal = U256::from(*number);
        Step {
            what: format!("pay withdrawal {number}"),
            to: desk.stake_table(),
            data: Data(IStakeTable::withdrawCall { withdrawal }.abi_encode()),
        }
    };
    withdrawals.iter().map(step).collect()
}

/// Replaces the consensus key.
pub(super) fn rotate(desk: &Desk, payload: &Payload) -> Result<Vec<Step>, Failure> {
    let possession = payload
        .possession
        .point()
        .ok_or_else(|| Failure::new(Exit::Invalid, "the proof of possession is no signature"))?;
    let call = IStakeTable::rotateKeysCall {
        pk1: points::words_g1(&payload.key.point_g1()),
        pk2: points::words_g2(&payload.key.point_g2()),
        possession: points::words_g1(&possession),
    };
    Ok(vec![Step {
        what: format!("replace the consensus key of {}", payload.operator),
        to: desk.stake_table(),
        data: Data(call.abi_encode()),
    }])
}

/// Replaces network key and address.
pub(super) fn update_network(desk: &Desk, payload: &Payload) -> Vec<Step> {
    let call = IStakeTable::updateNetworkCall {
        networkKey: abi::word(payload.network_key),
        networkAddress: payload.address.clone(),
    };
    vec![Step {
        what: format!(
            "tell that {} is reached at {}",
            payload.operator, payload.address
        ),
        to: desk.stake_table(),
        data: Data(call.abi_encode()),
    }]
}

fn in_units(amount: Amount) -> Result<light_client::abi::Uint<96, 2>, Failure> {
    abi::amount(amount.0)
        .ok_or_else(|| Failure::new(Exit::Usage, "more than the stake table can count"))
}
