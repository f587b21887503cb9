//! How long one thread needs for the payload work of a block: `cargo bench -p da`.

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use da::{
    BlockStamp, CheckedShards, Coder, Commitments, CommittedPayload, Hash, Limits, MapHead,
    MemoryStore, NamespaceId, NamespaceLeaf, NamespaceMap, NamespaceTree, Payload, Reconstruction,
    Slots, tx_hash,
};

const BLOCK: usize = 5 << 20;
const LIMITS: Limits = Limits {
    payload_bytes: 6 << 20,
    namespaces: 256,
    transaction_bytes: 1 << 20,
};

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).expect("not 0")
}

fn equal(validators: usize) -> Slots {
    Slots::new(&vec![100; validators]).expect("stakes")
}

fn transactions(length: usize) -> BTreeMap<NamespaceId, Vec<Bytes>> {
    let transaction = |index: usize| -> Bytes {
        (0..length)
            .map(|byte| (byte * 31 + index * 7).to_le_bytes()[0])
            .collect()
    };
    let count = BLOCK / length;
    let all: Vec<_> = (0..count).map(transaction).collect();
    (1..)
        .map(id)
        .zip(all.chunks(count.div_ceil(8)).map(<[Bytes]>::to_vec))
        .collect()
}

fn payload(length: usize) -> Payload {
    Payload::build(&transactions(length), &LIMITS).expect("within the limits")
}

fn hashes(payload: &Payload) -> Vec<Vec<Hash>> {
    let hashes = payload.namespaces().map(|namespace| {
        namespace
            .body
            .transactions()
            .map(|bytes| tx_hash(&bytes))
            .collect()
    });
    hashes.collect()
}

fn all_ranges(committed: &CommittedPayload, slots: &Slots) {
    for validator in 0..slots.validators() {
        let range = slots.range(validator).expect("a validator");
        black_box(committed.encoded().range(range));
    }
}

/// Encoding, both commitments and the proofs of all validators, as a leader and as a voter.
fn commit(criterion: &mut Criterion) {
    let slots = equal(10);
    for (name, length) in [("512-byte", 512), ("128-KiB", 128 << 10)] {
        let payload = payload(length);
        let mut group = criterion.benchmark_group(format!("5 MiB of {name} transactions, n = 10"));
        group.throughput(Throughput::Bytes(payload.len() as u64));
        let mut coder = Coder::new();
        group.bench_function("commit and prove, hashes from the mempool", |bencher| {
            bencher.iter_batched(
                || hashes(&payload),
                |hashes| {
                    let tree =
                        NamespaceTree::with_hashes(&payload, hashes).expect("its own hashes");
                    let committed = CommittedPayload::with_namespaces(
                        &mut coder,
                        &slots,
                        payload.clone(),
                        tree,
                    );
                    all_ranges(&committed, &slots);
                    committed
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function("commit and prove, transactions hashed too", |bencher| {
            bencher.iter(|| {
                let committed = CommittedPayload::new(&mut coder, &slots, payload.clone());
                all_ranges(&committed, &slots);
                committed
            });
        });
        let commitments = CommittedPayload::new(&mut coder, &slots, payload.clone()).commitments();
        group.bench_function("check a full copy", |bencher| {
            bencher.iter(|| {
                CommittedPayload::from_copy(
                    &mut coder,
                    &slots,
                    &commitments,
                    payload.bytes(),
                    &LIMITS,
                )
            });
        });
        group.bench_function("namespace tree", |bencher| {
            bencher.iter(|| NamespaceTree::new(&payload))
        });
        let namespaces = transactions(length);
        group.bench_function("build the payload", |bencher| {
            bencher.iter(|| Payload::build(&namespaces, &LIMITS))
        });
        group.bench_function("decode the payload", |bencher| {
            bencher.iter(|| Payload::decode(payload.bytes().clone(), &LIMITS));
        });
        group.finish();
    }
}

fn checked(committed: &CommittedPayload, slots: &Slots, validator: usize) -> CheckedShards {
    let Commitments {
        payload_len,
        shard_root,
        ..
    } = committed.commitments();
    let range = slots.range(validator).expect("a validator");
    let sent = committed
        .encoded()
        .range(range.clone())
        .expect("its shards");
    sent.check(&shard_root, slots, range, payload_len)
        .expect("they are its shards")
}

/// The code alone, and the way back, by committee size.
fn shards(criterion: &mut Criterion) {
    let payload = payload(128 << 10);
    for validators in [4, 10, 100] {
        let slots = equal(validators);
        let mut coder = Coder::new();
        let committed = CommittedPayload::new(&mut coder, &slots, payload.clone());
        let mut group = criterion.benchmark_group(format!("shards of 5 MiB, n = {validators}"));
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function("encode and hash", |bencher| {
            bencher.iter(|| coder.encode(&slots, payload.bytes()))
        });
        group.bench_function("check all shards", |bencher| {
            bencher.iter(|| {
                for validator in 0..validators {
                    black_box(checked(&committed, &slots, validator));
                }
            });
        });
        let threshold = usize::try_from(slots.threshold()).expect("small");
        for (name, first) in [
            ("rebuild from systematic shards", 0),
            ("rebuild from the last shards", validators - threshold),
        ] {
            let mut reconstruction =
                Reconstruction::new(committed.commitments(), &slots).expect("a length");
            for validator in first..first + threshold {
                reconstruction
                    .add(&checked(&committed, &slots, validator))
                    .expect("of this block");
            }
            group.bench_function(name, |bencher| {
                bencher.iter(|| reconstruction.decode(&mut coder, &LIMITS))
            });
        }
        group.finish();
    }
}

/// The namespace map of a network with a thousand rollups.
fn map(criterion: &mut Criterion) {
    let leaf = |number| NamespaceLeaf {
        id: id(number),
        byte_len: 100,
        tx_count: 1,
        tx_root: [1; 32],
    };
    let stamp = |height| BlockStamp {
        height,
        timestamp_ms: height,
        l1_number: height,
    };
    let mut store = MemoryStore::new();
    let thousand: Vec<_> = (1..=1000).map(leaf).collect();
    let update = NamespaceMap::new(&store, MapHead::EMPTY)
        .update(&stamp(1), &thousand)
        .expect("in memory");
    store.apply(&update);
    let map = NamespaceMap::new(&store, update.head);
    let mut group = criterion.benchmark_group("namespace map of 1000");
    for count in [1, 10, 256] {
        let leaves: Vec<_> = (1..=count).map(|number| leaf(number * 3)).collect();
        group.bench_function(format!("update {count}"), |bencher| {
            bencher.iter(|| map.update(&stamp(2), &leaves))
        });
    }
    group.bench_function("prove", |bencher| bencher.iter(|| map.prove(id(77))));
    group.finish();
    criterion.bench_function("slots of 1000 unequal stakes", |bencher| {
        let stakes: Vec<u64> = (1..=1000).map(|stake| stake * stake).collect();
        bencher.iter(|| Slots::new(&stakes));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = commit, shards, map
}
criterion_main!(benches);
