//! What is stored is served, and what is served verifies.

use da::NamespaceId;
use hotshot_types::{Epoch, Hash, Height};
use sequencer_client::{
    Client, ClientError, Follower, VerifyError,
    client::BlockId,
    trust,
    types::{ProblemCode, Readiness},
};

use crate::{
    chain::{Chain, id},
    node::{Node, of_many_epochs, sample},
};
use sequencer::{api::NodeStatus, storage::Cutoffs};

#[tokio::test]
async fn blocks_are_found_by_height_hash_and_position() {
    let node = sample().await;
    let client = node.client();
    for height in 1..=10 {
        let expected = node.chain.block(height).header.hash();
        for block in [BlockId::Height(Height(height)), BlockId::Hash(expected)] {
            assert_eq!(client.block(block).await.unwrap().hash, expected);
            assert_eq!(client.api().block(block).await.unwrap().hash, expected);
        }
    }
    let latest = client.block(BlockId::Latest).await.unwrap();
    assert_eq!(latest.header.height, Height(10));
    let genesis = client.block(BlockId::Height(Height(0))).await.unwrap();
    assert_eq!(genesis.hash, node.chain.block(0).header.hash());
    let (status, _, body) = node.get("/v1/blocks/finalized").await;
    assert_eq!(status, 200, "{body:?}");
}

