//! Genesis documents and validator entries as commented TOML.

use std::fmt::Write as _;

use hotshot_types::{GenesisDocument, genesis::GenesisValidator};
use toml::Value;

use super::ValidatorEntry;

/// A genesis document with a comment on each part.
pub(crate) fn document_text(document: &GenesisDocument) -> String {
    let GenesisDocument {
        l1_chain_id,
        stake_table,
        salt,
        timestamp_ms,
        l1,
        seeds,
        parameters,
        ..
    } = document;
    let mut text = format!(
        "\
# Genesis document: what everybody who joins this network agrees on.
#
# Every node needs the same file; its hash is the parent of the first block. Changing anything
# here makes another network. Chain domain, which is in every signature:
# {domain}

# Chain id of the L1 with the stake table, and that contract; 0 and zero for a network without L1.
l1_chain_id = {l1_chain_id}
stake_table = \"{stake_table}\"

# Tells networks of one stake table apart, and networks without L1.
salt = \"{salt}\"

# When the network starts: milliseconds since 1970.
timestamp_ms = {timestamp_ms}

# Leaders of epochs 1 and 2 are drawn with these seeds, which were themselves drawn after the
# validators' keys were fixed: nobody could choose a key that leads often.
seeds = [
    \"{seed1}\",
    \"{seed2}\",
]

# The L1 block that the first blocks see as finalized.
[l1]
number = {l1_number}
hash = \"{l1_hash}\"
timestamp = {l1_timestamp}

[parameters]
# Blocks in an epoch.
epoch_length = {epoch_length}
# How long a view may take beyond the empty-block delay before its first back-off.
view_timeout_ms = {view_timeout_ms}
# How long a leader without transactions waits before it proposes an empty block.
empty_block_delay_ms = {empty_block_delay_ms}
# Bytes of a block's payload, namespaces in a block, bytes of a transaction: at most.
max_payload_bytes = {max_payload_bytes}
max_namespaces = {max_namespaces}
max_transaction_bytes = {max_transaction_bytes}
# Whether this is a network for development: it accepts keys that are not encrypted.
development = {development}
",
        domain = document.chain_domain(),
        timestamp_ms = timestamp_ms.0,
        seed1 = seeds[0],
        seed2 = seeds[1],
        l1_number = l1.number,
        l1_hash = l1.hash,
        l1_timestamp = l1.timestamp,
        epoch_length = parameters.epoch_length,
        view_timeout_ms = parameters.view_timeout_ms,
        empty_block_delay_ms = parameters.empty_block_delay_ms,
        max_payload_bytes = parameters.max_payload_bytes,
        max_namespaces = parameters.max_namespaces,
        max_transaction_bytes = parameters.max_transaction_bytes,
        development = parameters.development,
    );
    text.push_str("\n# The validators of epochs 1 and 2; their order gives them their indices.\n");
    for (index, validator) in document.validators.iter().enumerate() {
        write_validator(
            &mut text,
            &format!("\n# Validator {index}.\n[[validators]]\n"),
            validator,
        );
    }
    text
}

/// A validator entry with comments.
pub(crate) fn entry_text(entry: &ValidatorEntry) -> String {
    let mut text = format!(
        "\
# A validator's entry for a genesis document. Nothing here is secret.
# Hand it to whoever runs `sequencer genesis new --validator FILE ...`.

# The network that the proof of possession below was made for: the L1 with the stake table and that
# contract (0 and zero for a network without L1), and a salt.
l1_chain_id = {}
stake_table = \"{}\"
salt = \"{}\"
",
        entry.l1_chain_id, entry.stake_table, entry.salt
    );
    write_validator(&mut text, "\n[validator]\n", &entry.validator);
    text
}

fn write_validator(text: &mut String, heading: &str, validator: &GenesisValidator) {
    let GenesisValidator {
        operator,
        key,
        possession,
        weight,
        network_key,
        address,
    } = validator;
    // The address is the one field with free text: TOML quoting is left to the library.
    let address = Value::String(address.clone());
    write!(
        text,
        "{heading}\
# The account that answers for it; zero where there is no L1.
operator = \"{operator}\"
# Consensus key, and the proof that its owner holds the secret.
key = \"{key}\"
possession = \"{possession}\"
# Voting weight.
weight = {weight}
# Network key (Ed25519), and where other validators reach it.
network_key = \"{network_key}\"
address = {address}
"
    )
    .expect("writing to a string does not fail");
}
