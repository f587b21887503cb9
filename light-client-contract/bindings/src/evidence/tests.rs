use hotshot_types::{Epoch, Member, SecretKey, codec};
use serde_json::Value;

use super::*;
use crate::abi::{SolError as _, U256};

/// What the contract's own tests read: evidence as nodes keep it, and the arguments of `slash`.
fn cases() -> Vec<Value> {
    let text = include_str!("../../../../hotshot/types/vectors/evidence.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

/// The committee that signed the vectors.
fn committee() -> Committee {
    let members = [13, 10, 10, 7]
        .into_iter()
        .enumerate()
        .map(|(index, weight)| Member {
            key: SecretKey::derive(&keccak(format!("validator {index}").as_bytes()).0).public_key(),
            weight,
        });
    Committee::new(Epoch(2), members.collect()).unwrap()
}

fn assert_same(signed: &st::Signed, expected: &Value) {
    assert_eq!(signed.viewNumber, expected["view"].as_u64().unwrap());
    assert_eq!(u64::from(signed.kind), expected["kind"].as_u64().unwrap());
    assert_eq!(signed.number, expected["number"].as_u64().unwrap());
    assert_eq!(signed.hash.to_vec(), bytes(&expected["hash"]));
    assert_eq!(signed.signature.abi_encode(), bytes(&expected["signature"]));
}

#[test]
fn evidence_becomes_the_call_that_the_contracts_vectors_name() {
    let cases = cases();
    assert_eq!(cases.len(), 4, "EV1 to EV4");
    for case in cases {
        let evidence: Evidence = codec::decode(&bytes(&case["encoding"])).unwrap();
        let charge = Charge::of(&evidence, &committee()).unwrap();
        let call = IStakeTable::slashCall::abi_decode(&charge.call).unwrap();
        let made = call.evidence;
        assert_eq!(
            u64::from(made.offence as u8),
            case["offence"].as_u64().unwrap()
        );
        assert_eq!(made.epoch, case["epoch"].as_u64().unwrap());
        assert_eq!(made.pk2.abi_encode(), bytes(&case["pk2"]));
        assert_same(&made.first, &case["first"]);
        assert_same(&made.second, &case["second"]);
        assert_eq!(charge.key, keccak(&bytes(&case["pk2"])));
    }
}

#[test]
fn what_the_contract_can_t_judge_is_no_charge() {
    let evidence: Evidence = codec::decode(&bytes(&cases()[1]["encoding"])).unwrap();
    let Evidence::Votes1(a, mut b) = evidence else {
        panic!("the second vector is EV2");
    };
    let few = Committee::new(Epoch(2), committee().members()[..2].to_vec()).unwrap();
    let true_one = Evidence::Votes1(a.clone(), b.clone());
    assert_eq!(Charge::of(&true_one, &few), None, "the signer is no member");
    b.signature = Signature([0xff; 48]);
    assert_eq!(Charge::of(&Evidence::Votes1(a, b), &committee()), None);
}

#[test]
fn a_refusal_says_whether_there_was_anything_left_to_do() {
    use IStakeTable::{
        StakeTable_AlreadyConvicted, StakeTable_NoOffence, StakeTable_UnknownKey,
        StakeTable_WrongSignature,
    };
    let convicted = StakeTable_AlreadyConvicted {
        operator: crate::abi::AbiAddress::ZERO,
        offence: st::Offence::Votes2,
        epoch: 7,
    };
    let unknown = StakeTable_UnknownKey {
        key: word(Hash::ZERO),
    };
    let epoch = ILightClient::LightClient_UnknownEpoch {
        epoch: 9,
        current: 4,
    };
    let frozen = ILightClient::LightClient_Frozen {};
    for (data, expected) in [
        (convicted.abi_encode(), Some(NoUse::Convicted)),
        (unknown.abi_encode(), Some(NoUse::UnknownKey)),
        (frozen.abi_encode(), Some(NoUse::Frozen)),
        (
            epoch.abi_encode(),
            Some(NoUse::UnknownEpoch {
                epoch: 9,
                current: 4,
            }),
        ),
        (StakeTable_NoOffence {}.abi_encode(), None),
        (StakeTable_WrongSignature {}.abi_encode(), None),
        (U256::from(7).abi_encode(), None),
        (Vec::new(), None),
    ] {
        assert_eq!(NoUse::of(&data), expected);
    }
}
