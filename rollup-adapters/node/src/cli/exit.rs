//! What the program's exit code says, and which error leads to which. The codes are those of `sequencer`.

use std::{fmt::Display, io, process::ExitCode};

use light_client::{rpc::RpcError, send::SendError};
use sequencer_client::{ClientError, TrustError, VerifyError};

use crate::{
    definition::DefinitionError, host::HostError, settings::SettingsError, storage::StorageError,
};

/// An exit code other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The arguments make no sense.
    Usage,
    /// A setting, the definition or a file named by them is wrong.
    Config,
    /// A node or an L1 can't be reached, is not ready, or takes nothing now.
    Unreachable,
    /// There is no such thing.
    NotFound,
    /// A proof or what is stored is invalid.
    Invalid,
    /// A key is missing, or a permission.
    Key,
    /// It would not be safe, or a contract or the node refuses.
    Refused,
    /// It took too long.
    Timeout,
    /// A fault of this program or its disk.
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

    /// Prints the message on stderr and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        if self.is_quiet {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {}", self.message);
        ExitCode::from(self.exit.code())
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

impl_from! {
    ClientError => of_client,
    DefinitionError => |_| Exit::Config,
    HostError => of_host,
    RpcError => of_rpc,
    SendError => of_send,
    SettingsError => |_| Exit::Config,
    StorageError => of_storage,
    TrustError => |_| Exit::Config,
    VerifyError => |_| Exit::Invalid,
    serde_json::Error => |_| Exit::Internal,
}

fn of_rpc(error: &RpcError) -> Exit {
    match error {
        RpcError::Url | RpcError::Credentials => Exit::Usage,
        RpcError::NoRoots | RpcError::Tls(_) => Exit::Config,
        RpcError::Timeout { .. } => Exit::Timeout,
        RpcError::Refused { .. } => Exit::Refused,
        _ => Exit::Unreachable,
    }
}

fn of_send(error: &SendError) -> Exit {
    match error {
        SendError::Rpc(error) => of_rpc(error),
        SendError::Refused(_) | SendError::Failed(_) | SendError::TooDear { .. } => Exit::Refused,
        SendError::Superseded | SendError::Undone => Exit::Unreachable,
        SendError::Stuck { .. } => Exit::Timeout,
    }
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
        HostError::Machine(_) | HostError::Trust(_) | HostError::Client(_) => Exit::Config,
        HostError::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Key
        }
        HostError::Listen { .. } => Exit::Config,
        HostError::Derivation(_) => Exit::Invalid,
        HostError::Methods(_) | HostError::Stopped(_) => Exit::Internal,
    }
}

fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Url(_) | ClientError::Text(_) | ClientError::Servers(_) => Exit::Usage,
        ClientError::NotFinal | ClientError::Pruned(_) => Exit::NotFound,
        ClientError::Timeout { .. } => Exit::Timeout,
        ClientError::Refused(problem) => match problem.status {
            404 | 410 => Exit::NotFound,
            429 | 503 => Exit::Unreachable,
            400..500 => Exit::Usage,
            _ => Exit::Internal,
        },
        ClientError::TooLarge(_) => Exit::Internal,
        ClientError::OtherSubject(_)
        | ClientError::Unproven(_)
        | ClientError::AllLeft(_)
        | ClientError::Verify(_)
        | ClientError::Follow(_) => Exit::Invalid,
        _ => Exit::Unreachable,
    }
}

/// The exit code of a failed write to standard output; nobody reads it any more: nothing to say.
pub(super) fn of_output(error: io::Error) -> Failure {
    let is_quiet = error.kind() == io::ErrorKind::BrokenPipe;
    Failure {
        is_quiet,
        ..Failure::new(
            Exit::Internal,
            format!("can't write to standard output: {error}"),
        )
    }
}
