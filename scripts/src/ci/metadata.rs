//! The packages of the build and who depends on whom, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::workspace;

/// All packages that cargo resolved.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Who depends on whom, by name. Two versions of a package count as one.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Packages of this workspace.
    pub(super) members: BTreeSet<String>,
    /// What each package is built from.
    pub(super) normal: BTreeMap<String, BTreeSet<String>>,
    /// Also what its tests and build script need.
    pub(super) any: BTreeMap<String, BTreeSet<String>>,
}

/// Asks cargo.
pub(super) fn load() -> Result<Metadata> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let text = workspace::output(workspace::cargo().args(arguments))?;
    serde_json::from_str(&text).context("cannot read what cargo metadata says")
}

/// Names and versions of what is really built. Cargo's metadata also lists optional packages that
/// only a weak feature mentions.
pub(super) fn built() -> Result<BTreeSet<(String, String)>> {
    let arguments = [
        "tree",
        "--locked",
        "--workspace",
        "--target",
        "all",
        "--prefix",
        "none",
    ];
    let mut command = workspace::cargo();
    command
        .args(arguments)
        .args(["--edges", "normal,build,dev", "--format", "{p}"]);
    let mut built = BTreeSet::new();
    for line in workspace::output(&mut command)?.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            let version = version.strip_prefix('v').unwrap_or(version);
            built.insert((name.to_owned(), version.to_owned()));
        }
    }
    Ok(built)
}

/// Names of what one crate is really built from when it is built alone, without what only its tests need.
pub(super) fn built_from(package: &str) -> Result<BTreeSet<String>> {
    let arguments = ["tree", "--locked", "--prefix", "none", "--format", "{p}"];
    let mut command = workspace::cargo();
    command
        .args(arguments)
        .args(["--edges", "normal", "--package", package]);
    let lines = workspace::output(&mut command)?;
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_owned).collect())
}

impl Metadata {
    /// The edges by name.
    pub(super) fn graph(&self) -> Graph {
        let names: BTreeMap<&str, &str> = self
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect();
        let name = |id: &str| names.get(id).copied().unwrap_or(id).to_owned();
        let mut graph = Graph {
            members: self.workspace_members.iter().map(|id| name(id)).collect(),
            ..Graph::default()
        };
        for node in &self.resolve.nodes {
            for dependency in &node.deps {
                let (from, to) = (name(&node.id), name(&dependency.pkg));
                if dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()) {
                    graph
                        .normal
                        .entry(from.clone())
                        .or_default()
                        .insert(to.clone());
                }
                graph.any.entry(from).or_default().insert(to);
            }
        }
        graph
    }
}
