//! Against what an anvil answered: `testdata/record.sh` made it.

use bytes::Bytes;
use hotshot_types::{
    Address, Epoch, Hash, Header, Height, L1Block, Signature, TimestampMs, ValidatorIndex, View,
    digest::keccak_concat, header::HEADER_VERSION,
};
use rollup_types::{L1Message, MessageBody, Pin, PinHead, QueueHead};
use sequencer_proof::{Anchor, VerifiedBlock};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{AccountProof, Contracts, L1Base, L1Error, L1State, L1View, Newest, Proofs};

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../testdata/l1.json")).unwrap()
}

fn bytes(value: &Value) -> Bytes {
    hex::decode(&value.as_str().unwrap()[2..]).unwrap().into()
}

fn word(value: &Value) -> Hash {
    let digits = &value.as_str().unwrap()[2..];
    format!("{digits:0>64}").parse().unwrap()
}

fn proof(value: &Value) -> AccountProof {
    AccountProof::deserialize(value).unwrap()
}

fn address(value: &Value) -> Address {
    Address(bytes(&value["address"])[..].try_into().unwrap())
}

/// A final header that names an L1 block.
fn naming(l1: L1Block) -> VerifiedBlock {
    let header = Header {
        version: HEADER_VERSION,
        chain_domain: Hash::ZERO,
        height: Height(5),
        epoch: Epoch(1),
        origin_view: View(5),
        proposer: ValidatorIndex(0),
        parent_hash: Hash::ZERO,
        timestamp_ms: TimestampMs(5),
        l1_finalized: l1,
        payload_len: 0,
        shard_root: Hash::ZERO,
        ns_root: Hash::ZERO,
        ns_acc_root: Hash::ZERO,
        history_root: Hash::ZERO,
        next_committee: Hash::ZERO,
        randao_reveal: Signature::ZERO,
        randao_mix: Hash::ZERO,
    };
    let entry = keccak_concat(&[&header.hash().0, &header.history_root.0]);
    let anchor = Anchor::open(entry, header.clone()).unwrap();
    VerifiedBlock::by_anchor(&anchor, header, None).unwrap()
}

struct Recorded {
    block: L1Block,
    header: Bytes,
    contracts: Contracts,
    proofs: Proofs,
    messages: Vec<L1Message>,
    pins: Vec<Pin>,
}

fn recording() -> Recorded {
    let file = recorded();
    let message = |index, text: &'static str| L1Message {
        index,
        l1_block: index + 1,
        sender: Address([1; 20]),
        body: MessageBody::ForcedTransaction(Bytes::from_static(text.as_bytes())),
    };
    Recorded {
        block: L1Block {
            number: file["number"].as_u64().unwrap(),
            hash: word(&file["hash"]),
            timestamp: 0,
        },
        header: bytes(&file["header"]),
        contracts: Contracts {
            queue: address(&file["queue"]),
            inbox: address(&file["inbox"]),
            light_client: address(&file["light_client"]),
        },
        proofs: Proofs {
            queue: proof(&file["queue"]),
            inbox: proof(&file["inbox"]),
            light_client: proof(&file["light_client"]),
        },
        messages: vec![message(0, "first"), message(1, "second")],
        pins: vec![Pin {
            number: 0,
            after: Height(30),
            message_end: 2,
            l1_block: 3,
        }],
    }
}

impl Recorded {
    fn state(&self) -> Result<L1State, L1Error> {
        L1State::attested(&naming(self.block), &self.header)
    }

    fn view(&self) -> Result<L1View, L1Error> {
        self.view_from(L1Base::default())
    }

    fn view_from(&self, base: L1Base) -> Result<L1View, L1Error> {
        let messages = self.messages.clone();
        let pins = self.pins.clone();
        let state = self.state()?;
        L1View::new(&state, &self.contracts, &self.proofs, base, messages, pins)
    }
}

