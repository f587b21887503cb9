//! Blocks, bodies and summaries by what a light client on an L1 stores.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chain;

use chain::{Chain, id};
use hotshot_types::{Hash, Height, digest::keccak_concat};
use sequencer_proof::{
    Anchor, AnchorError, VerifiedBlock, VerifiedBody, VerifiedSummary, VerifyError, trust,
};

fn entry(chain: &Chain, height: u64) -> Hash {
    let header = chain.header(height);
    keccak_concat(&[&header.hash().0, &header.history_root.0])
}

fn anchor(chain: &Chain, height: u64) -> Anchor {
    Anchor::open(entry(chain, height), chain.header(height).clone()).unwrap()
}

fn block(chain: &Chain, height: u64) -> VerifiedBlock {
    let header = chain.header(height).clone();
    VerifiedBlock::by_anchor(&anchor(chain, height), header, None).unwrap()
}

#[test]
fn only_the_block_of_the_entry_opens_it() {
    let chain = Chain::sample();
    let opened = anchor(&chain, 8);
    assert_eq!(opened.block().header, *chain.header(8));
    let mut header = chain.header(8).clone();
    header.timestamp_ms.0 += 1;
    for other in [header, chain.header(7).clone()] {
        let refused = Anchor::open(entry(&chain, 8), other);
        assert!(matches!(refused, Err(AnchorError::OtherEntry { .. })));
    }
}

#[test]
fn every_block_before_the_anchor_is_proven_by_it_and_no_other() {
    let chain = Chain::sample();
    let anchor = anchor(&chain, 8);
    for height in 0..8 {
        let (header, path) = (chain.header(height), chain.header_proof(height, 8));
        let proven = VerifiedBlock::by_anchor(&anchor, header.clone(), Some(&path)).unwrap();
        assert_eq!(proven.hash, header.hash());
        let without = VerifiedBlock::by_anchor(&anchor, header.clone(), None);
        assert_eq!(without, Err(AnchorError::OtherBlock(Height(height))));
        let mut altered = header.clone();
        altered.l1_finalized.number += 1;
        let refused = VerifiedBlock::by_anchor(&anchor, altered, Some(&path));
        assert_eq!(refused, Err(AnchorError::NotInHistory(Height(height))));
        let elsewhere = chain.header_proof(height, 9);
        let refused = VerifiedBlock::by_anchor(&anchor, header.clone(), Some(&elsewhere));
        assert_eq!(refused, Err(AnchorError::NotInHistory(Height(height))));
    }
    let (later, path) = (chain.header(9), chain.header_proof(9, 10));
    assert!(VerifiedBlock::by_anchor(&anchor, later.clone(), Some(&path)).is_err());
    assert!(VerifiedBlock::by_anchor(&anchor, later.clone(), None).is_err());
}

#[test]
fn a_certificate_and_an_anchor_prove_the_same_block() {
    let chain = Chain::sample();
    let mut trust = trust::from_genesis(&chain.genesis).unwrap();
    let certified = VerifiedBlock::by_certificate(&chain.finality(1, 7), &mut trust).unwrap();
    assert_eq!(certified, block(&chain, 7));
}

#[test]
fn a_body_is_that_of_its_block_and_namespace() {
    let chain = Chain::sample();
    let (five, seven) = (block(&chain, 5), block(&chain, 7));
    let proof = chain.block(5).tree.prove(id(7));
    let transactions = chain.transactions(5, 7);
    let body = VerifiedBody::new(&five, id(7), &transactions, &proof);
    let body = body.unwrap().unwrap();
    assert_eq!((body.block_hash(), body.len()), (five.hash, 3));
    assert!(VerifiedBody::new(&seven, id(7), &transactions, &proof).is_err());
    assert!(VerifiedBody::new(&five, id(9), &transactions, &proof).is_err());
    assert!(VerifiedBody::new(&five, id(7), &transactions[1..], &proof).is_err());
    let absent = chain.block(5).tree.prove(id(8));
    assert_eq!(VerifiedBody::new(&five, id(8), &[], &absent), Ok(None));
    let accumulator = chain.accumulator(5, 7);
    let with = body.clone().with_summary(&five, &accumulator).unwrap();
    assert_eq!(with.summary(), accumulator.entry());
    let other = body.clone().with_summary(&seven, &chain.accumulator(7, 7));
    assert_eq!(other, Err(VerifyError::OtherBlock(seven.hash)));
    assert!(body.with_summary(&five, &chain.accumulator(4, 7)).is_err());
}

#[test]
fn a_summary_is_that_of_its_header() {
    let chain = Chain::sample();
    let summary = VerifiedSummary::new(block(&chain, 6), id(7), &chain.accumulator(6, 7));
    assert_eq!(summary.unwrap().entry().block_count, 3);
    let never = VerifiedSummary::new(block(&chain, 6), id(555), &chain.accumulator(6, 555));
    assert_eq!(never.unwrap().entry().block_count, 0);
    assert!(VerifiedSummary::new(block(&chain, 7), id(7), &chain.accumulator(6, 7)).is_err());
    assert!(VerifiedSummary::new(block(&chain, 6), id(9), &chain.accumulator(6, 7)).is_err());
}
