use hotshot_types::Hash;

use super::*;

fn status(number: u64, highest: u64) -> L1Status {
    L1Status {
        finalized: Some(L1Block {
            number,
            hash: Hash::ZERO,
            timestamp: 0,
        }),
        highest,
        agreed: Some(Instant::now()),
        taken_back: None,
        alarm: None,
    }
}

#[test]
fn a_node_that_has_read_no_final_block_is_not_ready_and_says_why() {
    let unread = L1Status {
        alarm: Some("nobody answers".into()),
        ..L1Status::default()
    };
    let why = unread.why_not_ready().unwrap();
    assert_eq!(why, "no final L1 block is known yet: nobody answers");
}

#[test]
fn a_lag_above_the_bound_is_a_reason_and_one_at_it_is_none() {
    assert_eq!(status(10, 10 + MAX_LAG).why_not_ready(), None);
    assert!(status(10, 11 + MAX_LAG).why_not_ready().is_some());
}

#[test]
fn an_l1_that_took_back_a_final_block_is_a_reason_at_once() {
    let status = L1Status {
        taken_back: Some("block 7 is another one".into()),
        ..status(10, 10)
    };
    assert_eq!(status.why_not_ready().unwrap(), "block 7 is another one");
}
