//! An L1 with the light client of a network of four, whose blocks are made and signed here.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use anvil::{Anvil, START};
use da::{
    AccumulatorProof, BlockStamp, MapHead, MemoryStore, NamespaceId, NamespaceLeaf, NamespaceMap,
};
use hotshot_types::{
    Address, Epoch, Final, FinalityCertificate, GenesisDocument, Hash, Header, Height, L1Block,
    Round, SealedHeader, Signer as _, Statement, TimestampMs, ValidatorIndex,
    bls::{Aggregate, aggregate},
    genesis::EmptyRoots,
    mountain_range::MountainRange,
};
use light_client::{
    abi::light_client::ILightClient,
    account::created,
    deploy::{Terms, deploy_home},
    rpc::Tag,
    send::Sender,
    update,
};
use serde_json::Value;

pub(crate) struct L1 {
    /// It ends with this value.
    _anvil: Anvil,
    pub(crate) sender: Sender,
    pub(crate) light_client: Address,
    document: GenesisDocument,
    /// The newest block, and the history over those before it.
    newest: Mutex<(SealedHeader, MountainRange)>,
}

/// What forge built of the rollup's contracts.
pub(crate) fn artifacts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../out")
}

impl L1 {
    /// Starts it and deploys the network's contracts.
    pub(crate) async fn start() -> Self {
        let anvil = Anvil::start(&[
            "--timestamp",
            &START.to_string(),
            "--base-fee",
            "1",
            "--gas-price",
            "1",
        ]);
        let deployer = anvil::account(0);
        let document = anvil::genesis(created(deployer.address(), 3));
        let sender = anvil.sender(deployer).await;
        let empty = EmptyRoots {
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash(MapHead::EMPTY.root),
        };
        let genesis = document.header(empty).unwrap();
        let artifacts = anvil::artifacts();
        let terms = Terms::development();
        let contracts = deploy_home(&sender, &artifacts, &document, &genesis, &terms).await;
        Self {
            _anvil: anvil,
            sender,
            light_client: contracts.unwrap().light_client,
            newest: Mutex::new((genesis, MountainRange::new())),
            document,
        }
    }

    /// The network makes a block, and somebody hands it to the light client.
    pub(crate) async fn relay(&self, ns_acc_root: Hash, l1_number: u64) -> SealedHeader {
        let (parent, mut history) = self.newest.lock().unwrap().clone();
        history.append(parent.hash());
        let committee = self.document.committee(Epoch(1)).unwrap();
        let block = Header {
            height: Height(parent.header().height.0 + 1),
            epoch: Epoch(1),
            parent_hash: parent.hash(),
            timestamp_ms: TimestampMs(parent.header().timestamp_ms.0 + 1),
            l1_finalized: L1Block {
                number: l1_number,
                hash: Hash([5; 32]),
                timestamp: START,
            },
            ns_acc_root,
            history_root: history.root(),
            next_committee: self.document.committee(Epoch(2)).unwrap().commitment(),
            ..parent.header().clone()
        }
        .seal();
        let statement = Statement {
            round: Round::new(1, 7),
            height: block.header().height,
            hash: block.hash(),
        };
        let digest = statement.digest::<Final>(self.document.chain_domain());
        let votes = (0..4).map(|place| {
            let signature = anvil::validator_key(place).sign(&digest);
            (ValidatorIndex(place.into()), signature)
        });
        let sum = aggregate(&Aggregate {
            digest,
            votes: votes.collect(),
            committee: committee.clone(),
        });
        let certificate = FinalityCertificate::claimed(statement, sum.signers, sum.signature);
        let call = update::update(block.header(), &certificate, &committee).unwrap();
        self.sender
            .send(Some(self.light_client), call)
            .await
            .unwrap();
        *self.newest.lock().unwrap() = (block.clone(), history);
        block
    }

    /// The place of the light client's newest block.
    pub(crate) async fn entry(&self) -> u8 {
        let call = ILightClient::finalizedCall {};
        let endpoint = self.sender.endpoint();
        let newest = endpoint.view(self.light_client, &call, Tag::Latest).await;
        newest.unwrap().entry
    }

    pub(crate) async fn order<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> T {
        self.sender.endpoint().ask(method, params).await.unwrap()
    }
}

pub(crate) fn namespace(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

/// The proof of a namespace in a map in which so many blocks hold it, and others too; and the map's root.
pub(crate) fn accumulator(id: NamespaceId, blocks: u64) -> (AccumulatorProof, Hash) {
    let mut store = MemoryStore::new();
    let mut head = MapHead::EMPTY;
    for height in 1..=1 + blocks {
        let others = [1, 2, 4_000].map(namespace);
        let mut ids: Vec<NamespaceId> = others.into_iter().filter(|_| height == 1).collect();
        ids.extend((height > 1).then_some(id));
        let leaves: Vec<NamespaceLeaf> = ids
            .into_iter()
            .map(|id| NamespaceLeaf {
                id,
                byte_len: 13,
                tx_count: 1,
                tx_root: [7; 32],
            })
            .collect();
        let stamp = BlockStamp {
            height,
            timestamp_ms: height,
            l1_number: height,
        };
        let update = NamespaceMap::new(&store, head)
            .update(&stamp, &leaves)
            .unwrap();
        store.apply(&update);
        head = update.head;
    }
    let proof = NamespaceMap::new(&store, head).prove(id).unwrap();
    (proof, Hash(head.root))
}
