//! What a rollup executes, and the trait of what executes it.
//!
//! Pure code at the bottom of the adapters: no I/O, no clock. Derivation (`rollup-derive`) makes the inputs, a
//! [`Vm`] turns them into [`Transition`]s, the node (`rollup-node`) stores those and serves them. The formats that the
//! contracts share are here too: the messages of the L1 queue, the pins of the inbox, the records of withdrawals, and where the contracts keep what is proven.

pub mod field;
mod message;
mod pin;
mod vm;
mod withdrawal;

pub use field::Field;
pub use hotshot_types::{
    Address, Hash, Height,
    mountain_range::{HeaderProof, MountainRange, Position},
};
pub use message::{Deposit, L1Message, MessageBody, QueueHead};
pub use pin::{Pin, PinHead};
pub use vm::{
    BlockEnv, Input, Outcome, Refusal, State, StateError, Transition, Verdict, Vm, Write,
};
pub use withdrawal::Withdrawal;
