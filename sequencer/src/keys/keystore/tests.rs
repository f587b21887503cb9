use super::*;

/// The vectors of EIP-2335: one secret, one password, both key derivations.
const SECRET: &str = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
const PASSWORD: &str = "\u{1d531}\u{1d522}\u{1d530}\u{1d531}\u{1d52d}\u{1d51e}\u{1d530}\u{1d530}\u{1d534}\u{1d52c}\u{1d52f}\u{1d521}\u{1f511}";

fn vector(kdf: &str, checksum: &str, message: &str) -> Keystore {
    let text = format!(
        r#"{{"crypto": {{
            "kdf": {{{kdf}, "message": ""}},
            "checksum": {{"function": "sha256", "params": {{}}, "message": "{checksum}"}},
            "cipher": {{"function": "aes-128-ctr",
                "params": {{"iv": "264daa3f303d7259501c93d997d84fe6"}}, "message": "{message}"}}}},
            "description": "This is a test keystore.",
            "pubkey": "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07",
            "path": "m/12381/60/3141592653/589793238",
            "uuid": "1d85ae20-35c5-4611-98e8-aa14a633906f", "version": 4}}"#
    );
    serde_json::from_str(&text).expect("the vector is a keystore")
}

fn scrypt_vector() -> Keystore {
    vector(
        r#""function": "scrypt", "params": {"dklen": 32, "n": 262144, "p": 1, "r": 8,
            "salt": "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"}"#,
        "d2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484",
        "06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f",
    )
}

fn pbkdf2_vector() -> Keystore {
    vector(
        r#""function": "pbkdf2", "params": {"dklen": 32, "c": 262144, "prf": "hmac-sha256",
            "salt": "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"}"#,
        "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1",
        "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad",
    )
}

fn sealed() -> Keystore {
    let label = Label {
        kind: "consensus",
        description: "a key of a test",
        pubkey: String::new(),
        public: String::new(),
    };
    Keystore::seal(&[7; 32], &Password::new("right"), Cost::TRIFLING, label).expect("it is sealed")
}

#[test]
fn the_scrypt_vector_of_eip_2335_opens() {
    let secret = scrypt_vector().open(&Password::new(PASSWORD));
    assert_eq!(hex::encode(*secret.expect("it opens")), SECRET);
}

#[test]
fn the_pbkdf2_vector_of_eip_2335_opens() {
    let secret = pbkdf2_vector().open(&Password::new(PASSWORD));
    assert_eq!(hex::encode(*secret.expect("it opens")), SECRET);
}

#[test]
fn a_password_is_normalised_and_loses_its_control_codes() {
    let bytes = "7465737470617373776f7264f09f9491";
    assert_eq!(hex::encode(Password::new(PASSWORD).bytes()), bytes);
    let typed = format!("\t{PASSWORD}\u{7f}\u{85}\r\n");
    assert_eq!(hex::encode(Password::new(&typed).bytes()), bytes);
}

#[test]
fn what_is_sealed_opens_with_the_same_password_alone() {
    let keystore = sealed();
    let text = serde_json::to_string(&keystore).expect("it is JSON");
    let keystore: Keystore = serde_json::from_str(&text).expect("it is a keystore");
    assert_eq!(
        *keystore.open(&Password::new("right")).expect("it opens"),
        [7; 32]
    );
    let error = keystore
        .open(&Password::new("wrong"))
        .expect_err("it stays shut");
    assert!(matches!(error, KeystoreError::Password), "{error}");
    assert!(!text.contains(&hex::encode([7; 8])), "{text}");
}

#[test]
fn a_keystore_that_would_take_all_memory_or_time_is_refused() {
    for (field, value) in [
        ("n", "1099511627776"),
        ("n", "3"),
        ("n", "0"),
        ("r", "4294967295"),
        ("p", "4000000000"),
        ("dklen", "16"),
    ] {
        let mut text = serde_json::to_value(sealed()).expect("it is JSON");
        text["crypto"]["kdf"]["params"][field] = value.parse::<u64>().expect("a number").into();
        let Ok(keystore) = serde_json::from_value::<Keystore>(text) else {
            continue;
        };
        let error = keystore
            .open(&Password::new("right"))
            .expect_err("it costs too much");
        assert!(
            matches!(error, KeystoreError::Unsupported(..)),
            "{field}: {error}"
        );
    }
}
