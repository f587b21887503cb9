//! Which of the node's errors leads to which exit code.

use std::io;

pub(crate) use program::{Exit, Failure};
use program::{exits, of_client};
use sequencer_client::ClientError;

use crate::{
    definition::DefinitionError, host::HostError, settings::SettingsError, storage::StorageError,
};

exits! {
    DefinitionError => |_| Exit::Config,
    HostError => of_host,
    SettingsError => |_| Exit::Config,
    StorageError => of_storage,
}

fn of_storage(error: &StorageError) -> Exit {
    match error {
        StorageError::Locked { .. } => Exit::Refused,
        StorageError::OtherDefinition { .. }
        | StorageError::OtherGenesis { .. }
        | StorageError::Schema { .. } => Exit::Config,
        StorageError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Key
        }
        StorageError::Damaged { .. } | StorageError::Corrupt { .. } | StorageError::Read(_) => {
            Exit::Invalid
        }
        _ => Exit::Internal,
    }
}

fn of_host(error: &HostError) -> Exit {
    match error {
        HostError::Storage(error) => of_storage(error),
        HostError::Machine(_)
        | HostError::Definition(_)
        | HostError::Trust(_)
        | HostError::Client(ClientError::Servers(_)) => Exit::Config,
        HostError::Client(error) => of_client(error),
        HostError::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Key
        }
        HostError::Listen { .. } => Exit::Config,
        HostError::Derivation(_) => Exit::Invalid,
        HostError::Methods(_) | HostError::Stopped(_) => Exit::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_lie_are_no_wrong_setting() {
        let lied = ClientError::AllLeft("it lied".into());
        assert_eq!(of_host(&HostError::Client(lied)), Exit::Invalid);
        let other = HostError::Definition("of another network".into());
        assert_eq!(of_host(&other), Exit::Config);
        let many = HostError::Client(ClientError::Servers(8));
        assert_eq!(of_host(&many), Exit::Config);
    }
}
