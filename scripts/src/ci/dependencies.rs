//! Licenses, sources and banned crates of everything we build from, by the rules in `deny.toml`.
//!
//! cargo-deny reads the same file and knows more. This check needs nothing but cargo, so that it
//! runs everywhere.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::metadata::{self, Package};
use crate::workspace;

#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Checks every package that is built, on any machine and for tests.
pub(super) fn check() -> Result<()> {
    let path = workspace::root().join("deny.toml");
    let text = fs::read_to_string(&path).context("cannot read deny.toml")?;
    let rules: Rules = toml::from_str(&text).context("cannot read deny.toml")?;
    let built = metadata::built()?;
    let mut packages = metadata::load()?.packages;
    packages.retain(|package| built.contains(&(package.name.clone(), package.version.clone())));
    ensure!(!packages.is_empty(), "cargo names no package that is built");
    let violations = violations(&rules, &packages);
    if violations.is_empty() {
        return Ok(());
    }
    bail!("\n  {}", violations.join("\n  "))
}

fn violations(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for Package {
        name,
        version,
        license,
        source,
        ..
    } in packages
    {
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == *name) {
            found.push(format!("{name} {version} is banned: {}", ban.reason));
        }
        // Our own crates have no source.
        let Some(source) = source else { continue };
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        if !rules
            .sources
            .allow_registry
            .iter()
            .any(|allowed| allowed == registry)
        {
            found.push(format!(
                "{name} {version} comes from an unknown source: {source}"
            ));
        }
        let exception = rules
            .licenses
            .exceptions
            .iter()
            .find(|entry| entry.name == *name);
        let extra = exception
            .map(|entry| entry.allow.as_slice())
            .unwrap_or_default();
        let is_allowed = |id: &str| {
            rules
                .licenses
                .allow
                .iter()
                .chain(extra)
                .any(|known| known == id)
        };
        match license {
            Some(expression) if is_satisfied(expression, &is_allowed) => {}
            Some(expression) => {
                found.push(format!("{name} {version} has the license {expression}"))
            }
            None => found.push(format!("{name} {version} names no license")),
        }
    }
    found
}

/// Whether an SPDX expression can be met with allowed licenses; a malformed one can't. A slash is
/// the old way to say OR; AND binds more closely.
fn is_satisfied(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, is_allowed) == Some(true) && rest.is_empty()
}

fn either(rest: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut outcome = both(rest, is_allowed)?;
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        outcome |= both(rest, is_allowed)?;
    }
    Some(outcome)
}

fn both(rest: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut outcome = single(rest, is_allowed)?;
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        outcome &= single(rest, is_allowed)?;
    }
    Some(outcome)
}

/// One license or a group in parentheses; none where the expression is malformed.
fn single(rest: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let (word, after) = rest.split_first()?;
    *rest = after;
    match (*word, after) {
        ("(", _) => {
            let outcome = either(rest, is_allowed)?;
            let (close, after) = rest.split_first()?;
            *rest = after;
            (*close == ")").then_some(outcome)
        }
        ("OR" | "AND" | "WITH" | ")", _) => None,
        (_, ["WITH", exception, after @ ..]) => {
            *rest = after;
            Some(is_allowed(&format!("{word} WITH {exception}")))
        }
        _ => Some(is_allowed(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_satisfied;

    fn with_mit(expression: &str) -> bool {
        is_satisfied(expression, &|id| {
            id == "MIT" || id == "Apache-2.0 WITH LLVM-exception"
        })
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        assert!(with_mit("MIT OR Apache-2.0"));
        assert!(with_mit("Apache-2.0/MIT"));
        assert!(with_mit("GPL-3.0 OR (Unlicense OR MIT)"));
    }

    #[test]
    fn all_required_licenses_must_be_allowed() {
        assert!(!with_mit("MIT AND BSD-3-Clause"));
        assert!(with_mit("MIT AND (BSD-3-Clause OR MIT)"));
        assert!(!with_mit("(MIT OR Apache-2.0) AND Unicode-3.0"));
    }

    #[test]
    fn exception_is_part_of_the_license() {
        assert!(with_mit("Apache-2.0 WITH LLVM-exception"));
        assert!(!with_mit("Apache-2.0"));
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for expression in ["", "OR", "(MIT", "MIT MIT", "MIT OR", "MIT)"] {
            assert!(!with_mit(expression), "{expression}");
        }
    }
}