#[test]
fn what_an_l1_has_is_read_from_its_proofs() {
    let recording = recording();
    let view = recording.view().unwrap();
    assert!(view.is_attested());
    assert_eq!(view.number(), recording.block.number);
    assert_eq!(view.head().queue.count, 2);
    assert_eq!(view.head().pins.count, 1);
    assert_eq!(
        (view.light_client(), view.advanced()),
        (Height(40), Height(25))
    );
    let state = L1State::believed(&recording.header).unwrap();
    assert_eq!(state.hash(), recording.block.hash);
    assert!(!state.is_attested());
}

#[test]
fn a_view_goes_on_from_what_is_known() {
    let mut recording = recording();
    let base = L1Base {
        queue: QueueHead::default().with(&recording.messages.remove(0)),
        pins: PinHead::default().with(&recording.pins.remove(0)),
    };
    let view = recording.view_from(base).unwrap();
    assert_eq!((view.head().queue.count, view.head().pins.count), (2, 1));
    let missing = recording.view();
    assert!(
        matches!(missing, Err(L1Error::Messages { .. })),
        "{missing:?}"
    );
}

#[test]
fn a_message_that_is_missing_altered_moved_or_invented_is_refused() {
    let alterations: [fn(&mut Vec<L1Message>); 9] = [
        |messages| drop(messages.pop()),
        |messages| drop(messages.remove(0)),
        |messages| messages.clear(),
        |messages| messages.swap(0, 1),
        |messages| messages.push(messages[1].clone()),
        |messages| messages[0].index = 1,
        |messages| messages[1].l1_block = 1,
        |messages| messages[1].sender.0[3] ^= 1,
        |messages| messages[0].body = MessageBody::ForcedTransaction(Bytes::from_static(b"f")),
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut recording = recording();
        alter(&mut recording.messages);
        let refused = recording.view();
        assert!(
            matches!(refused, Err(L1Error::Messages { .. })),
            "{number}: {refused:?}"
        );
    }
}

#[test]
fn a_pin_that_is_missing_altered_or_invented_is_refused() {
    let alterations: [fn(&mut Vec<Pin>); 7] = [
        |pins| pins.clear(),
        |pins| pins.push(pins[0]),
        |pins| {
            pins.push(Pin {
                number: 1,
                ..pins[0]
            })
        },
        |pins| pins[0].number = 1,
        |pins| pins[0].after = Height(29),
        |pins| pins[0].message_end = 1,
        |pins| pins[0].l1_block = 2,
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut recording = recording();
        alter(&mut recording.pins);
        let refused = recording.view();
        assert!(
            matches!(refused, Err(L1Error::Pins { .. })),
            "{number}: {refused:?}"
        );
    }
}

#[test]
fn only_the_l1_block_that_a_final_header_names_counts() {
    let mut recording = recording();
    let mut header = recording.header.to_vec();
    for at in [0, 4, 100, header.len() - 1] {
        header[at] ^= 1;
        let refused = L1State::attested(&naming(recording.block), &header);
        assert!(refused.is_err(), "{at}");
        header[at] ^= 1;
    }
    assert!(L1State::attested(&naming(recording.block), &header[..20]).is_err());
    assert!(L1State::believed(b"").is_err());
    recording.block.number += 1;
    assert!(matches!(
        recording.state(),
        Err(L1Error::OtherNumber { .. })
    ));
    recording.block.number -= 1;
    recording.block.hash.0[0] ^= 1;
    assert!(matches!(recording.state(), Err(L1Error::OtherBlock { .. })));
}

