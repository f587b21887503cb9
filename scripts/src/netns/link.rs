//! Another network namespace, and a link to it that may be slow and lossy.

use std::{net::Ipv4Addr, process::Command};

use anyhow::{Context as _, Result};

use crate::network::call;

/// How packets fare on the link, in each direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// How long a packet takes.
    pub(super) delay_ms: u32,
    /// How many of a hundred are lost.
    pub(super) loss_percent: f64,
}

/// A namespace with a link to this one; dropping it removes both.
#[derive(Debug)]
pub(crate) struct Link {
    /// Name of the namespace.
    pub(crate) namespace: String,
    /// This side's address.
    pub(crate) here: Ipv4Addr,
    /// The other side's address.
    pub(crate) there: Ipv4Addr,
    near: String,
    far: String,
}

/// Why there can be no link, if that is so.
pub(crate) fn obstacle() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let is_root = user.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"));
    if !is_root {
        return Some("making network namespaces takes root".into());
    }
    match ip(&["netns", "list"]) {
        Ok(()) => None,
        Err(error) => Some(format!("{error:#} (Debian: apt-get install iproute2)")),
    }
}

impl Link {
    /// Makes the namespace and the link.
    pub(crate) fn new() -> Result<Self> {
        let process = std::process::id();
        // Addresses for private networks, those of few machines.
        let third = u8::try_from(process % 250).context("a remainder")?;
        let link = Self {
            namespace: format!("sequencer-{process}"),
            here: Ipv4Addr::new(10, 231, third, 1),
            there: Ipv4Addr::new(10, 231, third, 2),
            near: format!("seqn{process}"),
            far: format!("seqf{process}"),
        };
        link.lay()?;
        Ok(link)
    }

    fn lay(&self) -> Result<()> {
        let Self {
            namespace,
            near,
            far,
            ..
        } = self;
        ip(&["netns", "add", namespace])?;
        ip(&["link", "add", near, "type", "veth", "peer", "name", far])?;
        ip(&["link", "set", far, "netns", namespace])?;
        ip(&["addr", "add", &format!("{}/24", self.here), "dev", near])?;
        ip(&["link", "set", near, "up"])?;
        self.inside(&["addr", "add", &format!("{}/24", self.there), "dev", far])?;
        self.inside(&["link", "set", far, "up"])?;
        self.inside(&["link", "set", "lo", "up"])
    }

    fn inside(&self, arguments: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.namespace], arguments].concat())
    }

    /// Makes both directions slow and lossy.
    pub(super) fn spoil(&self, weather: Weather) -> Result<()> {
        let delay = format!("{}ms", weather.delay_ms);
        let loss = format!("{}%", weather.loss_percent);
        let rule = ["root", "netem", "delay", &delay, "loss", &loss];
        let near = ["qdisc", "add", "dev", &self.near];
        let far = ["-n", &self.namespace, "qdisc", "add", "dev", &self.far];
        call(Command::new("tc").args(near).args(rule))?;
        call(Command::new("tc").args(far).args(rule))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The link goes with either of its ends; it has none if laying it failed early.
        for arguments in [
            ["link", "del", &self.near],
            ["netns", "del", &self.namespace],
        ] {
            if let Err(error) = ip(&arguments) {
                eprintln!("warning: {error:#}");
            }
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    call(Command::new("ip").args(arguments))
}