#[tokio::test]
async fn pages_cover_the_chain_without_gap_or_repeat() {
    let node = sample().await;
    let api = node.api();
    let (mut next, mut heights) = (Some(Height(0)), Vec::new());
    while let Some(from) = next {
        let page = api.blocks(from, 3).await.unwrap();
        heights.extend(page.blocks.iter().map(|block| block.header.height.0));
        next = page.next;
    }
    assert_eq!(heights, (0..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_namespace_of_every_block_verifies() {
    let node = sample().await;
    let client = node.client();
    for height in 1..=10 {
        for number in [7, 9, 1000, 5] {
            let block = BlockId::Height(Height(height));
            let found = client.namespace(block, id(number)).await.unwrap();
            let expected = node.chain.block(height).payload.namespace(id(number));
            assert_eq!(
                found.body.as_deref(),
                expected.as_ref(),
                "namespace {number} of block {height}"
            );
        }
    }
    assert_eq!(
        client.trust().epoch(),
        Epoch(3),
        "later proofs start at the newest committee"
    );
}

#[tokio::test]
async fn exported_proofs_start_at_the_trust_root() {
    let node = sample().await;
    let client = node.client();
    client.block(BlockId::Latest).await.unwrap();
    let latest = BlockId::Latest;
    let five = BlockId::Height(Height(5));
    let hash = Hash(da::tx_hash(&[5, 2, 2]));
    let files = [
        client.prove_block(latest).await.unwrap(),
        client.prove_namespace(five, id(7)).await.unwrap(),
        client.prove_namespace(five, id(8)).await.unwrap(),
        client.prove_transaction(hash, Some(id(7))).await.unwrap(),
        client.prove_accumulator(latest, id(7)).await.unwrap(),
    ];
    for (file, proven) in files {
        let again = file
            .verify(&mut trust::from_genesis(&node.chain.genesis).unwrap())
            .unwrap();
        assert_eq!(again, proven);
    }
}

#[tokio::test]
async fn a_transaction_is_found_with_its_proof() {
    let node = sample().await;
    let client = node.client();
    let hash = Hash(da::tx_hash(&[5, 2, 2]));
    let found = client.transaction(hash, None).await.unwrap();
    assert_eq!((found.block.header.height, found.index), (Height(5), 1));
    assert_eq!(
        (found.namespace, found.bytes.as_ref()),
        (id(7), [5, 2, 2].as_slice())
    );
    let elsewhere = client.transaction(hash, Some(id(8))).await.unwrap_err();
    let ClientError::Refused(problem) = elsewhere else {
        panic!("{elsewhere}")
    };
    assert_eq!(problem.code, ProblemCode::TransactionUnknown);
}

#[tokio::test]
async fn the_history_of_a_namespace_comes_in_pages_that_verify() {
    let node = sample().await;
    let client = node.client();
    let mut follower = Follower::from_start(id(7));
    let mut next = Height(1);
    loop {
        let mut trust = client.trust();
        let page = client
            .api()
            .namespace_blocks(id(7), next, 2, trust.epoch())
            .await
            .unwrap();
        for sent in &page.blocks {
            let (block, _) = client
                .check_namespace_block(id(7), sent, &mut trust)
                .unwrap();
            let leaf = sent.proof.as_ref().unwrap();
            let leaf = leaf
                .verify_leaf(&block.header.ns_root.0, id(7))
                .unwrap()
                .unwrap();
            follower.accept(&block.header, leaf).unwrap();
        }
        next = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(next, Height(11));
    let (block, entry) = client.accumulator(BlockId::Latest, id(7)).await.unwrap();
    follower.check(&block.header, entry).unwrap();
}

#[tokio::test]
async fn a_node_of_another_network_is_found_out() {
    let node = sample().await;
    let other = Chain::of(Hash([9; 32]), node.chain.genesis.parameters);
    let client = Client::new(node.api(), trust::from_genesis(&other.genesis).unwrap());
    let error = client.block(BlockId::Latest).await.unwrap_err();
    assert!(error.is_false_answer(), "{error}");
    assert!(matches!(
        error,
        ClientError::Verify(VerifyError::Finality(_))
    ));
}

#[tokio::test]
async fn payloads_are_raw_or_in_json() {
    let node = sample().await;
    let payload = node
        .api()
        .payload(BlockId::Height(Height(5)))
        .await
        .unwrap();
    assert_eq!(&payload, node.chain.block(5).payload.bytes());
    let (status, form, body) = node.get("/v1/blocks/5/payload").await;
    assert_eq!((status, form.as_str()), (200, "application/json"));
    let answer: sequencer_client::types::BlockWithPayload = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer.payload.unwrap().0, payload);
    assert!(
        node.api()
            .payload(BlockId::Height(Height(6)))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn leaves_of_a_block_lead_to_its_root() {
    let node = sample().await;
    let answer = node
        .api()
        .namespaces(BlockId::Height(Height(5)))
        .await
        .unwrap();
    assert_eq!(answer.namespaces.len(), 2);
    assert_eq!(
        da::namespace_root(&answer.namespaces),
        node.chain.header(5).ns_root.0
    );
}

#[tokio::test]
async fn namespaces_and_hashes_are_read_in_several_forms() {
    let node = sample().await;
    let hash = node.chain.block(5).header.hash().to_string();
    let bare = hash.trim_start_matches("0x");
    let tx = hex::encode(da::tx_hash(&[5, 1]));
    for path in [
        "/v1/blocks/5/namespaces/7".to_owned(),
        "/v1/blocks/5/namespaces/0x7?proof=1".into(),
        format!("/v1/blocks/{hash}/namespaces/0x07?proof"),
        format!("/v1/blocks/{bare}"),
        format!("/v1/blocks/{}", bare.to_uppercase()),
        format!("/v1/transactions/{tx}"),
        format!("/v1/transactions/0x{tx}?namespace=0x7"),
    ] {
        let (status, _, body) = node.get(&path).await;
        assert_eq!(status, 200, "{path}: {body:?}");
    }
}

#[tokio::test]
async fn pruned_data_is_said_to_be_pruned_and_headers_still_verify() {
    let node = sample().await;
    let cut = Height(6);
    let cutoffs = Cutoffs {
        payloads: cut,
        slots: cut,
        transactions: cut,
        map: cut,
    };
    while !node.storage.prune(&cutoffs, 1_000).unwrap().done {}
    let client = node.client();
    assert_eq!(
        client
            .block(BlockId::Height(Height(3)))
            .await
            .unwrap()
            .header
            .height,
        Height(3)
    );
    for path in [
        "/v1/blocks/3/payload",
        "/v1/blocks/3/namespaces/7",
        "/v1/blocks/3/namespaces/7/accumulator",
        "/v1/namespaces/7/blocks?from=1",
    ] {
        assert_eq!(node.problem(path).await.code, ProblemCode::Pruned, "{path}");
    }
    let found = client
        .namespace(BlockId::Height(Height(7)), id(7))
        .await
        .unwrap();
    assert!(found.body.is_some());
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    let ClientError::Refused(problem) = stream.next().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(problem.code, ProblemCode::Pruned);
    let mut stream = client.follow(id(7), Height(7)).await.unwrap();
    stream.next().await.unwrap();
}

#[tokio::test]
async fn committees_and_validators_are_shown() {
    let node = sample().await;
    let api = node.api();
    for epoch in 1..=3 {
        let answer = api.epoch(Epoch(epoch)).await.unwrap();
        assert_eq!(answer.committee, *node.chain.committee(epoch));
        assert_eq!(answer.commitment, node.chain.committee(epoch).commitment());
        assert_eq!(
            (answer.first_height.0, answer.last_height.0),
            (epoch * 4 - 3, epoch * 4)
        );
    }
    let validators = api.validators().await.unwrap();
    assert_eq!(
        (validators.epoch, validators.validators.len()),
        (Epoch(3), 4)
    );
    assert_eq!(
        (validators.total_weight.as_str(), validators.quorum.as_str()),
        ("450", "301")
    );
    assert!(
        validators
            .validators
            .iter()
            .all(|validator| validator.address.is_some())
    );
    assert_eq!(api.genesis().await.unwrap(), node.chain.genesis);
}

#[tokio::test]
async fn status_tells_how_far_the_node_is() {
    let node = sample().await;
    let status = node.api().status().await.unwrap();
    assert!(status.ready && status.sync.is_none());
    assert_eq!(
        (status.final_height, status.tip_height),
        (Height(10), Height(10))
    );
    let (code, _, _) = node.get("/readyz").await;
    assert_eq!(code, 200);

    node.status.send_replace(NodeStatus {
        tip_height: Height(100),
        peers_connected: 1,
        peers_total: 3,
        not_ready: vec!["1 of 3 peers are connected, a quorum needs 2".into()],
        ..NodeStatus::default()
    });
    let status = node.api().status().await.unwrap();
    assert!(!status.ready);
    assert_eq!(status.reasons.len(), 2, "{:?}", status.reasons);
    assert!((status.sync.unwrap().percent - 10.0).abs() < 0.01);
    let (code, _, body) = node.get("/readyz").await;
    assert_eq!(code, 503);
    let readiness: Readiness = serde_json::from_slice(&body).unwrap();
    assert_eq!(readiness.reasons, status.reasons);
    assert_eq!(
        node.get("/livez").await.0,
        200,
        "a node that catches up is alive"
    );
}

#[tokio::test]
async fn limits_and_version_are_published() {
    let node = sample().await;
    let limits = node.api().limits().await.unwrap();
    assert_eq!(
        limits.transaction_bytes,
        node.chain.genesis.parameters.max_transaction_bytes
    );
    assert_eq!(limits.page_blocks, 100);
    let version = node.api().version().await.unwrap();
    assert_eq!(
        (version.name.as_str(), version.api.as_str()),
        ("sequencer", "v1")
    );
}

#[tokio::test]
async fn decided_data_may_be_cached_for_ever_and_the_newest_not() {
    let node = sample().await;
    for (path, expected) in [
        ("/v1/blocks/5", "public, max-age=31536000, immutable"),
        (
            "/v1/blocks/5/namespaces/7?proof=true",
            "public, max-age=31536000, immutable",
        ),
        ("/v1/blocks/latest", "no-cache"),
        ("/v1/blocks/11", "no-store"),
    ] {
        let response = reqwest::get(format!("{}{path}", node.url())).await.unwrap();
        assert_eq!(response.headers()["cache-control"], expected, "{path}");
    }
}

#[tokio::test]
async fn a_proof_over_many_epochs_is_put_together() {
    let node = of_many_epochs().await;
    let long = node.problem("/v1/light-client/latest").await;
    assert_eq!(long.code, ProblemCode::ProofTooLong);
    let client = node.client();
    let (file, _) = client.prove_block(BlockId::Latest).await.unwrap();
    assert_eq!(file.finality.steps.len(), 299);
    assert_eq!(
        client.block(BlockId::Latest).await.unwrap().header.height,
        Height(300)
    );
    assert_eq!(client.trust().epoch(), Epoch(300));
    assert_eq!(
        client
            .block(BlockId::Height(Height(2)))
            .await
            .unwrap()
            .header
            .height,
        Height(2)
    );
}

#[tokio::test]
async fn a_chain_that_only_began_is_served() {
    let node = Node::start(Chain::new()).await;
    let api = node.api();
    assert_eq!(
        api.block(BlockId::Latest).await.unwrap().header.height,
        Height(0)
    );
    assert_eq!(api.validators().await.unwrap().epoch, Epoch(1));
    assert!(api.status().await.unwrap().ready);
    let error = node.client().block(BlockId::Latest).await.unwrap_err();
    let ClientError::Refused(problem) = error else {
        panic!("{error}")
    };
    assert_eq!(
        problem.code,
        ProblemCode::EpochUnknown,
        "genesis has no certificate"
    );
    let found = api
        .namespace(BlockId::Latest, NamespaceId::new(7).unwrap())
        .await
        .unwrap();
    assert!(found.transactions.is_empty());
    let (proof, proven) = (found.proof.unwrap(), node.chain.header(0));
    assert_eq!(
        proof.verify(&proven.ns_root.0, id(7), &bytes::Bytes::new()),
        Ok(None)
    );
}
