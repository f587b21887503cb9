//! The OpenAPI document of a node, and whether answers are as it says.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::node::Node;

/// The document, and what of it was seen in answers.
pub(crate) struct Document {
    pub(crate) whole: Value,
    operations: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Document {
    pub(crate) async fn of(node: &Node) -> Self {
        let (status, form, body) = node.get("/openapi.json").await;
        assert_eq!((status, form.as_str()), (200, "application/json"));
        Self {
            whole: serde_json::from_slice(&body).unwrap(),
            operations: BTreeSet::new(),
            fields: BTreeSet::new(),
        }
    }

    fn schema(&self, name: &str) -> Value {
        self.whole["components"]["schemas"][name].clone()
    }

    /// Asserts that an answer is one that the document has for the operation.
    pub(crate) fn check_answer(&mut self, path: &str, method: &str, answer: &(u16, String, Bytes)) {
        let (status, form, body) = answer;
        let operation = format!("{method} {path}");
        let documented = &self.whole["paths"][path][method]["responses"][status.to_string()];
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        assert!(
            !documented.is_null(),
            "{operation}: {status} is not documented: {shown}"
        );
        let content = documented["content"][form]["schema"].clone();
        assert!(
            !content.is_null(),
            "{operation}: {status} in {form} is not documented: {shown}"
        );
        if form.ends_with("json") {
            let value: Value = serde_json::from_slice(body).unwrap();
            if let Err(why) = self.check(&content, &value, "answer") {
                panic!("{operation}: {status}: {why}: {shown}");
            }
        }
        self.operations.insert(operation);
    }

    pub(crate) fn check_named(&mut self, name: &str, value: &Value) {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        if let Err(why) = self.check(&schema, value, name) {
            panic!("{why}: {value}");
        }
    }

    /// What of JSON Schema the document uses; objects may have no other fields than those described.
    fn check(&mut self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap().to_owned();
            return self.check(&self.schema(&name), value, &name);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(forms) = schema[key].as_array() {
                let fits = |form: &&Value| self.clone_check(form, value, at).is_ok();
                let count = forms.iter().filter(fits).count();
                if count == 0 || (key == "oneOf" && count > 1) {
                    return Err(format!("{at}: {count} of the forms fit"));
                }
                let form = forms.iter().find(fits).unwrap().clone();
                return self.check(&form, value, at);
            }
        }
        if let Some(allowed) = schema["enum"].as_array() {
            return if allowed.contains(value) {
                Ok(())
            } else {
                Err(format!("{at}: {value} is none of the words"))
            };
        }
        let is_right = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.as_u64() >= schema["minimum"].as_u64() && value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            other => return Err(format!("{at}: the document has the type {other:?}")),
        };
        if !is_right {
            return Err(format!("{at}: {value} is no {}", schema["type"]));
        }
        if let Some(digits) = schema["pattern"].as_str().and_then(digits) {
            let text = value.as_str().unwrap_or("");
            if text.len() != digits + 2 || !text.starts_with("0x") {
                return Err(format!("{at}: {text} has not {digits} digits"));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let items = match schema["prefixItems"].as_array() {
                Some(items) => items.get(index).cloned().unwrap_or_default(),
                None => schema["items"].clone(),
            };
            self.check(&items, item, at)?;
        }
        self.check_fields(schema, value, at)
    }

    /// The same without noting what was seen.
    fn clone_check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let mut copy = Self {
            whole: self.whole.clone(),
            operations: BTreeSet::new(),
            fields: BTreeSet::new(),
        };
        copy.check(schema, value, at)
    }

    fn check_fields(&mut self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let (Some(fields), Some(properties)) =
            (value.as_object(), schema["properties"].as_object())
        else {
            return Ok(());
        };
        for required in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(required.as_str().unwrap()) {
                return Err(format!("{at}: {required} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            let Some(schema) = properties.get(name) else {
                return Err(format!("{at} is not described"));
            };
            self.check(schema, field, &at)?;
            self.fields.insert(at);
        }
        Ok(())
    }
}

/// The digits in a pattern such as `^0x[0-9a-f]{64}$`.
fn digits(pattern: &str) -> Option<usize> {
    let rest = pattern.strip_prefix("^0x[0-9a-f]{")?;
    rest.strip_suffix("}$")?.parse().ok()
}

/// Every operation was asked for, and every field of every answer was seen, apart from those that take a network to
/// come about.
pub(crate) fn assert_all_seen(document: &Document) {
    for (path, operations) in document.whole["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let operation = format!("{method} {path}");
            assert!(
                document.operations.contains(&operation),
                "{operation} was not asked for"
            );
        }
    }
    let rare = [
        "BatchSubmitted.retry_after_ms",
        "Problem.hash",
        "Problem.retry_after_ms",
        "NodeState.validator",
        "NodeState.sync",
        "NodeState.reasons",
        "ApiLimits.source_requests_per_s",
    ];
    let only_in = |schema: &str| {
        [
            "SubmitRequest",
            "BatchRequest",
            "Sync",
            "Interrupted",
            "Vote",
            "SignedTimeout",
            "QuorumCertificate",
            "TimeoutCertificate",
            "TimeoutGroup",
        ]
        .contains(&schema)
    };
    for (name, schema) in document.whole["components"]["schemas"].as_object().unwrap() {
        for field in schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            let field = format!("{name}.{field}");
            let is_excused = rare.contains(&field.as_str()) || only_in(name);
            assert!(
                document.fields.contains(&field) || is_excused,
                "{field} is described, but no answer has it"
            );
        }
    }
}
