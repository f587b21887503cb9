use hotshot_types::{
    Epoch, Hash, Height, L1Block, Round, Signature, Signers, Statement, TimestampMs,
    ValidatorIndex, View, finality::EpochStep, header::HEADER_VERSION,
};

use super::*;

/// Ten blocks an epoch.
fn candidate(height: u64) -> Candidate {
    let epoch = Epoch((height - 1) / 10 + 1);
    let header = Header {
        version: HEADER_VERSION,
        chain_domain: Hash::ZERO,
        height: Height(height),
        epoch,
        origin_view: View(1),
        proposer: ValidatorIndex(0),
        parent_hash: Hash::ZERO,
        timestamp_ms: TimestampMs(height),
        l1_finalized: L1Block::default(),
        payload_len: 0,
        shard_root: Hash::ZERO,
        ns_root: Hash::ZERO,
        ns_acc_root: Hash::ZERO,
        history_root: Hash::ZERO,
        next_committee: Hash::ZERO,
        randao_reveal: Signature::ZERO,
        randao_mix: Hash::ZERO,
    };
    let statement = Statement {
        round: Round::new(epoch.0, 1),
        height: Height(height),
        hash: header.hash(),
    };
    let signers = Signers::of(4, [0, 1, 2].map(ValidatorIndex));
    Candidate {
        certificate: FinalityCertificate::claimed(statement, signers, Signature::ZERO),
        header,
    }
}

fn proof(height: u64, from_epoch: u64) -> FinalityProof {
    let Candidate {
        header,
        certificate,
    } = candidate(height);
    let steps = (from_epoch..header.epoch.0).map(|epoch| {
        let last = candidate(10 * epoch);
        EpochStep {
            header: last.header,
            certificate: last.certificate,
            members: None,
        }
    });
    FinalityProof {
        steps: steps.collect(),
        certified: header,
        certificate,
        ancestor: None,
    }
}

fn state(height: u64, epoch: u64) -> Finalized {
    Finalized {
        height,
        epoch,
        timestamp: 0,
        l1Block: 0,
        entry: 0,
        l1Finalized: 0,
    }
}

fn heights(state: &Finalized, newest: u64, every: Option<u64>) -> Vec<u64> {
    let proof = proof(newest, state.epoch.max(1));
    let due = plan(state, &proof, candidate(newest), every).unwrap();
    due.iter().map(|due| due.header.height.0).collect()
}

#[test]
fn one_update_an_epoch_is_due_and_no_more_unless_asked_for() {
    assert_eq!(heights(&state(0, 1), 5, None), Vec::<u64>::new());
    assert_eq!(heights(&state(0, 1), 5, Some(5)), [5]);
    assert_eq!(heights(&state(0, 1), 5, Some(6)), Vec::<u64>::new());
    assert_eq!(heights(&state(5, 1), 11, None), [11]);
}

#[test]
fn each_skipped_epoch_costs_one_update() {
    assert_eq!(heights(&state(5, 1), 45, None), [20, 30, 40, 45]);
}

#[test]
fn nothing_is_due_for_a_block_that_the_light_client_has() {
    assert_eq!(heights(&state(45, 5), 45, Some(1)), Vec::<u64>::new());
    assert_eq!(heights(&state(45, 5), 41, Some(1)), Vec::<u64>::new());
}

#[test]
fn a_proof_that_lacks_an_epoch_gives_no_plan() {
    let mut proof = proof(45, 1);
    proof.steps.retain(|step| step.header.epoch != Epoch(3));
    assert_eq!(plan(&state(5, 1), &proof, candidate(45), None), None);
}
