use light_client::{
    abi::{SolEvent as _, stake_table::IStakeTable},
    rpc::Data,
};

use super::*;

const HERE: Hash = Hash([7; 32]);

fn span() -> Span {
    Span {
        contract: Address([1; 20]),
        blocks: LogRange { from: 1, to: 9 },
    }
}

#[test]
fn a_span_that_leads_elsewhere_lacks_events() {
    let before = Registry::new(HERE);
    assert_eq!(span().check(&[], &before, HERE), Some(Vec::new()));
    assert_eq!(span().check(&[], &before, Hash([8; 32])), None);
}

#[test]
fn logs_that_nobody_asked_for_are_refused() {
    let before = Registry::new(HERE);
    let outcome = |contract: u8, block_number, removed| {
        let log = Log {
            address: Address([contract; 20]),
            block_number,
            removed,
            // An event that the hash does not cover.
            topics: vec![Hash(IStakeTable::Withdrawn::SIGNATURE_HASH.0)],
            data: Data(Vec::new()),
            block_hash: Hash::ZERO,
            log_index: 0,
        };
        span().check(&[log], &before, HERE)
    };
    assert_eq!(outcome(1, 5, false), Some(Vec::new()), "asked for");
    assert_eq!(outcome(2, 5, false), None, "of another contract");
    assert_eq!(outcome(1, 10, false), None, "of another block");
    assert_eq!(outcome(1, 5, true), None, "taken back");
}
