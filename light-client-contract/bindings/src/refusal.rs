//! Why a contract refused, in sentences that say what to do.

use hotshot_types::Hash;

use crate::abi::{
    Revert, SolError as _, SolInterface as _, from_address, from_amount,
    light_client::ILightClient::ILightClientErrors as Light,
    stake_table::IStakeTable::IStakeTableErrors as Stake, token::IStakeToken::IStakeTokenErrors,
};

/// What a reverted call's data says; the data itself if it is of no contract here.
#[must_use]
pub fn sentence(data: &[u8]) -> String {
    if let Ok(error) = Stake::abi_decode(data) {
        return stake_table(&error);
    }
    if let Ok(error) = Light::abi_decode(data) {
        return light_client(&error);
    }
    if let Ok(error) = IStakeTokenErrors::abi_decode(data) {
        return token(&error);
    }
    match Revert::abi_decode(data) {
        Ok(revert) => revert.reason,
        Err(_) if data.is_empty() => {
            "the contract refused without saying why: is it deployed at this address?".into()
        }
        Err(_) => format!("the contract refused: 0x{}", hex::encode(data)),
    }
}

fn stake_table(error: &Stake) -> String {
    match error {
        Stake::StakeTable_AlreadyRegistered(e) => format!(
            "{} is an operator already, or was one: an account registers once",
            from_address(e.operator)
        ),
        Stake::StakeTable_NotRegistered(e) => format!(
            "{} is no operator: register it first, or correct the address",
            from_address(e.operator)
        ),
        Stake::StakeTable_Exited(e) => format!(
            "operator {} has left for good: register with another account",
            from_address(e.operator)
        ),
        Stake::StakeTable_Jailed(e) => format!(
            "operator {} was slashed and is out for good: it takes no stake",
            from_address(e.operator)
        ),
        Stake::StakeTable_KeyTaken(e) => format!(
            "the consensus key {} is registered already: make another with `sequencer keys new`",
            Hash(e.key.0)
        ),
        Stake::StakeTable_UnknownKey(e) => {
            format!("the consensus key {} belongs to no operator", Hash(e.key.0))
        }
        Stake::StakeTable_IdentityKey(_) => "the consensus key is no key".into(),
        Stake::StakeTable_WrongPossession(_) => "the proof of possession is wrong: it was made for another network, account or key. Make it anew with `sequencer stake payload` for this network and account".into(),
        Stake::StakeTable_BelowMinimum(e) => format!(
            "{} is below the least stake of {} (in units of 1e-18 tokens)",
            from_amount(e.amount),
            from_amount(e.minimum)
        ),
        Stake::StakeTable_ZeroAmount(_) => "nothing to move: the amount is zero".into(),
        Stake::StakeTable_StakeOverflow(_) => "the operator would have more stake than the table can count".into(),
        Stake::StakeTable_InsufficientStake(e) => format!(
            "there are {} to take, not {} (in units of 1e-18 tokens)",
            from_amount(e.available),
            from_amount(e.amount)
        ),
        Stake::StakeTable_WrongNetworkAddress(_) => "the network address must be a multiaddress of at most 256 bytes".into(),
        Stake::StakeTable_NoSuchWithdrawal(e) => format!("there is no withdrawal {}, or it was paid", e.withdrawal),
        Stake::StakeTable_InEscrow(e) => format!(
            "the stake is in escrow until {} (Unix time in seconds): try again then",
            e.until
        ),
        Stake::StakeTable_MayStillVote(e) => format!(
            "a committee that counts this stake may still vote: the light client has not seen it off (stake that left in L1 block {}). Relay an update of a later epoch, or wait",
            e.l1Block
        ),
        Stake::StakeTable_NoOffence(_) => "the statements do not contradict each other".into(),
        Stake::StakeTable_WrongSignature(_) => "a signature of the evidence is not the key's".into(),
        Stake::StakeTable_AlreadyConvicted(e) => format!(
            "operator {} was convicted of this in epoch {} already",
            from_address(e.operator),
            e.epoch
        ),
        Stake::StakeTable_NotTimelock(_) => "only the timelock changes the rule".into(),
        Stake::StakeTable_InvalidParameter(_) => "a parameter that no network can run with".into(),
    }
}

fn light_client(error: &Light) -> String {
    match error {
        Light::LightClient_Frozen(_) => "the light client is frozen: the network contradicted itself".into(),
        Light::LightClient_TrustExpired(e) => format!(
            "the light client's newest block (Unix time {}) is older than its trust period of {} s: its timelock has to set a new anchor",
            e.newest, e.trustPeriod
        ),
        Light::LightClient_TrustNotExpired(_) => "the trust period has not run out".into(),
        Light::LightClient_NotTimelock(_) => "only the timelock sets an anchor".into(),
        Light::LightClient_UnknownEpoch(e) => format!(
            "the light client is in epoch {} and takes a block of that or the next one, not of epoch {}",
            e.current, e.epoch
        ),
        Light::LightClient_StaleHeight(e) => format!(
            "block {} is not above {}, which the light client has: somebody else was faster",
            e.height, e.newest
        ),
        Light::LightClient_WrongCommittee(_) => "the committee is not the one that the chain committed to: is this the light client of this network?".into(),
        Light::LightClient_WrongMembers(_) => "the proof of those who did not sign is wrong".into(),
        Light::LightClient_MalformedAbsent(_) => "the list of those who did not sign is malformed".into(),
        Light::LightClient_AbsentOutOfOrder(_) => "the list of those who did not sign is out of order".into(),
        Light::LightClient_NoQuorum(_) => "less than a quorum signed".into(),
        Light::LightClient_IdentityKey(_) => "the signers' keys sum up to nothing".into(),
        Light::LightClient_WrongSignature(_) => "the certificate's signature is wrong".into(),
        Light::LightClient_NoSuchEntry(_) => "there is no such place in the ring".into(),
        Light::LightClient_WrongEntry(e) => format!(
            "the ring holds another block at place {}: a newer one may have taken it. Ask for the newest block and prove against that",
            e.entry
        ),
        Light::LightClient_NotInHistory(_) => "the block is not in the history of the ring's block".into(),
        Light::LightClient_NoConflict(_) => "the blocks do not contradict each other".into(),
        Light::LightClient_WrongNamespace(_) => "the block does not hold this namespace there".into(),
        Light::LightClient_WrongTransaction(_) => "the block does not hold this transaction there".into(),
        Light::LightClient_WrongAccumulator(_) => "the namespace's summary is another".into(),
        Light::LightClient_InvalidAnchor(_) => "an anchor that no network can have".into(),
    }
}

fn token(error: &IStakeTokenErrors) -> String {
    match error {
        IStakeTokenErrors::ERC20InsufficientBalance(e) => format!(
            "{} has {} of the stake's token and needs {} (in units of 1e-18)",
            from_address(e.sender),
            e.balance,
            e.needed
        ),
        IStakeTokenErrors::ERC20InsufficientAllowance(e) => format!(
            "the stake table may take {} of the account's tokens and needs {} (in units of 1e-18): approve it first",
            e.allowance, e.needed
        ),
    }
}
