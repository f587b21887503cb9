//! Golden vectors of what the contracts hash, for forge's tests: `cargo xtask vectors` writes them.

use std::collections::BTreeMap;

use hotshot_types::{
    Address, Hash, Height,
    digest::keccak,
    mountain_range::{HeaderProof, MountainRange},
};
use rollup_types::{Deposit, L1Message, MessageBody, Pin, PinHead, QueueHead, Withdrawal};
use serde_json::{Value, json};

/// Every file of the folder `vectors`: its name and its text. Always the same.
#[must_use]
pub fn all() -> Vec<(&'static str, String)> {
    [
        ("messages.json", messages()),
        ("pins.json", pins()),
        ("withdrawals.json", withdrawals()),
    ]
    .map(|(name, mut value)| {
        value.sort_all_objects();
        (name, format!("{value:#}\n"))
    })
    .to_vec()
}

/// An address that looks like one.
fn address(of: &str) -> Address {
    let mut address = Address::ZERO;
    address.0.copy_from_slice(&keccak(of.as_bytes()).0[12..]);
    address
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn messages() -> Value {
    let deposit = |token, amount, decimals| {
        MessageBody::Deposit(Deposit {
            token,
            amount,
            recipient: address("recipient"),
            decimals,
        })
    };
    let forced = |bytes: Vec<u8>| MessageBody::ForcedTransaction(bytes.into());
    let bodies = [
        deposit(Address::ZERO, 1, 18),
        forced(Vec::new()),
        deposit(address("token"), u128::MAX, 6),
        deposit(address("other token"), 1 << 64, 255),
        forced((0..=255).collect()),
        forced(vec![0; 1_000]),
    ];
    let mut head = QueueHead::default();
    let mut list = Vec::new();
    for (index, body) in (0..).zip(bodies) {
        let message = L1Message {
            index,
            l1_block: 24_000_000 + index / 2,
            sender: address("sender"),
            body,
        };
        head = head.with(&message);
        list.push(json!({
            "kind": message.body.kind(),
            "index": message.index,
            "l1_block": message.l1_block,
            "sender": message.sender,
            "body": hex(&message.body.encoded()),
            "hash": message.hash(),
            "chain": head.chain,
        }));
    }
    json!({
        "about": "hash = keccak256(abi.encode(kind, index, l1 block, sender, keccak256(body))); chain = keccak256(chain before, hash), 0 at first",
        "messages": list,
    })
}

fn pins() -> Value {
    let mut head = PinHead::default();
    let mut list = Vec::new();
    for (after, message_end, l1_block) in [(0, 1, 1_100), (7, 3, 2_000), (7, 9, 24_000_000)] {
        let pin = Pin {
            number: head.count,
            after: Height(after),
            message_end,
            l1_block,
        };
        head = head.with(&pin);
        list.push(json!({
            "after_height": after,
            "message_end": message_end,
            "l1_block": l1_block,
            "chain": head.chain,
        }));
    }
    json!({
        "about": "chain = keccak256(abi.encode(chain before, after height, message end, l1 block)), 0 at first",
        "pins": list,
    })
}

/// Withdrawals, and for each the proof under the root over all of them.
fn withdrawals() -> Value {
    const COUNT: u64 = 11;
    let all: Vec<Withdrawal> = (0..COUNT)
        .map(|index| Withdrawal {
            index,
            chain_id: if index == 10 { 1 } else { 31_337 },
            token: Address::ZERO,
            amount: 1_000_000_007 * u128::from(index + 1),
            recipient: address(&format!("recipient {index}")),
        })
        .collect();
    let mut range = MountainRange::new();
    let mut nodes: BTreeMap<_, Hash> = BTreeMap::new();
    for withdrawal in &all {
        for (position, node) in range.append(withdrawal.hash()) {
            nodes.insert(position, node);
        }
    }
    let list: Vec<Value> = all
        .iter()
        .map(|withdrawal| {
            let height = Height(withdrawal.index);
            let proof = HeaderProof::build(height, COUNT, |position| nodes.get(&position).copied());
            json!({
                "index": withdrawal.index,
                "chain_id": withdrawal.chain_id,
                "token": withdrawal.token,
                "amount": withdrawal.amount.to_string(),
                "recipient": withdrawal.recipient,
                "hash": withdrawal.hash(),
                "proof": proof,
            })
        })
        .collect();
    json!({
        "about": "hash = keccak256(abi.encode(index, chain id, token, amount, recipient)); the root over them as in mountain_range.json",
        "root": range.root(),
        "withdrawals": list,
    })
}
