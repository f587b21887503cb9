//! Which of the node's errors leads to which exit code.

use std::io;

pub(crate) use program::{Exit, Failure};
use program::{exits, of_client, of_rpc, of_send};

use crate::{
    config::ConfigError,
    genesis_file::GenesisFileError,
    keys::KeyFileError,
    network_file::NetworkFileError,
    node::NodeError,
    relay::RelayError,
    reporter::{ReportError, SourceError},
    storage::StorageError,
};

fn of_relay(error: &RelayError) -> Exit {
    match error {
        RelayError::Rpc(error) => of_rpc(error),
        RelayError::Send(error) => of_send(error),
        RelayError::Client(error) => of_client(error),
        RelayError::NoLightClient(_) => Exit::NotFound,
        RelayError::OtherNetwork(_) => Exit::Config,
        RelayError::Frozen | RelayError::Expired => Exit::Refused,
        RelayError::Node(_) => Exit::Invalid,
    }
}

fn of_report(error: &ReportError) -> Exit {
    match error {
        ReportError::Rpc(error) => of_rpc(error),
        ReportError::Send(error) => of_send(error),
        ReportError::Source(SourceError::Client(error)) => of_client(error),
        ReportError::Source(SourceError::Storage(error)) => of_storage(error),
        ReportError::Source(SourceError::Unknown) | ReportError::NoContract(_) => Exit::NotFound,
        ReportError::OtherChain { .. } => Exit::Config,
    }
}

exits! {
    RelayError => of_relay,
    ReportError => of_report,
    ConfigError => of_config,
    GenesisFileError => |_| Exit::Config,
    NetworkFileError => |_| Exit::Config,
    KeyFileError => |_| Exit::Key,
    NodeError => of_node,
    StorageError => of_storage,
}

fn of_node(error: &NodeError) -> Exit {
    match error {
        NodeError::Key(_) => Exit::Key,
        NodeError::Doppelganger(_) => Exit::Refused,
        NodeError::Storage(error) => of_storage(error),
        NodeError::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Key
        }
        NodeError::Runtime(_) | NodeError::Stopped(_) => Exit::Internal,
        _ => Exit::Config,
    }
}

/// Whatever a restart can't mend and signing on could make worse is refused for safety.
fn of_storage(error: &StorageError) -> Exit {
    match error {
        StorageError::Locked { .. }
        | StorageError::OtherNode { .. }
        | StorageError::RecordDamaged(_) => Exit::Refused,
        StorageError::OtherNetwork { .. }
        | StorageError::OtherGenesis { .. }
        | StorageError::Schema { .. } => Exit::Config,
        StorageError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Key
        }
        // As `db verify` ends: what is stored is not what was written.
        StorageError::Damaged { .. }
        | StorageError::Corrupt { .. }
        | StorageError::OwnerDamaged { .. }
        | StorageError::Read(_) => Exit::Invalid,
        _ => Exit::Internal,
    }
}

fn of_config(error: &ConfigError) -> Exit {
    match error {
        ConfigError::Key(_) | ConfigError::DevelopmentKey(_) => Exit::Key,
        _ => Exit::Config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(kind: io::ErrorKind) -> StorageError {
        StorageError::Io {
            path: "/data/db".into(),
            source: kind.into(),
        }
    }

    #[test]
    fn storage_errors_end_with_the_code_that_says_who_can_mend_them() {
        let path = std::path::PathBuf::from("/data/db");
        for (error, exit) in [
            (StorageError::Locked { path: path.clone() }, Exit::Refused),
            (StorageError::RecordDamaged("gone".into()), Exit::Refused),
            (
                StorageError::Schema {
                    found: 2,
                    expected: 1,
                },
                Exit::Config,
            ),
            (io(io::ErrorKind::PermissionDenied), Exit::Key),
            (io(io::ErrorKind::StorageFull), Exit::Internal),
            (
                StorageError::Corrupt {
                    path,
                    reason: "a checksum".into(),
                },
                Exit::Invalid,
            ),
        ] {
            let text = error.to_string();
            assert_eq!(of_storage(&error), exit, "{text}");
            assert_eq!(of_node(&NodeError::Storage(error)), exit, "{text}");
        }
    }
}
