use std::{fs, path::Path};

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_trie::{
    EMPTY_ROOT_HASH, TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use rollup_evm::{BRIDGE, ConfigError, EvmConfig, GenesisAccount, TOKEN_FACTORY};
use rollup_types::Vm as _;

use crate::chain::{Chain, HOME};

fn config() -> EvmConfig {
    toml::from_str(
        r#"
        chain_id = 7777
        fee_account = "0xfefefefefefefefefefefefefefefefefefefefe"
        home_l1_chain_id = 31337
        base_fee = 1000000000

        [alloc.0x1111111111111111111111111111111111111111]
        balance = "1000000000000000000"

        [alloc.0x2222222222222222222222222222222222222222]
        balance = "0x10"
        nonce = 1
        code = "0x6001"
        [alloc.0x2222222222222222222222222222222222222222.storage]
        0x0000000000000000000000000000000000000000000000000000000000000001 = "0x0000000000000000000000000000000000000000000000000000000000000002"
        "#,
    )
    .unwrap()
}

#[test]
fn the_configuration_is_read_and_written_as_toml() {
    let config = config();
    let rich = &config.alloc[&Address::repeat_byte(0x11)];
    assert_eq!(rich.balance, U256::from(10).pow(U256::from(18)));
    let again: EvmConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
    let unknown = "chain_id = 1\nfee_account = \"0xfefefefefefefefefefefefefefefefefefefefe\"\nhome_l1_chain_id = 1\nbase_fe = 2\n";
    let error = toml::from_str::<EvmConfig>(unknown).unwrap_err();
    assert!(error.message().contains("base_fe"), "{error}");
}

#[test]
fn a_configuration_that_no_rollup_can_have_is_refused() {
    let address = Address::repeat_byte(0x33);
    let with = |account| {
        let mut config = config();
        config.alloc.insert(address, account);
        config
    };
    let change = |change: fn(&mut EvmConfig)| {
        let mut config = config();
        change(&mut config);
        config
    };
    let account = GenesisAccount::default;
    let cases = [
        (
            change(|config| config.chain_id = 0),
            ConfigError::ChainId(0),
        ),
        (
            change(|config| config.chain_id = u64::MAX),
            ConfigError::ChainId(u64::MAX),
        ),
        (
            change(|config| config.fee_account = Address::ZERO),
            ConfigError::FeeAccount(Address::ZERO),
        ),
        (
            change(|config| config.fee_account = BRIDGE),
            ConfigError::FeeAccount(BRIDGE),
        ),
        (
            change(|config| config.home_l1_chain_id = 0),
            ConfigError::HomeChain,
        ),
        (
            change(|config| config.base_fee = 9_999_999),
            ConfigError::BaseFee(9_999_999),
        ),
        (
            change(|config| {
                config
                    .alloc
                    .insert(TOKEN_FACTORY, GenesisAccount::default());
            }),
            ConfigError::Reserved(TOKEN_FACTORY),
        ),
        (with(account()), ConfigError::Empty(address)),
        (
            with(GenesisAccount {
                balance: U256::ONE,
                storage: [(B256::ZERO, B256::repeat_byte(1))].into(),
                ..account()
            }),
            ConfigError::Storage(address),
        ),
        (
            with(GenesisAccount {
                nonce: 1,
                storage: [(B256::ZERO, B256::ZERO)].into(),
                ..account()
            }),
            ConfigError::EmptySlot(address, B256::ZERO),
        ),
        (
            with(GenesisAccount {
                code: Bytes::from_static(&[0xef]),
                ..account()
            }),
            ConfigError::Code(address),
        ),
        (
            with(GenesisAccount {
                balance: U256::from(u128::MAX),
                ..account()
            }),
            ConfigError::Supply,
        ),
    ];
    for (config, error) in cases {
        assert_eq!(config.check(), Err(error.clone()), "{error}");
    }
    assert_eq!(config().check(), Ok(()));
}

#[test]
fn genesis_holds_what_was_allocated_and_the_predeploys() {
    let chain = Chain::with(config());
    let genesis = chain.evm.genesis();
    let header = chain.view().header(0).unwrap().unwrap();
    assert_eq!(header.hash().0, genesis.hash.0);
    assert_eq!(header.state_root.0, genesis.state_root.0);
    let at = chain.view().at(0).unwrap().unwrap();
    let addresses = [
        Address::repeat_byte(0x11),
        Address::repeat_byte(0x22),
        BRIDGE,
        TOKEN_FACTORY,
    ];
    let accounts = addresses.map(|address| (address, at.account(address).unwrap().unwrap()));
    assert_eq!(accounts[0].1.storage_root, EMPTY_ROOT_HASH);
    let slots =
        |slot, value: u64| storage_root_unhashed([(B256::with_last_byte(slot), U256::from(value))]);
    assert_eq!(accounts[1].1.storage_root, slots(1, 2));
    assert_eq!(accounts[2].1.storage_root, slots(0, HOME));
    assert_eq!(
        state_root_unhashed::<TrieAccount>(accounts),
        header.state_root
    );
    assert_eq!(
        at.code(Address::repeat_byte(0x22)).unwrap()[..],
        [0x60, 0x01]
    );
}

/// The bytecode is part of every rollup's genesis, so it is committed; forge has to be run to compare.
#[test]
fn committed_predeploys_are_what_the_compiler_makes_if_it_ran() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["Bridge", "TokenFactory"] {
        let artifact = folder.join(format!("../contracts/out/{name}.sol/{name}.json"));
        let Ok(artifact) = fs::read_to_string(artifact) else {
            continue;
        };
        let artifact: serde_json::Value = serde_json::from_str(&artifact).unwrap();
        // The linter leaves artifacts without code.
        let Some(compiled) = artifact["deployedBytecode"]["object"].as_str() else {
            continue;
        };
        let committed = fs::read_to_string(folder.join(format!("predeploys/{name}.hex"))).unwrap();
        assert_eq!(
            hex::decode(compiled).unwrap(),
            hex::decode(committed.trim()).unwrap(),
            "{name} changed: bring predeploys/{name}.hex up to date"
        );
    }
}