#[test]
fn numbers_of_an_answer_fit_with_or_without_zeros_before_them() {
    let read = |value: &str| {
        let mut answer = recorded()["queue"].clone();
        answer["storageProof"][1]["value"] = json!(value);
        AccountProof::deserialize(&answer).map(|proof| proof.slots[1].value)
    };
    let two = word(&json!("0x2"));
    assert_eq!(read("0x2").unwrap(), two);
    assert_eq!(read(&format!("0x{:064x}", 2)).unwrap(), two);
    for wrong in [&format!("0x1{:064x}", 2), "0xg", "two"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_part_of_an_account_proof_counts() {
    let alterations: [fn(&mut AccountProof); 11] = [
        |proof| proof.nonce += 1,
        |proof| proof.balance.0[31] ^= 1,
        |proof| proof.storage_root.0[0] ^= 1,
        |proof| proof.code_hash.0[0] ^= 1,
        |proof| drop(proof.nodes.pop()),
        |proof| proof.nodes.clear(),
        |proof| proof.slots[0].value.0[31] ^= 1,
        |proof| proof.slots[0].value = Hash::ZERO,
        |proof| proof.slots[2].value.0[31] = 1,
        |proof| proof.slots[0].slot.0[31] = 1,
        |proof| drop(proof.slots[0].nodes.pop()),
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut recording = recording();
        alter(&mut recording.proofs.queue);
        let refused = recording.view();
        assert!(
            matches!(refused, Err(L1Error::Account(..))),
            "{number}: {refused:?}"
        );
    }
    let mut recording = recording();
    recording.proofs.queue.slots.remove(0);
    assert!(matches!(recording.view(), Err(L1Error::Slot(..))));
}

#[test]
fn every_byte_of_a_node_counts() {
    let recording = recording();
    let state = recording.state().unwrap();
    let queue = recording.contracts.queue;
    let proof = &recording.proofs.queue;
    assert!(state.open(queue, proof).is_ok());
    for node in 0..proof.nodes.len() {
        for at in 0..proof.nodes[node].len() {
            let mut altered = proof.clone();
            let mut bytes = altered.nodes[node].to_vec();
            bytes[at] ^= 0x10;
            altered.nodes[node] = bytes.into();
            assert!(
                state.open(queue, &altered).is_err(),
                "byte {at} of node {node}"
            );
        }
    }
}

#[test]
fn the_proof_of_one_contract_is_none_of_another() {
    let mut recording = recording();
    recording.contracts.queue = recording.contracts.inbox;
    assert!(matches!(recording.view(), Err(L1Error::Account(..))));
}

#[test]
fn a_contract_that_is_not_there_yet_has_nothing() {
    let mut recording = recording();
    let nobody = proof(&recorded()["nobody"]);
    let address = Address(
        bytes(&recorded()["nobody"]["address"])[..]
            .try_into()
            .unwrap(),
    );
    recording.contracts = Contracts {
        queue: address,
        inbox: address,
        light_client: address,
    };
    recording.proofs = Proofs {
        queue: nobody.clone(),
        inbox: nobody.clone(),
        light_client: nobody.clone(),
    };
    recording.messages.clear();
    recording.pins.clear();
    let view = recording.view().unwrap();
    assert_eq!(view.head(), L1Base::default());
    let mut lie = nobody;
    lie.slots[0].value.0[31] = 1;
    assert!(recording.state().unwrap().open(address, &lie).is_err());
    // The absence of one account is not that of another.
    let queue = self::recording().contracts.queue;
    assert!(
        recording
            .state()
            .unwrap()
            .open(queue, &proof(&recorded()["nobody"]))
            .is_err()
    );
}

#[test]
fn a_frozen_light_client_knows_nothing() {
    let mut recording = recording();
    // The word of the inbox's chain stands for one whose highest byte is not 0.
    recording.contracts.light_client = recording.contracts.inbox;
    recording.proofs.light_client = recording.proofs.inbox.clone();
    assert_ne!(recording.proofs.inbox.slots[0].value.0[0], 0);
    assert_eq!(recording.view().unwrap().light_client(), Height(0));
}

#[test]
fn the_light_clients_newest_block_is_found_in_its_ring() {
    let mut word = Hash::ZERO;
    (word.0[1], word.0[31], word.0[23]) = (31, 40, 2);
    let newest = Newest::read(word).unwrap();
    assert_eq!(newest.height, Height(40));
    assert_eq!(newest.entry.key().0[31], 35);
    word.0[1] = 32;
    assert_eq!(Newest::read(word), None);
    (word.0[1], word.0[0]) = (31, 1);
    assert_eq!(Newest::read(word), None);
}
