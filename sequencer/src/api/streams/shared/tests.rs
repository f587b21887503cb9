use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hotshot_types::Height;

use super::*;
use crate::api::streams::event::Event;

fn answer(height: u64, bytes: usize) -> Answer {
    let event = Event::new("block", Height(height), &"x".repeat(bytes));
    Answer {
        events: vec![event.expect("a string is JSON")],
        next: Height(height + 1),
        reached: None,
    }
}

#[tokio::test]
async fn what_many_ask_at_once_is_made_once() {
    let shared = SharedAnswers::default();
    let made = AtomicUsize::new(0);
    let one = || {
        shared.get(Question::Block(Height(1)), || async {
            made.fetch_add(1, Relaxed);
            tokio::task::yield_now().await;
            Ok(answer(1, 10))
        })
    };
    let all = futures::future::join_all((0..100).map(|_| one())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(made.load(Relaxed), 1);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let shared = SharedAnswers::default();
    let question = Question::Block(Height(1));
    let failed = shared
        .get(question, || async { Err(Refusal::invalid("no")) })
        .await;
    assert!(failed.is_err());
    let second = shared.get(question, || async { Ok(answer(1, 10)) }).await;
    assert!(second.is_ok());
}

#[tokio::test]
async fn number_and_bytes_are_bounded() {
    let shared = SharedAnswers::default();
    let ask = async |height: u64, bytes: usize| {
        let question = Question::Header(Height(height));
        let answer = shared.get(question, || async { Ok(answer(height, bytes)) });
        answer.await.expect("it was made").events.len()
    };
    for height in 0..2 * KEPT as u64 {
        assert_eq!(ask(height, 10).await, 1);
    }
    shared.locked(|state| {
        assert_eq!((state.cells.len(), state.order.len()), (KEPT, KEPT));
    });
    for height in 0..6 {
        ask(10_000 + height, KEPT_BYTES / 4).await;
    }
    shared.locked(|state| {
        assert!(state.bytes <= KEPT_BYTES);
        assert_eq!(state.cells.len(), state.order.len());
        assert!((2..=4).contains(&state.cells.len()));
    });
    ask(20_000, 2 * KEPT_BYTES).await;
    shared.locked(|state| assert_eq!(state.cells.len(), 1));
}
