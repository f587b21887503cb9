//! The layer rule: which crate may see which.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::metadata::{self, Graph};

/// Crates without I/O, clocks or randomness; whatever they are built from is bound by it too.
const PURE: [&str; 7] = [
    "da",
    "hotshot",
    "hotshot-types",
    "rollup-derive",
    "rollup-evm",
    "rollup-types",
    "sequencer-proof",
];
/// What a pure crate must not contain.
const IMPURE: [&str; 10] = [
    "async-std",
    "axum",
    "fjall",
    "futures-executor",
    "libp2p",
    "mio",
    "rand",
    "reqwest",
    "socket2",
    "tokio",
];
/// What a pure crate contains all the same, and why that is no harm.
const TOLERATED: [(&str, &str, &str); 1] = [(
    "rollup-evm",
    "rand",
    "the curves of revm's precompiles can draw points, for tests of theirs",
)];
/// Pairs that must not know of each other.
const STRANGERS: [(&str, &str); 2] = [("hotshot", "da"), ("hotshot-types", "da")];
/// Crates that only the named ones may depend on.
const TOPS: [(&str, &[&str]); 3] = [
    ("sequencer", &[]),
    ("xtask", &[]),
    ("hotshot-sim", &["xtask"]),
];

/// Checks the workspace.
pub(super) fn check() -> Result<()> {
    let graph = metadata::load()?.graph();
    let mut violations = violations(&graph);
    let missing = PURE.iter().filter(|pure| !graph.members.contains(**pure));
    violations.extend(missing.map(|pure| format!("the rule names {pure}, which is not here")));
    for (pure, impure) in impurities(&graph) {
        // The graph also has optional packages, and features that other crates turn on.
        if metadata::built_from(&pure)?.contains(impure) {
            violations.push(format!("{pure} is pure but is built from {impure}"));
        }
    }
    if violations.is_empty() {
        return Ok(());
    }
    bail!("\n  {}", violations.join("\n  "))
}

fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    let none = BTreeSet::new();
    for member in &graph.members {
        let direct = graph.any.get(member).unwrap_or(&none);
        for (top, allowed) in TOPS {
            if direct.contains(top) && !allowed.contains(&member.as_str()) {
                found.push(format!("{member} depends on {top}"));
            }
        }
        if member == "hotshot-types" {
            for dependency in direct.intersection(&graph.members) {
                found.push(format!(
                    "hotshot-types is at the bottom but depends on {dependency}"
                ));
            }
        }
    }
    for (one, other) in STRANGERS {
        for (from, to) in [(one, other), (other, one)] {
            if reachable(graph, from).contains(to) {
                found.push(format!(
                    "{from} depends on {to}, if only through another crate"
                ));
            }
        }
    }
    found
}

/// Pure crates, and what they may be built from and must not.
fn impurities(graph: &Graph) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for pure in PURE
        .into_iter()
        .filter(|pure| graph.members.contains(*pure))
    {
        let reached = reachable(graph, pure);
        let is_tolerated = |impure: &str| {
            let mut known = TOLERATED.iter();
            known.any(|(name, what, _)| (*name, *what) == (pure, impure))
        };
        for impure in IMPURE {
            if reached.contains(impure) && !is_tolerated(impure) {
                found.push((pure.to_owned(), impure));
            }
        }
    }
    found
}

/// Everything a crate is built from, without what only tests need.
fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = graph
        .normal
        .get(from)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(
                graph
                    .normal
                    .get(name)
                    .into_iter()
                    .flatten()
                    .map(String::as_str),
            );
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            for edges in [&mut graph.normal, &mut graph.any] {
                edges
                    .entry((*from).to_owned())
                    .or_default()
                    .insert((*to).to_owned());
            }
            graph.members.insert((*from).to_owned());
        }
        graph
    }

    #[test]
    fn this_workspace_keeps_the_rule() -> Result<()> {
        check()
    }

    #[test]
    fn nobody_depends_on_the_node() {
        let graph = graph(&[("adapter", "sequencer"), ("adapter", "sequencer-client")]);
        assert_eq!(violations(&graph), ["adapter depends on sequencer"]);
    }

    #[test]
    fn only_tasks_use_the_simulator() {
        let graph = graph(&[("xtask", "hotshot-sim"), ("sequencer", "hotshot-sim")]);
        assert_eq!(violations(&graph), ["sequencer depends on hotshot-sim"]);
    }

    #[test]
    fn strangers_are_found_through_a_third_crate() {
        let graph = graph(&[("hotshot", "shared"), ("shared", "da")]);
        assert_eq!(
            violations(&graph),
            ["hotshot depends on da, if only through another crate"]
        );
    }

    #[test]
    fn impurity_is_found_at_any_depth() {
        let graph = graph(&[("da", "tree"), ("tree", "pool"), ("pool", "tokio")]);
        assert_eq!(impurities(&graph), [("da".to_owned(), "tokio")]);
    }

    #[test]
    fn types_are_at_the_bottom() {
        let graph = graph(&[("hotshot-types", "hotshot"), ("hotshot", "bytes")]);
        assert_eq!(
            violations(&graph),
            ["hotshot-types is at the bottom but depends on hotshot"]
        );
    }
}
