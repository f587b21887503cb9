use hotshot_types::{
    FinalityCertificate, Height, Quorum, QuorumCertificate, SecretKey, Signer as _, Statement,
    View, Vote, digest,
};

use super::*;

const DOMAIN: Hash = Hash([3; 32]);

fn secret(number: u8) -> SecretKey {
    SecretKey::derive(&[number; 32])
}

fn committee() -> Arc<Committee> {
    let members = (0..4).map(|number| Member {
        key: secret(number).public_key(),
        weight: 1,
    });
    Arc::new(Committee::new(Epoch::FIRST, members.collect()).expect("a committee"))
}

fn committees() -> Committees {
    Arc::new(|epoch| Some(Arc::new(committee().in_epoch(epoch))))
}

fn statement(epoch: u64) -> Statement {
    Statement {
        round: Round::new(epoch, 3),
        height: Height(7),
        hash: Hash([1; 32]),
    }
}

/// A certificate that the given members have signed, or claim that others did.
fn certificate<K: hotshot_types::VoteKind>(
    epoch: u64,
    signed: &[u8],
    claimed: &[u16],
) -> hotshot_types::Certificate<K> {
    let statement = statement(epoch);
    let digest = statement.digest::<K>(DOMAIN);
    let committee = Arc::new(committee().in_epoch(Epoch(epoch)));
    let votes = signed.iter().map(|number| {
        let index = committee
            .index_of(&secret(*number).public_key())
            .expect("a member");
        (index, secret(*number).sign(&digest))
    });
    let sum = bls::aggregate(&bls::Aggregate {
        digest,
        committee: Arc::clone(&committee),
        votes: votes.collect(),
    });
    let signers = Signers::of(4, claimed.iter().map(|index| ValidatorIndex(*index)));
    hotshot_types::Certificate::claimed(statement, signers, sum.signature)
}

fn status(lock: Lock, finality: Option<FinalityCertificate>) -> Status {
    Status {
        round: Round::new(1, 1),
        lock,
        finality,
    }
}

/// K3: a forged certificate, or one of less than a quorum, makes the status worthless.
#[test]
fn k3_a_status_with_a_false_certificate_is_no_answer() {
    let good: QuorumCertificate = certificate(5, &[0, 1, 2], &[0, 1, 2]);
    let forged: QuorumCertificate = certificate(9, &[0], &[0, 1, 2]);
    let small: FinalityCertificate = certificate(9, &[0, 1], &[0, 1]);
    let is_verified = |status| is_verified(&status, DOMAIN, &*committees());
    assert!(is_verified(status(Lock::Quorum(good.clone()), None)));
    assert!(!is_verified(status(Lock::Quorum(forged), None)));
    assert!(!is_verified(status(Lock::Quorum(good), Some(small))));
    assert!(is_verified(status(Lock::Anchor, None)));
}

/// K4: a peer can't accuse a key of what it has not signed.
#[test]
fn k4_a_sighting_counts_only_if_the_key_has_signed_it() {
    let own = secret(0);
    let checks = Checks::new(DOMAIN, own.public_key(), committees());
    let vote = |secret: &SecretKey| {
        Sighting::Vote1(Vote::<Quorum>::sign(
            statement(5),
            ValidatorIndex(0),
            DOMAIN,
            secret,
        ))
    };
    assert!(checks.is_authentic(&vote(&own)));
    assert!(!checks.is_authentic(&vote(&secret(1))));
    let hash = Hash([1; 32]);
    let digest = digest::timeout(DOMAIN, Round::new(5, 3), View(2), hash);
    let timeout = |signature| Sighting::Timeout {
        round: Round::new(5, 3),
        lock_view: View(2),
        lock_hash: hash,
        signature,
    };
    assert!(checks.is_authentic(&timeout(own.sign(&digest))));
    assert!(!checks.is_authentic(&timeout(Signature::ZERO)));
}

/// K4, D8: nobody else can announce a process for a key.
#[test]
fn k4_an_announcement_counts_only_from_the_key() {
    let own = secret(0);
    let id = Hash([4; 32]);
    let digest = Announcement::digest(DOMAIN, 7, id);
    let mut announcement = Announcement {
        run: 7,
        id,
        signature: own.sign(&digest),
    };
    assert!(is_announced(DOMAIN, &own.public_key(), &announcement));
    assert!(!is_announced(
        DOMAIN,
        &secret(1).public_key(),
        &announcement
    ));
    assert!(!is_announced(Hash::ZERO, &own.public_key(), &announcement));
    announcement.run = 8;
    assert!(!is_announced(DOMAIN, &own.public_key(), &announcement));
}
