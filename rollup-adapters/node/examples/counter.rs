//! A whole rollup in one file: a counter for each name. A transaction is `+name`, and adds one; what comes after a space
//! tells two of them apart, because the sequencer orders the same bytes once.
//!
//! `counter run --definition rollup.toml` is a node of it; `counter send --text "+alice 1"` counts.

use std::process::ExitCode;

use hotshot_types::digest::keccak;
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use rollup_node::{Application, Definition, Node};
use rollup_types::{
    BlockEnv, Hash, Input, Outcome, Refusal, State, StateError, Transition, Verdict, Vm, Write,
};
use serde_json::{Value, json};

struct Counter;

fn parse(transaction: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(transaction).map_err(|error| error.to_string())?;
    let name = text.strip_prefix('+').ok_or("it does not begin with +")?;
    let name = name.split(' ').next().unwrap_or(name);
    let is_short = (1..=32).contains(&name.len());
    is_short
        .then_some(name)
        .ok_or("a name has 1 to 32 bytes".into())
}

fn read(state: &dyn State, name: &str) -> Result<u64, StateError> {
    let bytes = state.get(name.as_bytes())?;
    Ok(bytes
        .and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)))
        .unwrap_or(0))
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
        let mut counts = std::collections::BTreeMap::new();
        let mut outcomes = Vec::new();
        for input in inputs {
            let (id, parsed) = match input {
                Input::L1(message) => (
                    message.hash(),
                    Err("a counter takes no messages of the L1".into()),
                ),
                Input::Transaction(bytes) => (self.id(bytes), parse(bytes)),
            };
            let verdict = match parsed {
                Ok(name) => {
                    let before = counts
                        .get(name)
                        .map_or_else(|| read(state, name), |count| Ok(*count))?;
                    counts.insert(name, before + 1);
                    Verdict::Applied
                }
                Err(reason) => Verdict::Skipped(reason),
            };
            outcomes.push(Outcome { id, verdict });
        }
        // A chain over all that was done: not a tree, so it proves nothing of one counter. The EVM has one.
        let mut root = env.parent.0.to_vec();
        for outcome in &outcomes {
            root.extend(outcome.id.0);
        }
        let writes = counts.into_iter().map(|(name, count)| -> Write {
            (
                name.as_bytes().to_vec(),
                Some(count.to_be_bytes().to_vec().into()),
            )
        });
        let hash = keccak(&root);
        Ok(Transition {
            hash,
            state_root: hash,
            outcomes,
            withdrawals: Vec::new(),
            writes: writes.collect(),
        })
    }

    fn id(&self, transaction: &[u8]) -> Hash {
        keccak(transaction)
    }

    fn admit(&self, _: &dyn State, transaction: &[u8]) -> Result<Result<(), Refusal>, StateError> {
        let refused = |reason| Refusal {
            reason,
            may_become_good: false,
        };
        Ok(parse(transaction).map(|_| ()).map_err(refused))
    }
}

impl Application for Counter {
    type Vm = Self;
    const NAME: &'static str = "counter";

    fn vm(_: &Definition) -> Result<Self, String> {
        Ok(Self)
    }

    fn methods(node: &Node<Self>) -> Result<RpcModule<()>, RegisterMethodError> {
        let mut module = RpcModule::new(());
        let node = node.clone();
        module.register_blocking_method(
            "counter_get",
            move |params, _, _| -> Result<Value, ErrorObjectOwned> {
                let name: String = params.one()?;
                let failed =
                    |error: StateError| ErrorObjectOwned::owned(-32_603, error.0, None::<()>);
                Ok(json!(read(&node.view(), &name).map_err(failed)?))
            },
        )?;
        Ok(module)
    }
}

fn main() -> ExitCode {
    rollup_node::main::<Counter>()
}
