//! Answers that many readers want at the same moment, made once.
//!
//! Readers at the end of the chain all ask the same when a block becomes final. The first one reads the database and
//! encodes; the others wait for it and share its bytes. Readers of older history, who are alone where they are, don't
//! come here.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use super::source::{Answer, Question};
use crate::api::refusal::Refusal;

/// Bytes of events that are kept for readers who come a little later.
const KEPT_BYTES: usize = 32 << 20;
/// Answers that are kept.
const KEPT: usize = 512;

type Cell = Arc<OnceCell<Arc<Answer>>>;

/// The newest answers.
#[derive(Default)]
pub(in crate::api) struct SharedAnswers(Mutex<State>);

#[derive(Default)]
struct State {
    cells: HashMap<Question, Cell>,
    /// Oldest first, with the bytes of those that were made.
    order: VecDeque<(Question, usize)>,
    bytes: usize,
}

impl SharedAnswers {
    /// The answer to a question, from `make` if nobody has asked before. Whoever asks while it is being made waits.
    pub(super) async fn get<M>(
        &self,
        question: Question,
        make: impl FnOnce() -> M,
    ) -> Result<Arc<Answer>, Refusal>
    where
        M: Future<Output = Result<Answer, Refusal>>,
    {
        let cell = self.locked(|state| state.cell(question));
        let answer = cell
            .get_or_try_init(|| async {
                let answer = make().await?;
                self.locked(|state| state.made(question, answer.size()));
                Ok::<_, Refusal>(Arc::new(answer))
            })
            .await?;
        Ok(Arc::clone(answer))
    }

    fn locked<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn cell(&mut self, question: Question) -> Cell {
        if let Some(cell) = self.cells.get(&question) {
            return Arc::clone(cell);
        }
        let cell = Cell::default();
        self.cells.insert(question, Arc::clone(&cell));
        self.order.push_back((question, 0));
        self.forget();
        cell
    }

    fn made(&mut self, question: Question, bytes: usize) {
        let kept = self.order.iter_mut().rev().find(|kept| kept.0 == question);
        if let Some((_, size)) = kept {
            self.bytes = self.bytes - *size + bytes;
            *size = bytes;
            self.forget();
        }
    }

    /// The newest answer stays, whatever its size: somebody is about to take it.
    fn forget(&mut self) {
        while self.order.len() > KEPT || (self.bytes > KEPT_BYTES && self.order.len() > 1) {
            if let Some((question, bytes)) = self.order.pop_front() {
                self.cells.remove(&question);
                self.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests;
