use hotshot_types::SecretKey;

use super::*;

#[test]
fn a_key_survives_the_contracts_form() {
    for number in 0..64 {
        let public = SecretKey::derive(&[number; 32]).public_key();
        let (pk1, pk2) = (words_g1(&public.point_g1()), words_g2(&public.point_g2()));
        assert_eq!(key(&pk1, &pk2), Some(public));
    }
}

#[test]
fn a_changed_word_is_no_key() {
    let public = SecretKey::derive(&[1; 32]).public_key();
    let (pk1, pk2) = (words_g1(&public.point_g1()), words_g2(&public.point_g2()));
    for index in 0..4 {
        let mut changed = pk1;
        changed[index] ^= U256::from(1);
        assert_eq!(key(&changed, &pk2), None, "word {index} of pk1");
    }
    for index in 0..8 {
        let mut changed = pk2;
        changed[index] ^= U256::from(1);
        assert_eq!(key(&pk1, &changed), None, "word {index} of pk2");
    }
}
