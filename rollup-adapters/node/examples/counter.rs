//! A whole rollup: a counter for each name. A transaction is `+name`, and adds one; what comes after a space tells two of
//! them apart, because the sequencer orders the same bytes once. `counter send --text "+alice 1"` counts.

use std::{collections::BTreeMap, process::ExitCode};

use hotshot_types::digest::keccak;
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use rollup_node::{Application, Definition, Node};
use rollup_types::{
    BlockEnv, Hash, Input, Outcome, Refusal, State, StateError, Transition, Verdict, Vm,
};

struct Counter;

fn parse(transaction: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(transaction).map_err(|_| "it is no text")?;
    let text = text.strip_prefix('+').ok_or("it does not begin with +")?;
    Ok(text.split_once(' ').map_or(text, |(name, _)| name))
}

fn count(state: &dyn State, name: &str) -> Result<u64, StateError> {
    let bytes = state.get(name.as_bytes())?.unwrap_or_default();
    Ok(bytes.first_chunk().map_or(0, |n| u64::from_be_bytes(*n)))
}

impl Vm for Counter {
    fn genesis(&self) -> Transition {
        Transition::default()
    }

    fn execute(
        &self,
        state: &dyn State,
        env: &BlockEnv,
        inputs: &[Input],
    ) -> Result<Transition, StateError> {
        let (mut counts, mut outcomes) = (BTreeMap::new(), Vec::new());
        let mut done = env.parent.0.to_vec();
        for input in inputs {
            let (id, parsed) = match input {
                Input::L1(message) => (message.hash(), Err("a counter takes no messages")),
                Input::Transaction(bytes) => (self.id(bytes), parse(bytes)),
            };
            done.extend(id.0);
            let verdict = match parsed {
                Ok(name) => {
                    *counts.entry(name).or_insert(count(state, name)?) += 1;
                    Verdict::Applied
                }
                Err(reason) => Verdict::Skipped(reason.into()),
            };
            outcomes.push(Outcome { id, verdict });
        }
        let write = |(name, n): (&str, u64)| (name.into(), Some(n.to_be_bytes().to_vec().into()));
        Ok(Transition {
            // Over all that was ever done. A tree over the counters would let one of them be proven.
            hash: keccak(&done),
            state_root: keccak(&done),
            outcomes,
            writes: counts.into_iter().map(write).collect(),
            ..Transition::default()
        })
    }

    fn id(&self, transaction: &[u8]) -> Hash {
        keccak(transaction)
    }

    fn admit(&self, _: &dyn State, transaction: &[u8]) -> Result<Result<(), Refusal>, StateError> {
        Ok(parse(transaction).map(|_| ()).map_err(|reason| Refusal {
            reason: reason.into(),
            may_become_good: false,
        }))
    }
}

impl Application for Counter {
    type Vm = Self;
    const NAME: &'static str = "counter";

    fn vm(_: &Definition) -> Result<Self, String> {
        Ok(Self)
    }

    fn methods(node: &Node<Self>) -> Result<RpcModule<()>, RegisterMethodError> {
        let (mut module, node) = (RpcModule::new(()), node.clone());
        module.register_blocking_method("counter_get", move |params, _, _| {
            let name: String = params.one()?;
            let failed = |error: StateError| ErrorObjectOwned::owned(-32_603, error.0, None::<()>);
            count(&node.view(), &name).map_err(failed)
        })?;
        Ok(module)
    }
}

fn main() -> ExitCode {
    rollup_node::main::<Counter>()
}
