//! What the program's exit code says, and which error leads to which.

use std::{fmt::Display, io, process::ExitCode};

use light_client::{rpc::RpcError, send::SendError};
use sequencer_client::{
    ClientError, CursorError, FollowError, TrustError, VerifyError, text::TextError,
};

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

/// An exit code other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The arguments make no sense.
    Usage,
    /// A setting, the genesis document or a file named by them is wrong.
    Config,
    /// The node can't be reached, is not ready, or takes nothing now.
    Unreachable,
    /// There is no such thing.
    NotFound,
    /// A proof or signature is invalid.
    Invalid,
    /// A key is missing, or a permission.
    Key,
    /// It would not be safe.
    Refused,
    /// It took too long.
    Timeout,
    /// A fault of this program.
    Internal,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Config => 3,
            Self::Unreachable => 4,
            Self::NotFound => 5,
            Self::Invalid => 6,
            Self::Key => 7,
            Self::Refused => 8,
            Self::Timeout => 9,
            Self::Internal => 10,
        }
    }
}

/// Why a verb failed, in words for its user, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    is_quiet: bool,
}

impl Failure {
    /// A failure with an exit code and what its user reads.
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            is_quiet: false,
        }
    }

    /// Nobody reads standard output any more: nothing to say.
    pub(super) fn closed_pipe() -> Self {
        Self {
            exit: Exit::Internal,
            message: String::new(),
            is_quiet: true,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether it may be otherwise a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.exit, Exit::Unreachable | Exit::Timeout)
    }

    /// Prints the message on stderr and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        if self.is_quiet {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {}", self.message);
        ExitCode::from(self.exit.code())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.message.fmt(f)
    }
}

/// Gives each error of a kind the same exit code, or one computed from the error.
macro_rules! impl_from {
    ($($error:ty => $exit:expr),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let exit: fn(&$error) -> Exit = $exit;
                Self::new(exit(&error), error)
            }
        }
    )*};
}

fn of_rpc(error: &RpcError) -> Exit {
    match error {
        RpcError::Url | RpcError::Credentials => Exit::Usage,
        RpcError::NoRoots | RpcError::Tls(_) => Exit::Config,
        RpcError::Timeout { .. } => Exit::Timeout,
        _ => Exit::Unreachable,
    }
}

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

fn of_send(error: &SendError) -> Exit {
    match error {
        SendError::Rpc(error) => of_rpc(error),
        SendError::Refused(_) | SendError::Failed(_) => Exit::Refused,
        SendError::Superseded | SendError::Undone => Exit::Unreachable,
        SendError::Stuck { .. } => Exit::Timeout,
        SendError::TooDear { .. } => Exit::Refused,
    }
}

impl_from! {
    ClientError => of_client,
    RelayError => of_relay,
    ReportError => of_report,
    RpcError => of_rpc,
    SendError => of_send,
    ConfigError => of_config,
    CursorError => |_| Exit::Usage,
    FollowError => |_| Exit::Invalid,
    GenesisFileError => |_| Exit::Config,
    NetworkFileError => |_| Exit::Config,
    KeyFileError => |_| Exit::Key,
    NodeError => of_node,
    StorageError => of_storage,
    TextError => |_| Exit::Usage,
    TrustError => |_| Exit::Config,
    VerifyError => |_| Exit::Invalid,
    serde_json::Error => |_| Exit::Internal,
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

fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Url(_) | ClientError::Text(_) | ClientError::Servers(_) => Exit::Usage,
        ClientError::NotFinal | ClientError::Pruned(_) => Exit::NotFound,
        ClientError::Unreachable { .. } | ClientError::Protocol { .. } => Exit::Unreachable,
        ClientError::Timeout { .. } => Exit::Timeout,
        ClientError::Refused(problem) => of_problem(problem.status),
        ClientError::TooLarge(_) => Exit::Internal,
        ClientError::OtherSubject(_)
        | ClientError::Unproven(_)
        | ClientError::AllLeft(_)
        | ClientError::Verify(_)
        | ClientError::Follow(_)
        | ClientError::Anchor(_) => Exit::Invalid,
    }
}

fn of_problem(status: u16) -> Exit {
    match status {
        404 | 410 => Exit::NotFound,
        429 | 503 => Exit::Unreachable,
        400..500 => Exit::Usage,
        _ => Exit::Internal,
    }
}

/// The exit code of a failed write to standard output.
pub(super) fn of_output(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::closed_pipe()
    } else {
        Failure::new(
            Exit::Internal,
            format!("can't write to standard output: {error}"),
        )
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
