//! What a program's exit code says, and which error leads to which.

use std::{fmt::Display, io, process::ExitCode};

use light_client::{
    rpc::{RpcError, ViewError},
    send::SendError,
};
use sequencer_client::{
    ClientError, CursorError, FollowError, TrustError, VerifyError, text::TextError,
};

/// An exit code other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The arguments make no sense.
    Usage,
    /// A setting, the genesis document, the definition or a file named by them is wrong.
    Config,
    /// A node or an L1 can't be reached, is not ready, or takes nothing now.
    Unreachable,
    /// There is no such thing.
    NotFound,
    /// A proof, a signature or what is stored is invalid.
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

/// As other programs end whose output nobody reads any more (SIGPIPE), without a word: what they had to say was not said.
const CLOSED_PIPE: u8 = 128 + 13;

/// Why a verb failed, in words for its user, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    is_quiet: bool,
}

impl Failure {
    /// A failure with an exit code and what its user reads.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            is_quiet: false,
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether it may be otherwise a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.exit, Exit::Unreachable | Exit::Timeout)
    }

    /// Prints the message on stderr and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.is_quiet {
            return ExitCode::from(CLOSED_PIPE);
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
#[macro_export]
macro_rules! exits {
    ($($error:ty => $exit:expr),* $(,)?) => {$(
        impl From<$error> for $crate::Failure {
            fn from(error: $error) -> Self {
                let exit: fn(&$error) -> $crate::Exit = $exit;
                Self::new(exit(&error), error)
            }
        }
    )*};
}

exits! {
    ClientError => of_client,
    CursorError => |_| Exit::Usage,
    FollowError => |_| Exit::Invalid,
    RpcError => of_rpc,
    SendError => of_send,
    TextError => |_| Exit::Usage,
    TrustError => |_| Exit::Config,
    VerifyError => |_| Exit::Invalid,
    ViewError => of_view,
    serde_json::Error => |_| Exit::Internal,
}

/// Of a request to an L1.
#[must_use]
pub fn of_rpc(error: &RpcError) -> Exit {
    match error {
        RpcError::Url | RpcError::Credentials => Exit::Usage,
        RpcError::NoRoots | RpcError::Tls(_) => Exit::Config,
        RpcError::Timeout { .. } => Exit::Timeout,
        _ => Exit::Unreachable,
    }
}

fn of_view(error: &ViewError) -> Exit {
    match error {
        ViewError::Rpc(error) => of_rpc(error),
        ViewError::Refused(_) => Exit::Refused,
        ViewError::NoContract { .. } => Exit::Config,
    }
}

/// Of a transaction on an L1.
#[must_use]
pub fn of_send(error: &SendError) -> Exit {
    match error {
        SendError::Rpc(error) => of_rpc(error),
        SendError::Refused(_) | SendError::Failed(_) | SendError::TooDear { .. } => Exit::Refused,
        SendError::Superseded | SendError::Undone => Exit::Unreachable,
        SendError::Stuck { .. } => Exit::Timeout,
    }
}

/// Of a request to the sequencer.
#[must_use]
pub fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Url(_) | ClientError::Text(_) | ClientError::Servers(_) => Exit::Usage,
        ClientError::NotFinal | ClientError::Pruned(_) => Exit::NotFound,
        ClientError::Unreachable { .. }
        | ClientError::Protocol { .. }
        | ClientError::Behind { .. } => Exit::Unreachable,
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

/// Of a failed write to standard output; nobody reads it any more: nothing to say.
pub(crate) fn of_output(error: io::Error) -> Failure {
    let is_quiet = error.kind() == io::ErrorKind::BrokenPipe;
    let message = format!("can't write to standard output: {error}");
    Failure {
        is_quiet,
        ..Failure::new(Exit::Internal, message)
    }
}

#[cfg(test)]
mod tests {
    use hotshot_types::Height;
    use sequencer_client::AnchorError;

    use super::*;

    fn refused() -> RpcError {
        RpcError::Refused {
            endpoint: "http://l1".into(),
            method: "eth_getLogs",
            code: -32_005,
            message: "limit exceeded".into(),
            data: None,
        }
    }

    #[test]
    fn an_endpoint_that_refuses_may_answer_another_time() {
        assert_eq!(of_rpc(&refused()), Exit::Unreachable);
        assert_eq!(of_send(&SendError::Rpc(refused())), Exit::Unreachable);
        assert!(Failure::from(refused()).is_passing());
        assert_eq!(of_send(&SendError::Refused(Vec::new())), Exit::Refused);
    }

    #[test]
    fn servers_that_lie_are_no_servers_out_of_reach() {
        let away = ClientError::Unreachable {
            url: "http://node".into(),
            reason: "refused".into(),
        };
        assert_eq!(of_client(&away), Exit::Unreachable);
        let anchor = ClientError::Anchor(AnchorError::OtherBlock(Height(1)));
        for lie in [anchor, ClientError::AllLeft("it lied".into())] {
            assert_eq!(of_client(&lie), Exit::Invalid, "{lie}");
        }
    }

    #[test]
    fn a_closed_pipe_ends_without_a_word() {
        let ended = |kind: io::ErrorKind| of_output(kind.into()).report();
        assert_eq!(
            ended(io::ErrorKind::BrokenPipe),
            ExitCode::from(CLOSED_PIPE)
        );
        assert_eq!(
            ended(io::ErrorKind::StorageFull),
            ExitCode::from(Exit::Internal.code())
        );
    }
}
