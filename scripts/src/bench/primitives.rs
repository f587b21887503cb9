//! Coding and certificates on one thread, without a network.

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use da::{Coder, CommittedPayload, Limits, NamespaceId, NamespaceTree, Payload, Slots, tx_hash};
use hotshot_types::{
    Certificate, Committee, Epoch, Hash, Height, Member, Quorum, Round, SecretKey, Signer as _,
    Statement, ValidatorIndex,
    bls::{Aggregate, aggregate},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use crate::report::whole;

const BLOCK: usize = 5 << 20;
const LIMITS: Limits = Limits {
    payload_bytes: 6 << 20,
    namespaces: 256,
    transaction_bytes: 1 << 20,
};
const DOMAIN: Hash = Hash([1; 32]);
/// Each figure is the median of as many runs as fit into this time, at least three.
const TIME: Duration = Duration::from_millis(600);

/// 10^6 payload bytes a second, by committee size: encoding, both commitments, and every
/// validator's slots with their proof; the hashes of the transactions come from the pool.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Encoding {
    pub(super) n10: f64,
    pub(super) n100: f64,
    pub(super) n1000: f64,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Primitives {
    /// With 512-byte transactions.
    pub(super) small: Encoding,
    /// With 128-KiB transactions.
    pub(super) large: Encoding,
    /// A certificate of 100 signers against one signature under one key.
    pub(super) certificate_check_ratio: f64,
}

pub(super) fn measure() -> Primitives {
    Primitives {
        small: encoding(512),
        large: encoding(128 << 10),
        certificate_check_ratio: median(check(100)) / median(check(1)),
    }
}

fn encoding(size: usize) -> Encoding {
    let transactions = transactions(size);
    let payload = Payload::build(&transactions, &LIMITS).expect("within the limits");
    let hashes: Vec<Vec<da::Hash>> = transactions
        .values()
        .map(|all| all.iter().map(|bytes| tx_hash(bytes)).collect())
        .collect();
    let rate = |validators: usize| {
        let slots = Slots::new(&vec![100; validators]).expect("stakes");
        let mut coder = Coder::new();
        let once = || {
            let tree = NamespaceTree::with_hashes(&payload, hashes.clone()).expect("its hashes");
            let committed =
                CommittedPayload::with_namespaces(&mut coder, &slots, payload.clone(), tree);
            for validator in 0..validators {
                let own = slots.range(validator).expect("a validator");
                black_box(committed.encoded().range(own));
            }
        };
        whole(payload.len() as u64) / median(once) / 1e6
    };
    Encoding {
        n10: rate(10),
        n100: rate(100),
        n1000: rate(1_000),
    }
}

fn transactions(size: usize) -> BTreeMap<NamespaceId, Vec<Bytes>> {
    let mut random = StdRng::seed_from_u64(1);
    let all: Vec<Bytes> = (0..BLOCK / size)
        .map(|_| {
            let mut bytes = vec![0; size];
            random.fill_bytes(&mut bytes);
            bytes.into()
        })
        .collect();
    (1..)
        .filter_map(NamespaceId::new)
        .zip(all.chunks(all.len().div_ceil(8)).map(<[Bytes]>::to_vec))
        .collect()
}

/// Checks a certificate that a whole committee signed.
fn check(size: usize) -> impl FnMut() {
    let secret = |index: usize| {
        let mut entropy = [7; 32];
        entropy[..8].copy_from_slice(&index.to_be_bytes());
        SecretKey::derive(&entropy)
    };
    let members = (0..size).map(|index| Member {
        key: secret(index).public_key(),
        weight: 1,
    });
    let committee = Committee::new(Epoch(1), members.collect()).expect("distinct keys");
    let committee = Arc::new(committee);
    let statement = Statement {
        round: Round::new(1, 1),
        height: Height(1),
        hash: Hash([2; 32]),
    };
    let digest = statement.digest::<Quorum>(DOMAIN);
    let sum = aggregate(&Aggregate {
        digest,
        committee: Arc::clone(&committee),
        votes: (0..size)
            .map(|index| (ValidatorIndex::at(index), secret(index).sign(&digest)))
            .collect(),
    });
    let certificate: Certificate<Quorum> =
        Certificate::claimed(statement, sum.signers, sum.signature);
    move || {
        certificate
            .verify(DOMAIN, &committee)
            .expect("a valid certificate");
    }
}

/// Median seconds of a piece of work, after one run to warm up.
fn median(mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed() < TIME {
        let before = Instant::now();
        work();
        times.push(before.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
