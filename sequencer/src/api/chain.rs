//! Routes about the chain of committees: what a light client needs, and who validates.

use std::collections::HashMap;

use axum::extract::State;
use hotshot_types::{Address, Epoch, GenesisDocument, Height, PublicKey, finality::FinalityProof};
use sequencer_client::types::{AncestorAnswer, EpochAnswer, ProblemCode, Validator, Validators};

use super::{
    Context, Reader,
    extract::{BlockName, FromEpoch, Nothing, Parameters, Segments},
    refusal::Refusal,
    router::{Cached, Json},
};

impl Reader {
    /// Proves a block final to whoever trusts the committee of an epoch.
    pub(super) fn finality(
        &self,
        from_epoch: Epoch,
        height: Height,
    ) -> Result<FinalityProof, Refusal> {
        if from_epoch < Epoch::FIRST {
            return Err(Refusal::invalid(
                "from_epoch must be at least 1: epochs begin there",
            ));
        }
        let proof = self.storage().finality_proof(from_epoch, height)?;
        proof.ok_or_else(|| {
            Refusal::new(
                ProblemCode::EpochUnknown,
                format!(
                    "no proof from epoch {from_epoch} leads to block {height} yet: the last final block is {} of epoch {}",
                    self.served,
                    Epoch::of(self.served, self.context.genesis().parameters.epoch_length),
                ),
            )
        })
    }

    /// Proves the block at a height to whoever knows a later one.
    fn ancestor(&self, name: BlockName, height: Height) -> Result<AncestorAnswer, Refusal> {
        let later = self.header(name)?;
        if height >= later.height {
            return Err(Refusal::invalid(format!(
                "block {height} is not before block {}",
                later.height
            )));
        }
        let proof = self.storage().header_proof(height, later.height)?;
        let missing = || Refusal::internal("the history is not stored");
        Ok(AncestorAnswer {
            block: later.hash(),
            header: self.header(BlockName::Height(height))?.header().clone(),
            proof: proof.ok_or_else(missing)?,
        })
    }
}

pub(super) async fn finality(
    State(context): State<Context>,
    Segments(name): Segments<String>,
    Parameters(query): Parameters<FromEpoch>,
) -> Result<Cached<Json<FinalityProof>>, Refusal> {
    let name = BlockName::parse(&name)?;
    let proof = context
        .read(move |reader| {
            let header = reader.header(name)?;
            reader.finality(query.from_epoch, header.height)
        })
        .await?;
    Ok(Cached(Json(proof), name.is_fixed()))
}

pub(super) async fn ancestor(
    State(context): State<Context>,
    Segments((name, height)): Segments<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Cached<Json<AncestorAnswer>>, Refusal> {
    let name = BlockName::parse(&name)?;
    let height = height.parse().map(Height).map_err(|_| {
        Refusal::invalid(format!(
            "`{height}` is no height: write a number below that of the block"
        ))
    })?;
    let answer = context
        .read(move |reader| reader.ancestor(name, height))
        .await?;
    Ok(Cached(Json(answer), name.is_fixed()))
}

pub(super) async fn epoch(
    State(context): State<Context>,
    Segments(epoch): Segments<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Json<EpochAnswer>, Refusal> {
    let length = context.genesis().parameters.epoch_length;
    let current = Epoch::of(context.served().next(), length);
    let epoch = match epoch.as_str() {
        "latest" | "current" => current,
        text => Epoch(text.parse().map_err(|_| {
            Refusal::invalid(format!(
                "`{text}` is no epoch: write a number from 1, or `latest`"
            ))
        })?),
    };
    let unknown = move || {
        Refusal::new(
            ProblemCode::EpochUnknown,
            format!("epoch {epoch} is unknown: epochs begin with 1, the current one is {current}"),
        )
    };
    // Larger numbers are no epochs, and their heights would not fit.
    if epoch < Epoch::FIRST || epoch > current.plus(2) {
        return Err(unknown());
    }
    let info = context
        .read(move |reader| Ok(reader.storage().epoch(epoch)?))
        .await?;
    let info = info.ok_or_else(unknown)?;
    let last_height = epoch.last_height(length);
    Ok(Json(EpochAnswer {
        epoch,
        first_height: Height(last_height.0 - length + 1),
        last_height,
        commitment: info.committee.commitment(),
        committee: info.committee.as_ref().clone(),
    }))
}

pub(super) async fn validators(
    State(context): State<Context>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Json<Validators>, Refusal> {
    let epoch = Epoch::of(
        context.served().next(),
        context.genesis().parameters.epoch_length,
    );
    let info = context
        .read(move |reader| Ok(reader.storage().epoch(epoch)?))
        .await?;
    let info = info.ok_or_else(|| Refusal::internal("the current committee is not stored"))?;
    let contacts = contacts(&context);
    let validators = (0_u16..)
        .zip(info.committee.members())
        .map(|(index, member)| {
            let contact = contacts.get(&member.key.to_bytes());
            Validator {
                index,
                key: member.key,
                weight: member.weight,
                operator: contact.map(|(operator, _)| *operator),
                address: contact.map(|(_, address)| address.clone()),
            }
        });
    Ok(Json(Validators {
        epoch,
        total_weight: info.committee.total().to_string(),
        quorum: info.committee.quorum().to_string(),
        validators: validators.collect(),
    }))
}

/// Account and address of every consensus key that the genesis document or the stake table names;
/// the stake table is newer.
fn contacts(context: &Context) -> HashMap<[u8; PublicKey::LEN], (Address, String)> {
    let of_genesis = context.genesis().validators.iter();
    let of_genesis = of_genesis.map(|known| {
        (
            known.key.to_bytes(),
            (known.operator, known.address.clone()),
        )
    });
    let registered = context.registered();
    let of_table = registered.iter().map(|known| {
        (
            known.key.to_bytes(),
            (known.operator, known.address.clone()),
        )
    });
    of_genesis.chain(of_table).collect()
}

pub(super) async fn genesis(
    State(context): State<Context>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Cached<Json<GenesisDocument>> {
    Cached(Json(context.genesis().clone()), true)
}
