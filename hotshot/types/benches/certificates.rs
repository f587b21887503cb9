//! What a certificate costs to check, against the pairing check inside it, and what a quorum of
//! votes costs to sum.

use std::{hint::black_box, sync::Arc};

use blst::{BLST_ERROR, min_sig};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hotshot_types::{
    Certificate, Committee, Epoch, FinalityCertificate, Hash, Height, Member, Quorum, Round,
    SecretKey, Signer as _, Statement, ValidatorIndex,
    bls::{Aggregate, SIGNATURE_DST, aggregate, verify_all},
};

const DOMAIN: Hash = Hash([1; 32]);

fn secret(index: usize) -> SecretKey {
    let mut entropy = [7; 32];
    entropy[..8].copy_from_slice(&index.to_be_bytes());
    SecretKey::derive(&entropy)
}

fn committee(size: usize) -> Arc<Committee> {
    let members = (0..size)
        .map(|index| Member {
            key: secret(index).public_key(),
            weight: 1,
        })
        .collect();
    Arc::new(Committee::new(Epoch(1), members).expect("distinct keys"))
}

fn statement() -> Statement {
    Statement {
        round: Round::new(1, 1),
        height: Height(1),
        hash: Hash([2; 32]),
    }
}

fn votes(committee: &Arc<Committee>, signers: usize) -> Aggregate {
    let digest = statement().digest::<Quorum>(DOMAIN);
    Aggregate {
        digest,
        committee: Arc::clone(committee),
        votes: (0..signers)
            .map(|index| (ValidatorIndex::at(index), secret(index).sign(&digest)))
            .collect(),
    }
}

/// One pairing check of one signature under one key, from the same bytes.
fn bare(c: &mut Criterion) {
    let secret = min_sig::SecretKey::key_gen(&[7; 32], &[]).expect("32 bytes suffice");
    let key = secret.sk_to_pk();
    let digest = [3; 32];
    let bytes = secret.sign(&digest, SIGNATURE_DST, &[]).compress();
    c.bench_function("bare pairing check", |b| {
        b.iter(|| {
            let signature = min_sig::Signature::uncompress(black_box(&bytes)).expect("a point");
            let result = signature.verify(true, &digest, SIGNATURE_DST, &[], &key, false);
            assert_eq!(result, BLST_ERROR::BLST_SUCCESS);
        });
    });
}

fn certificates(c: &mut Criterion) {
    let mut group = c.benchmark_group("certificate check");
    for size in [4, 100, 1_000] {
        let committee = committee(size);
        let quorum = 2 * size / 3 + 1;
        for (name, signers) in [("all of", size), ("a quorum of", quorum)] {
            let sum = aggregate(&votes(&committee, signers));
            let certificate: Certificate<Quorum> =
                Certificate::claimed(statement(), sum.signers, sum.signature);
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| {
                    certificate
                        .verify(DOMAIN, &committee)
                        .expect("a valid certificate")
                });
            });
        }
    }
    let committee = committee(100);
    let sum = aggregate(&votes(&committee, 100));
    let certificate: Certificate<Quorum> =
        Certificate::claimed(statement(), sum.signers, sum.signature);
    let pair = [
        certificate.check(DOMAIN, &committee),
        certificate.check(DOMAIN, &committee),
    ];
    group.bench_function("two of 100 in one batch", |b| {
        b.iter(|| assert!(verify_all(black_box(&pair))));
    });
    group.finish();
}

fn aggregation(c: &mut Criterion) {
    let committee = committee(100);
    let good = votes(&committee, 100);
    let mut one_bad = good.clone();
    one_bad.votes[37].1 = one_bad.votes[38].1;
    c.bench_function("aggregate 100 votes", |b| {
        b.iter(|| assert_eq!(aggregate(black_box(&good)).invalid.len(), 0));
    });
    c.bench_function("aggregate 100 votes, one invalid", |b| {
        b.iter(|| assert_eq!(aggregate(black_box(&one_bad)).invalid.len(), 1));
    });
}

fn decoding(c: &mut Criterion) {
    let committee = committee(100);
    let bytes = hotshot_types::codec::encode(&*committee);
    c.bench_function("decode a committee of 100", |b| {
        b.iter(|| hotshot_types::codec::decode::<Committee>(black_box(&bytes)).expect("valid"));
    });
    c.bench_function("check the halves of 100 keys", |b| {
        b.iter(|| committee.check_keys().expect("valid keys"));
    });
    let sum = aggregate(&votes(&committee, 100));
    let certificate = FinalityCertificate::claimed(statement(), sum.signers, sum.signature);
    let bytes = hotshot_types::codec::encode(&certificate);
    c.bench_function("decode a certificate of 100", |b| {
        b.iter(|| {
            hotshot_types::codec::decode::<FinalityCertificate>(black_box(&bytes)).expect("valid")
        });
    });
}

criterion_group!(benches, bare, certificates, aggregation, decoding);
criterion_main!(benches);
