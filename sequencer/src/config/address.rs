//! Network addresses as they are written in settings.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use light_client::rpc::{Endpoint, RpcError};
use serde::{Deserialize, Serialize};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListenAddress(pub Multiaddr);

/// A peer and where it is reached: `12D3Koo..@/ip4/10.0.0.7/tcp/9000`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerAddress {
    /// The hash of its network key.
    pub id: PeerId,
    /// Where to dial it.
    pub address: Multiaddr,
}

/// A node that knows the network: `/dns/node.example.org/tcp/9000/p2p/12D3Koo..`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bootnode(pub PeerAddress);

/// The URL of an L1 node. It may hold an access key, so it is shown without its path.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct L1Url(pub String);

impl fmt::Debug for L1Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Endpoint::new(&self.0) {
            Ok(endpoint) => f.write_str(endpoint.name()),
            Err(_) => f.write_str("no URL"),
        }
    }
}

impl FromStr for L1Url {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Endpoint::new(text) {
            Err(error @ (RpcError::Url | RpcError::Credentials)) => Err(AddressError::L1(error)),
            // What this machine lacks is said when the node starts.
            _ => Ok(Self(text.trim().to_owned())),
        }
    }
}

impl TryFrom<String> for L1Url {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<L1Url> for String {
    fn from(url: L1Url) -> Self {
        url.0
    }
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No multiaddress.
    #[error(
        "`{0}` is no multiaddress; write it like /ip4/127.0.0.1/tcp/9000 or /dns/node.example.org/tcp/9000"
    )]
    Multiaddr(String),
    /// No peer.
    #[error(
        "`{0}` names no peer; write PEERID@MULTIADDRESS, the id as `sequencer keys list` prints it"
    )]
    Peer(String),
    /// No URL of an L1 node.
    #[error(transparent)]
    L1(RpcError),
    /// No bootnode.
    #[error(
        "`{0}` is no bootnode; write it like /dns/node.example.org/tcp/9000/p2p/PEERID, the id as `sequencer keys list` prints it"
    )]
    Bootnode(String),
    /// No address at which others reach a node.
    #[error(
        "`{0}` can't be dialled by others: {1}; write it like /ip4/203.0.113.7/tcp/9000 or /dns/node.example.org/tcp/9000"
    )]
    Undialable(String, &'static str),
}

/// Checks an address that a validator promises to others, as it stands in a genesis document.
///
/// # Errors
/// Nobody could dial it.
pub(crate) fn check_dialable(text: &str) -> Result<(), AddressError> {
    let ListenAddress(address) = text.parse()?;
    let wrong = |why| Err(AddressError::Undialable(text.to_owned(), why));
    let mut parts = address.iter();
    match parts.next() {
        Some(Protocol::Ip4(ip)) if ip.is_unspecified() => {
            return wrong("it stands for every interface of a machine, not for one machine");
        }
        Some(Protocol::Ip6(ip)) if ip.is_unspecified() => {
            return wrong("it stands for every interface of a machine, not for one machine");
        }
        Some(
            Protocol::Ip4(_)
            | Protocol::Ip6(_)
            | Protocol::Dns(_)
            | Protocol::Dns4(_)
            | Protocol::Dns6(_),
        ) => {}
        _ => return wrong("it begins with neither an IP address nor a name"),
    }
    match (parts.next(), parts.next()) {
        (Some(Protocol::Tcp(0)), _) => wrong("port 0 is none"),
        (Some(Protocol::Tcp(_)), None) => Ok(()),
        (Some(Protocol::Tcp(_)), Some(_)) => wrong("nothing may follow the port"),
        (None, _) => wrong("it has no TCP port"),
        (Some(_), _) => wrong("nodes talk over TCP alone"),
    }
}

impl FromStr for Bootnode {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Bootnode(text.to_owned());
        let mut address: Multiaddr = text.parse().map_err(|_| wrong())?;
        match address.pop() {
            Some(Protocol::P2p(id)) if address.iter().count() >= 2 => {
                Ok(Self(PeerAddress { id, address }))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Bootnode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/p2p/{}", self.0.address, self.0.id)
    }
}

impl TryFrom<String> for Bootnode {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Bootnode> for String {
    fn from(bootnode: Bootnode) -> Self {
        bootnode.to_string()
    }
}

/// Address and port of a multiaddress that begins `/ip4|ip6/../tcp/..`.
pub(crate) fn socket(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse::<Multiaddr>() {
            Ok(address) if !address.is_empty() => Ok(Self(address)),
            _ => Err(AddressError::Multiaddr(text.to_owned())),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let unnamed = || AddressError::Peer(text.to_owned());
        let (id, address) = text.split_once('@').ok_or_else(unnamed)?;
        let id = id.parse().map_err(|_| unnamed())?;
        let ListenAddress(address) = address.parse()?;
        Ok(Self { id, address })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.address)
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for PeerAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<PeerAddress> for String {
    fn from(peer: PeerAddress) -> Self {
        peer.to_string()
    }
}
