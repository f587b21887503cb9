//! Where calls are checked, shown, or sent.

use hotshot_types::{Address, GenesisDocument};
use light_client::{
    Account,
    abi::SolCall,
    refusal,
    rpc::{Endpoint, Tag, ViewError},
    send::{SendConfig, Sender},
};
use serde_json::json;

use super::{Place, Sending, moves::Step, print_calls};
use crate::{
    cli::{
        exit::{Exit, Failure},
        output,
    },
    genesis_file,
    keys::{self, PasswordSource, Unlock},
};

/// A network and a node of its home L1.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) genesis: GenesisDocument,
    pub(super) endpoint: Option<Endpoint>,
}

impl Means {
    pub(super) fn of(place: &Place) -> Result<Self, Failure> {
        let genesis = genesis_file::load(&place.genesis)?;
        if genesis.l1_chain_id == 0 {
            let message = "this network has no stake table: its genesis document names no L1";
            return Err(Failure::new(Exit::Config, message));
        }
        let endpoint = place.l1.as_ref().map(|url| Endpoint::new(&url.0));
        Ok(Self {
            genesis,
            endpoint: endpoint.transpose()?,
        })
    }

    /// The endpoint, if it is of the home L1.
    pub(super) async fn endpoint(&self) -> Result<&Endpoint, Failure> {
        let endpoint = self.endpoint.as_ref().ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "pass --l1 URL of a node of the home L1 (or set SEQUENCER_STAKE_L1)",
            )
        })?;
        let found = endpoint.chain_id().await?;
        let expected = self.genesis.l1_chain_id;
        if found == expected {
            return Ok(endpoint);
        }
        let message = format!(
            "{} is a node of chain {found}, and the stake table is on chain {expected}",
            endpoint.name()
        );
        Err(Failure::new(Exit::Config, message))
    }

    /// Calls a view of a contract.
    pub(super) async fn view<C: SolCall>(
        &self,
        contract: Address,
        call: C,
    ) -> Result<C::Return, Failure> {
        let endpoint = self.endpoint().await?;
        let answer = endpoint.view(contract, &call, Tag::Latest).await;
        answer.map_err(|error| match error {
            ViewError::Rpc(error) => error.into(),
            ViewError::Refused(data) => Failure::new(Exit::Refused, refusal::sentence(&data)),
            ViewError::NoContract { .. } => {
                let message = format!("there is no such contract at {contract}: is it deployed, and the genesis document right?");
                Failure::new(Exit::NotFound, message)
            }
        })
    }
}

/// Means and an account.
pub(super) struct Desk {
    means: Means,
    account: Option<Account>,
    sending: Sending,
}

impl Desk {
    pub(super) async fn open(sending: &Sending) -> Result<Self, Failure> {
        let means = Means::of(&sending.place)?;
        let account = match &sending.account {
            Some(file) => {
                let source = PasswordSource::of(sending.account_password_file.as_deref(), None);
                Some(keys::load_account(file, &mut Unlock::with(source))?)
            }
            None if sending.calldata_only => None,
            None => {
                let message = "pass --account FILE with the key of the L1 account, or --calldata-only to send with another wallet";
                return Err(Failure::new(Exit::Key, message));
            }
        };
        if !sending.calldata_only {
            means.endpoint().await?;
        }
        Ok(Self {
            means,
            account,
            sending: sending.clone(),
        })
    }

    pub(super) fn genesis(&self) -> &GenesisDocument {
        &self.means.genesis
    }

    pub(super) fn stake_table(&self) -> Address {
        self.means.genesis.stake_table
    }

    /// Whether the L1 may be asked.
    pub(super) fn is_online(&self) -> bool {
        self.means.endpoint.is_some()
    }

    pub(super) fn means(&self) -> &Means {
        &self.means
    }

    pub(super) fn sender_address(&self) -> Option<Address> {
        self.account.as_ref().map(Account::address)
    }

    /// The validator that a call is about: the sender's own where none is named.
    pub(super) fn operator(&self, named: Option<Address>) -> Result<Address, Failure> {
        named.or(self.sender_address()).ok_or_else(|| {
            let message = "whose? pass --operator ADDRESS, --payload FILE, or --account FILE";
            Failure::new(Exit::Usage, message)
        })
    }

    /// Shows the calls, tries them out, or sends them one after the other.
    pub(super) async fn settle(&self, steps: Vec<Step>) -> Result<(), Failure> {
        let (Some(account), false) = (&self.account, self.sending.calldata_only) else {
            return print_calls(&steps);
        };
        let endpoint = self.means.endpoint().await?.clone();
        let config = SendConfig {
            most_fee: u128::from(self.sending.max_fee_gwei) * 1_000_000_000,
            ..SendConfig::default()
        };
        let sender = Sender::new(endpoint, account.clone(), config).await?;
        if self.sending.dry_run {
            return self.try_out(&sender, &steps).await;
        }
        let mut done = Vec::new();
        for step in steps {
            eprintln!("{} ..", step.what);
            let receipt = sender.send(Some(step.to), step.data.0).await?;
            done.push(json!({
                "what": step.what,
                "transaction": receipt.transaction_hash,
                "l1_block": receipt.block_number,
                "gas": receipt.gas_used,
            }));
            if !self.sending.place.json {
                output::line(format_args!(
                    "{}: transaction {} in L1 block {}, {} gas",
                    step.what, receipt.transaction_hash, receipt.block_number, receipt.gas_used
                ))?;
            }
        }
        if self.sending.place.json {
            output::json(&done)?;
        }
        Ok(())
    }

    /// Only the first step can be tried out where others build on it.
    async fn try_out(&self, sender: &Sender, steps: &[Step]) -> Result<(), Failure> {
        let mut tried = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let gas = match number {
                0 => Some(sender.try_out(Some(step.to), step.data.0.clone()).await?),
                _ => None,
            };
            tried.push(json!({"what": step.what, "to": step.to, "gas": gas}));
            if !self.sending.place.json {
                let cost = gas.map_or_else(
                    || "can be tried out once the step before is done".to_owned(),
                    |gas| format!("would take {gas} gas"),
                );
                output::line(format_args!("{}: {cost}", step.what))?;
            }
        }
        if self.sending.place.json {
            return output::json(&tried);
        }
        output::line("nothing was sent")
    }
}
