//! What a genesis document defines, checked beyond what consensus itself needs.

use std::{collections::BTreeMap, fmt};

use hotshot_types::{Epoch, GenesisDocument, Hash, Parameters, genesis::GenesisValidator};
use libp2p::identity::ed25519;
use serde::Serialize;

use crate::{
    cli::exit::{Exit, Failure},
    config,
};

/// A checked genesis document in brief.
#[derive(Debug, Serialize)]
pub(super) struct Inspection {
    hash: Hash,
    chain_domain: Hash,
    validators: Vec<Validator>,
    total_weight: String,
    quorum: String,
    parameters: Parameters,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Validator {
    index: usize,
    weight: u64,
    address: String,
    peer_id: String,
}

/// Checks the document, its network keys and addresses.
pub(super) fn inspect(document: &GenesisDocument) -> Result<Inspection, Failure> {
    let invalid = |message: String| Failure::new(Exit::Config, message);
    document
        .check()
        .map_err(|error| invalid(error.to_string()))?;
    let committee = document
        .committee(Epoch::FIRST)
        .map_err(|error| invalid(error.to_string()))?;
    let mut validators = Vec::new();
    let mut addresses = BTreeMap::new();
    for (index, validator) in document.validators.iter().enumerate() {
        let peer_id = peer_id(validator)
            .ok_or_else(|| invalid(format!("the network key of validator {index} is invalid")))?;
        config::check_dialable(&validator.address)
            .map_err(|error| invalid(format!("the address of validator {index}: {error}")))?;
        if let Some(earlier) = addresses.insert(&validator.address, index) {
            return Err(invalid(format!(
                "validators {earlier} and {index} have the same address, `{}`: each needs its own",
                validator.address
            )));
        }
        let (weight, address) = (validator.weight, validator.address.clone());
        validators.push(Validator {
            index,
            weight,
            address,
            peer_id,
        });
    }
    Ok(Inspection {
        hash: document.hash(),
        chain_domain: document.chain_domain(),
        total_weight: committee.total().to_string(),
        quorum: committee.quorum().to_string(),
        parameters: document.parameters,
        warnings: warnings(&validators),
        validators,
    })
}

fn peer_id(validator: &GenesisValidator) -> Option<String> {
    let key = ed25519::PublicKey::try_from_bytes(&validator.network_key.0).ok()?;
    Some(
        libp2p::identity::PublicKey::from(key)
            .to_peer_id()
            .to_string(),
    )
}

fn warnings(validators: &[Validator]) -> Vec<String> {
    let mut warnings = Vec::new();
    if validators.len() < 4 {
        warnings.push("fewer than 4 validators: the network stops when one of them does".into());
    }
    let total: u128 = validators
        .iter()
        .map(|validator| u128::from(validator.weight))
        .sum();
    for Validator { index, weight, .. } in validators {
        if validators.len() >= 4 && 3 * u128::from(*weight) >= total {
            warnings.push(format!(
                "validator {index} holds a third of the weight: the network stops when it does"
            ));
        }
    }
    warnings
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameters, .. } = self;
        writeln!(f, "hash          {}", self.hash)?;
        writeln!(f, "chain domain  {}", self.chain_domain)?;
        writeln!(
            f,
            "parameters    {} blocks an epoch, view timeout {} ms, empty-block delay {} ms",
            parameters.epoch_length, parameters.view_timeout_ms, parameters.empty_block_delay_ms
        )?;
        write!(
            f,
            "validators    {}, weight {}, quorum {}",
            self.validators.len(),
            self.total_weight,
            self.quorum
        )?;
        for Validator {
            index,
            weight,
            address,
            peer_id,
        } in &self.validators
        {
            write!(f, "\n  {index:>3}  weight {weight}  {address}  {peer_id}")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}
