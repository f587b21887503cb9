mod admission;
mod blocks;
mod fairness;
mod forwarding;
mod shared;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use bytes::Bytes;
use da::{NamespaceId, NamespaceTree, Payload};
use hotshot_types::Hash;

use super::{MempoolLimits, Pool, Rejection, Selection, Source, Submitted};

fn namespace(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

fn client(number: u8) -> Source {
    Source::client(IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)))
}

fn pool() -> Pool {
    Pool::new(MempoolLimits::default())
}

/// A transaction that differs from those of other numbers.
fn transaction(number: u64, length: usize) -> Bytes {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(length.max(8), 0);
    Bytes::from(bytes)
}

fn submit(pool: &mut Pool, source: Source, id: u64, bytes: &Bytes) -> Result<Submitted, Rejection> {
    pool.submit(source, id, bytes.clone(), Instant::now())
}

/// A pool with transactions of client 1: namespace, number, length.
fn filled(transactions: &[(u64, u64, usize)]) -> Pool {
    let mut pool = pool();
    for (id, number, length) in transactions {
        submit(&mut pool, client(1), *id, &transaction(*number, *length)).unwrap();
    }
    pool
}

/// The namespaces of a payload with these transactions.
fn tree(transactions: &[(u64, &Bytes)]) -> NamespaceTree {
    let mut namespaces: BTreeMap<NamespaceId, Vec<Bytes>> = BTreeMap::new();
    for (id, bytes) in transactions {
        namespaces
            .entry(namespace(*id))
            .or_default()
            .push((*bytes).clone());
    }
    NamespaceTree::new(&Payload::build(&namespaces, &da::Limits::default()).unwrap())
}

fn block(number: u8) -> Hash {
    Hash([number; 32])
}

/// The numbers of the selected transactions, by namespace.
fn numbers(selection: &Selection) -> BTreeMap<u64, Vec<u64>> {
    let number = |bytes: &Bytes| u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let list = |(id, transactions): (&NamespaceId, &Vec<(_, Bytes)>)| {
        (
            id.get(),
            transactions
                .iter()
                .map(|(_, bytes)| number(bytes))
                .collect(),
        )
    };
    selection.namespaces.iter().map(list).collect()
}
